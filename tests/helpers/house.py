"""Facts about imports, files and classes of `pipeline/`, `stages/` and `locpipe/`."""

import ast
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

__all__ = ["LateImport", "circles", "late_imports", "long_files", "loose_files", "shared_names"]

MOST_LINES = 400
_NOQA = re.compile(r"noqa:?\s*[A-Z0-9, ]*")


@dataclass(frozen=True)
class LateImport:
    """An import inside a function, and the comment on or above its line, without markers."""

    file: str
    line: int
    reason: str


def files(root: Path) -> dict[Path, str]:
    """Return all our files by module name; `locpipe/pipeline` and `locpipe/stages` are links."""
    found = sorted(
        file
        for pattern in ("locpipe/*.py", "locpipe/*.pyi", "pipeline/**/*.py", "stages/**/*.py")
        for file in root.glob(pattern)
    )
    return {file: _module(file.relative_to(root)) for file in found}


def circles(root: Path) -> list[list[str]]:
    """Return the groups of modules that import each other, however far around.

    An edge is an import statement or a call of `import_module` or `__import__` with a constant
    name, at the top or in a function. Imports under `if TYPE_CHECKING:` do not count, as they never
    run. Names in `locpipe/__init__.pyi` count, as lazy_loader imports them. The `__init__` of the
    packages above a module does not count: otherwise every package that imports its own files would
    be a circle.
    """
    modules = files(root)
    edges: dict[str, set[str]] = {}
    for file, name in modules.items():
        tree = ast.parse(file.read_text("utf-8"))
        found = _imported(tree, name, file, set(modules.values()))
        edges.setdefault(name, set()).update(found - {name})
    far = {name: _reached(name, edges) for name in edges}
    groups = {
        tuple(sorted(other for other in far[name] if name in far[other]))
        for name in edges
        if name in far[name]
    }
    return [list(group) for group in sorted(groups)]


def late_imports(root: Path) -> list[LateImport]:
    """Return the imports inside functions, however they are written."""
    found = []
    for file in files(root):
        if file.suffix == ".py":
            text = file.read_text("utf-8")
            lines, reason, last = text.splitlines(), "", -1
            for node in _late(ast.parse(text)):
                own = _comment("\n".join(lines[node.lineno - 1 : node.end_lineno]))
                above = lines[node.lineno - 2].strip()
                if above.startswith("#"):
                    own = own or _comment(above)
                elif node.lineno == last + 1:  # a block of imports has one reason
                    own = own or reason
                reason, last = own, node.end_lineno or node.lineno
                found.append(LateImport(str(file.relative_to(root)), node.lineno, own))
    return found


def loose_files(root: Path) -> list[str]:
    """Return the files directly in `pipeline/`, except its public module."""
    kept = {"__init__.py", "api.py"}
    return sorted(file.name for file in (root / "pipeline").glob("*.py") if file.name not in kept)


def long_files(root: Path) -> list[str]:
    """Return the files of more than 400 lines."""
    return [
        str(file.relative_to(root))
        for file in files(root)
        if len(file.read_text("utf-8").splitlines()) > MOST_LINES
    ]


def shared_names(root: Path) -> list[str]:
    """Return the names that two public classes have."""
    names = Counter(
        node.name
        for file in files(root)
        for node in ast.parse(file.read_text("utf-8")).body
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_")
    )
    return sorted(name for name, count in names.items() if count > 1)


def _module(file: Path) -> str:
    parts = file.with_suffix("").parts
    parts = parts if parts[0] == "locpipe" else ("locpipe", *parts)
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def _run(tree: ast.AST) -> Iterator[ast.AST]:
    """Yield the nodes of a tree, without parts that are only for type checkers."""
    yield tree
    for child in ast.iter_child_nodes(tree):
        if isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test):
            for other in child.orelse:
                yield from _run(other)
        else:
            yield from _run(child)


def _is_import(node: ast.AST) -> bool:
    if isinstance(node, ast.Call):
        called = node.func.attr if isinstance(node.func, ast.Attribute) else ""
        called = node.func.id if isinstance(node.func, ast.Name) else called
        return called in {"import_module", "__import__"}
    return isinstance(node, ast.Import | ast.ImportFrom)


def _late(tree: ast.Module) -> list[ast.stmt | ast.Call]:
    inside = {
        node
        for function in _run(tree)
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
        for node in _run(function)
        if isinstance(node, ast.stmt | ast.Call) and _is_import(node)
    }
    return sorted(inside, key=lambda node: node.lineno)


def _imported(tree: ast.Module, name: str, file: Path, modules: set[str]) -> set[str]:
    package = name if file.stem == "__init__" else name.rpartition(".")[0]
    found = set()
    for node in _run(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = _absolute("." * node.level + (node.module or ""), package)
            for alias in node.names:
                inner = f"{base}.{alias.name}"
                found.add(inner if inner in modules else base)
        elif isinstance(node, ast.Call) and _is_import(node) and node.args:
            argument = node.args[0]
            if isinstance(argument, ast.Constant) and isinstance(argument.value, str):
                found.add(_absolute(argument.value, package))
    return found & modules


def _absolute(name: str, package: str) -> str:
    level = len(name) - len(name.lstrip("."))
    if not level:
        return name
    above = package.split(".")[: len(package.split(".")) - level + 1]
    return ".".join([*above, name[level:]]).rstrip(".")


def _reached(start: str, edges: dict[str, set[str]]) -> set[str]:
    seen: set[str] = set()
    todo = [start]
    while todo:
        new = edges.get(todo.pop(), set()) - seen
        seen |= new
        todo += new
    return seen


def _comment(text: str) -> str:
    """Return the text of the comments of some lines, without marks for tools."""
    said = " ".join(line.partition("#")[2] for line in text.splitlines() if "#" in line)
    return _NOQA.sub("", said).strip(" #-()")
