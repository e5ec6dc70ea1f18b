"""Errors cross process borders and become exit codes."""

import ast
import importlib
import pickle
import pkgutil
import re
import signal
from collections import defaultdict
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

import locpipe.pipeline
import locpipe.stages
from locpipe.stages.errors import ExitCode, LocpipeError

CODES = {
    "LocpipeError": 1,
    "ConfigError": 2,
    "ImageError": 3,
    "ModelError": 5,
    "OutputError": 6,
    "LockedError": 75,
}
"""Part of the interface: scripts depend on the numbers."""


def below(kind: type[LocpipeError]) -> Iterator[type[LocpipeError]]:
    yield kind
    for each in kind.__subclasses__():
        yield from below(each)


@pytest.fixture(scope="module")
def kinds() -> list[type[LocpipeError]]:
    """All classes of errors in any module of locpipe."""
    for package in (locpipe.stages, locpipe.pipeline):
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            with suppress(ModuleNotFoundError):  # of an extra that is not installed
                importlib.import_module(module.name)
    return [kind for kind in below(LocpipeError) if kind.__module__.startswith("locpipe.")]


def test_every_error_has_its_exit_code(kinds: list[type[LocpipeError]]) -> None:
    assert {kind.__name__: kind.exit_code for kind in kinds} == CODES
    assert all(isinstance(kind.exit_code, ExitCode) for kind in kinds)


def test_every_error_crosses_process_borders(kinds: list[type[LocpipeError]]) -> None:
    for kind in kinds:
        copy = pickle.loads(pickle.dumps(kind("a.jpg: broken; copy it again")))
        assert type(copy) is kind
        assert str(copy) == "a.jpg: broken; copy it again"


VERBS = """
    add ask calibrate change check choose copy draw evaluate fetch free get give install leave list look
    load lower make measure mend name pip put quote raise remove rename restore run save say scale set start take train try
    use wait write
"""
REMEDY = re.compile(
    rf"(?:^|[;:,.] |so |\bor |\band |on Debian: apt-)(?:{'|'.join(VERBS.split())})\b"
    r"|(?:there are|knows|candidates|all|must be|needs|it is|compares at least)\b"
    r"|_HOW|advice|hint|remote"  # what to do stands in a variable
)
"""What to do, or what there is to choose from."""


def raised(kinds: list[type[LocpipeError]]) -> Iterator[tuple[str, str]]:
    """Where an error is raised with a message that stands there, and the fixed parts of it."""
    names = {kind.__name__ for kind in kinds}
    for package in (locpipe.stages, locpipe.pipeline):
        for file in sorted(Path(package.__path__[0]).rglob("*.py")):
            for function in ast.walk(ast.parse(file.read_text())):
                if isinstance(function, ast.FunctionDef):
                    for line, text in messages(function, names):
                        yield f"{file}:{line}", text


def messages(function: ast.FunctionDef, names: set[str]) -> Iterator[tuple[int, str]]:
    texts: dict[str, list[str]] = defaultdict(list)
    for node in ast.walk(function):
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            texts[node.targets[0].id].append(fixed(node.value))
    for node in ast.walk(function):
        if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call):
            called, given = node.exc.func, node.exc.args[:1]
            if isinstance(called, ast.Name) and called.id in names:
                for each in given:
                    known = texts[each.id] if isinstance(each, ast.Name) else [fixed(each)]
                    yield from ((node.lineno, text) for text in known if text.strip())


def fixed(message: ast.expr) -> str:
    """The words of a message, and the names of what is put into it."""
    parts = []
    for node in ast.walk(message):
        parts += [node.value] if isinstance(node, ast.Constant) else []
        parts += [node.id] if isinstance(node, ast.Name) else []
    return " ".join(part for part in parts if isinstance(part, str))


def test_every_error_names_its_remedy(kinds: list[type[LocpipeError]]) -> None:
    # A fault of a line or a member has its remedy where it is found: sources/manifests.py, members.py.
    made_elsewhere = re.compile(r"^(str error|fault line|task|\s*_\w+ .*)$")
    told = [each for each in raised(kinds) if not made_elsewhere.fullmatch(each[1])]
    assert len(told) > 150
    assert [each for each in told if not REMEDY.search(each[1])] == []


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_has_its_exit_code(number: int, code: int) -> None:
    assert ExitCode.of_signal(number) == code
