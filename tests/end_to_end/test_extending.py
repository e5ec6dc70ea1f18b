"""One file and one line add a format, an OCR engine, a protocol or a network.

Each test takes them from CONTRIBUTING.md, adds them to a copy of the code, changes nothing else, and
runs the command.
"""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from run_fixtures import boxes, make_run, sign

__all__ = ["boxes", "make_run", "sign"]

ROOT = Path(__file__).resolve().parents[2]
BOX = [[20, 30], [120, 30], [120, 60], [20, 60]]

GUIDE = (ROOT / "CONTRIBUTING.md").read_text("utf-8")


def shown(file: str) -> str:
    """Return the code that CONTRIBUTING.md shows for a file."""
    (found,) = re.findall(rf"`{re.escape(file)}`[^\n]*:\n\n```python\n(.*?)```", GUIDE, re.DOTALL)
    return str(found)


class Copy:
    """A copy of the code in a folder of its own, to which a test adds."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        for name in ("locpipe", "pipeline", "stages"):
            shutil.copytree(
                ROOT / name,
                folder / name,
                symlinks=True,
                ignore=shutil.ignore_patterns("__pycache__"),
            )

    def add(self, file: str, registry: str, before: str, *, instead: bool = False) -> None:
        """Add a file, and in a registry one line before another, or instead of it."""
        assert not (self.folder / file).exists()
        (self.folder / file).write_text(shown(file))
        lines = (self.folder / registry).read_text().splitlines(keepends=True)
        (index,) = [number for number, old in enumerate(lines) if old.startswith(before)]
        lines[index : index + instead] = [shown(registry)]
        (self.folder / registry).write_text("".join(lines))

    def run(self, *arguments: str | Path) -> str:
        """Run locpipe from the copy, and return what it prints."""
        return self.python("-m", "locpipe", *arguments)

    def python(self, *arguments: str | Path) -> str:
        """Run Python beside the copy, and return what it prints."""
        done = subprocess.run(
            [sys.executable, *map(str, arguments)],
            cwd=self.folder,
            env={**os.environ, "PYTHONPATH": str(self.folder)},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout


@pytest.fixture
def copy(tmp_path: Path) -> Copy:
    return Copy(tmp_path / "copy")


@pytest.fixture
def out(
    make_run: Callable[[dict[str, Any]], Path], sign: Image.Image, boxes: list[dict[str, Any]]
) -> Path:
    """The output of a run with three boxes on one picture, whose truth knows one of them."""
    folder = make_run({"a.png": (sign, 1, boxes)})
    corners = ",".join(str(number) for corner in BOX for number in corner)
    (folder / "gt").mkdir()
    (folder / "gt" / "a.txt").write_text(f"{corners},word\n")
    return folder / "out"


def test_an_export_format(copy: Copy, out: Path) -> None:
    copy.add("pipeline/export/to/counted.py", "pipeline/config/exports.py", '    "coco":')
    assert "how many boxes a page has" in copy.run("export", "--help")
    assert "counted\thow many boxes" in copy.run("export", out, "--to", "counted")
    assert (out / "exports" / "counted" / "a.png.count").read_text() == "3\n"
    assert "counted" in copy.run(
        "config", "show", ROOT / "configs" / "text.yaml", "--set", "output.exports=[counted]"
    )


def test_an_ocr_engine(copy: Copy, out: Path) -> None:
    copy.add("pipeline/ocr/ruler.py", "pipeline/ocr/engines.py", "EngineName = ", instead=True)
    copy.run("read", out, "--engine", "ruler", "--workers", "0")
    document = json.loads((out / "read" / "a.png.json").read_bytes())
    assert (document["made_by"]["engine"], document["boxes"][0]["text"]) == ("ruler 1", "100")


def test_a_protocol(copy: Copy, out: Path) -> None:
    copy.add("pipeline/evaluation/as_many.py", "pipeline/evaluation/protocols.py", '    "pixel":')
    assert "as many boxes as there is truth" in " ".join(copy.run("evaluate", "--help").split())
    arguments = ("evaluate", out, "--truth", out.parent / "gt", "--protocol", "as_many", "--json")
    totals = json.loads(copy.run(*arguments))["totals"]
    assert totals["as_many"]["score"] == {"precision": 0.0, "recall": 0.0, "h": 0.0}


def test_a_network(copy: Copy) -> None:
    copy.add("stages/nets/tiny.py", "stages/nets/__init__.py", '    "tutorial-fc":')
    program = (
        "import torch; from locpipe.stages.nets import build; network = build('tiny', 5); "
        "print(*network(torch.zeros(2, 3, 40, 30)).shape, network.channels())"
    )
    assert copy.python("-c", program).split() == ["2", "5", "16"]
