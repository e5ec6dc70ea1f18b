"""docs/architecture.md names what there is, and CONTRIBUTING.md too."""

import ast
import re
import sys
import threading
import tomllib
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from types import FrameType

import pytest
from click.testing import CliRunner
from PIL import Image

from locpipe.pipeline.cli.main import main

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


MOMENTS = {
    ("pipeline/run/plan.py", "make_plan"),
    ("pipeline/cli/run.py", "_exports"),
    ("pipeline/run/run.py", "_tasks"),
    ("stages/load.py", "load"),
    ("stages/localize.py", "localize_image"),
    ("pipeline/output/atomic.py", "write_json"),
}
ONLOOKERS = {"pipeline/cli/options.py", "pipeline/run/progress.py"}
SUMMARY = "pipeline/run/summary.py"  # it writes run.json in the same way


def ours(frame: FrameType) -> str:
    """The file of a frame, relative to the repository; nothing if it is not ours."""
    file = Path(frame.f_code.co_filename).resolve()
    inside = file.is_relative_to(ROOT / "pipeline") or file.is_relative_to(ROOT / "stages")
    return str(file.relative_to(ROOT)) if inside else ""


def callers(frame: FrameType | None) -> Iterator[str]:
    """The files of ours on a stack, outermost first; neighbours are different."""
    files: list[str] = []
    while frame is not None:
        if (file := ours(frame)) and file not in files[-1:]:
            files.append(file)
        frame = frame.f_back
    yield from reversed(files)


@pytest.fixture(scope="module")
def stacks(tmp_path_factory: pytest.TempPathFactory) -> list[list[str]]:
    """Who calls whom at each of the moments, while one picture is run in this process."""
    folder = tmp_path_factory.mktemp("path")
    Image.new("RGB", (64, 64)).save(folder / "a.png")
    found: list[list[str]] = []
    names = {name for _, name in MOMENTS}

    def look(frame: FrameType, event: str, _: object) -> None:
        name = frame.f_code.co_name
        if event == "call" and name in names and (ours(frame), name) in MOMENTS:
            found.append(list(callers(frame)))

    where = "--input", str(folder), "--output", str(folder / "out")
    threading.setprofile(look)
    sys.setprofile(look)
    try:
        done = CliRunner().invoke(main, ["run", "digits", *where, "--workers", "0"])
    finally:
        sys.setprofile(None)
        threading.setprofile(None)
    assert done.exit_code == 0, done.output
    return [stack for stack in found if SUMMARY not in stack]


def layer(file: str) -> int:
    """The height of a file in the layers of import-linter; stages lie below the pipeline."""
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]
    top, part, *_ = file.removesuffix(".py").split("/")
    for height, name in enumerate(("stages", "pipeline")):
        for contract in contracts["contracts"]:
            if top == name and contract.get("containers") == [f"locpipe.{name}"]:
                (depth,) = [i for i, each in enumerate(contract["layers"]) if part in each.split(" : ")]  # fmt: skip
                return 100 * height - depth
    raise AssertionError(file)


def test_the_path_of_a_picture_has_at_most_twelve_files(stacks: list[list[str]]) -> None:
    path = ARCHITECTURE.split("## The path of one picture")[1].split("\n## ")[0]
    told = {file for file, _ in re.findall(r"`([\w/]+\.py)` \| `([\w.]+)`", path)}
    assert {file for stack in stacks for file in stack} - ONLOOKERS == told
    assert len(told) <= 12


def test_the_path_of_a_picture_climbs_at_most_twice(stacks: list[list[str]]) -> None:
    steps = {step for stack in stacks for step in pairwise(stack)}
    assert {step for step in steps if layer(step[1]) > layer(step[0])} == {
        ("pipeline/workers/dispatch.py", "pipeline/run/run.py"),
        ("pipeline/run/run.py", "pipeline/cli/run.py"),
    }


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
