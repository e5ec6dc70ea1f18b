"""docs/architecture.md names what there is, and CONTRIBUTING.md too."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
ARCHITECTURE = (ROOT / "docs" / "architecture.md").read_text("utf-8")
CONTRIBUTING = (ROOT / "CONTRIBUTING.md").read_text("utf-8")
FILE = re.compile(r"`((?:locpipe|pipeline|stages|configs|data|tests|benchmarks)/[\w/.-]*)`")
ADDED = {  # what the examples add
    "pipeline/export/to/counted.py",
    "pipeline/ocr/ruler.py",
    "pipeline/evaluation/as_many.py",
    "stages/nets/tiny.py",
}
NAMED_IN_FILE = re.findall(r"`((?:pipeline|stages)/[\w/]+\.py)` \| `([\w.]+)`", ARCHITECTURE) + [
    (file, name) for name, file in re.findall(r"`(\w+)` \| `([\w/]+\.py)`", ARCHITECTURE)
]


def names(file: Path) -> set[str]:
    """Classes, functions and methods (`Class.method`) of a file."""
    found = set()
    for node in ast.parse(file.read_text("utf-8")).body:
        if isinstance(node, ast.ClassDef | ast.FunctionDef):
            found.add(node.name)
        if isinstance(node, ast.ClassDef):
            found |= {
                f"{node.name}.{part.name}"
                for part in node.body
                if isinstance(part, ast.FunctionDef)
            }
    return found


@pytest.mark.parametrize("text", [ARCHITECTURE, CONTRIBUTING], ids=["architecture", "contributing"])
def test_every_file_that_is_named_is_there(text: str) -> None:
    named = set(FILE.findall(text)) - ADDED
    assert len(named) > 5
    assert [path for path in sorted(named) if not (ROOT / path).exists()] == []


@pytest.mark.parametrize(("file", "name"), NAMED_IN_FILE)
def test_every_function_of_the_path_is_in_its_file(file: str, name: str) -> None:
    assert name in names(ROOT / file)


def test_the_path_of_a_picture_has_at_most_twelve_files() -> None:
    path = ARCHITECTURE.split("## The path of one picture")[1].split("\n## ")[0]
    assert 8 <= len(set(FILE.findall(path))) <= 12


def test_every_folder_is_in_the_tree() -> None:
    tree = ARCHITECTURE.split("## The tree")[1].split("\n## ")[0]
    named = set(FILE.findall(tree))
    folders = {
        f"{one.parent.name}/{one.name}/"
        for top in ("pipeline", "stages")
        for one in (ROOT / top).iterdir()
        if (one / "__init__.py").exists()
    }
    assert folders - named == set()
