"""Text detectors, each running as a process in its own virtual environment."""

import json
import subprocess
import sys
import venv
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PROGRAM = Path(__file__).parent / "detectors" / "detector.py"


@dataclass(frozen=True)
class Variant:
    """A kind of boxes of a detector: its name, its name in the table, words or lines."""

    name: str
    title: str
    boxes: str


@dataclass(frozen=True)
class Detector:
    """A detector of `detectors/detector.py`.

    Attributes:
        name: its name in that file.
        variants: the kinds of boxes that it gives.
        requirements: file with the requirements of its virtual environment; None: it runs in ours.
        slow: whether it is slow, so that it gets only a few pictures.
    """

    name: str
    variants: tuple[Variant, ...]
    requirements: str | None = None
    slow: bool = False


OURS = Detector("text", (Variant("text", "**locpipe `text`**", "word"),))
_CRAFT = (
    Variant("craft", "CRAFT mlt 25k", "word"),
    Variant("craft-lines", "CRAFT, joined by EasyOCR", "line"),
)
COMPETITORS = (
    Detector("craft", _CRAFT, "craft.txt", slow=True),
    *(
        Detector(name, (Variant(name, title, boxes),), requirements)
        for name, requirements, title, boxes in (
            ("ppocr-v4-mobile", "rapidocr4.txt", "PP-OCRv4 mobile", "line"),
            ("ppocr-v5-mobile", "rapidocr.txt", "PP-OCRv5 mobile", "line"),
            ("ppocr-v6-small", "rapidocr.txt", "PP-OCRv6 small", "line"),
            ("ppocr-v6-tiny", "rapidocr.txt", "PP-OCRv6 tiny", "line"),
            ("tesseract", None, "Tesseract 5, psm 11, confidence ≥ 50", "word"),
            ("mser", "mser.txt", "MSER + grouping (OpenCV)", "word"),
        )
    ),
)


class Unavailable(Exception):  # noqa: N818 - says what it is
    """A detector cannot be installed or does not work; the message says why."""


def environment(requirements: str | None, folder: Path) -> Path:
    """Return the Python of a virtual environment with these requirements, which is made if missing.

    Raises:
        Unavailable: it cannot be made.
    """
    if requirements is None:
        return Path(sys.executable)
    wanted = PROGRAM.parent / requirements
    home = folder / wanted.stem
    python, installed = home / "bin" / "python", home / "installed.txt"
    if not installed.exists() or installed.read_text() != wanted.read_text():
        venv.create(home, with_pip=True, clear=True)
        command = [str(python), "-m", "pip", "install", "-q", "-r", str(wanted)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise Unavailable(_last_line(done.stderr))
        installed.write_text(wanted.read_text())
    return python


def _last_line(text: str) -> str:
    lines = [line for line in text.splitlines() if line.strip()] or ["it says nothing"]
    return lines[-1]


@dataclass(frozen=True)
class Answer:
    """The answer of a detector for a picture: polygons by variant, in the upright frame."""

    width: int
    height: int
    seconds: float
    found: dict[str, list[list[list[float]]]]


class Process:
    """A running detector.

    Raises:
        Unavailable: it does not start.
    """

    def __init__(self, detector: Detector, work: Path) -> None:
        python = environment(detector.requirements, work / "venvs")
        self._log = work / "logs" / f"{detector.name}.txt"
        self._log.parent.mkdir(parents=True, exist_ok=True)
        with self._log.open("w") as log:
            self._process = subprocess.Popen(
                [str(python), str(PROGRAM), detector.name],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )
        about = work / "about" / f"{detector.name}.json"
        about.parent.mkdir(parents=True, exist_ok=True)
        self.about: dict[str, Any] = self._read()
        about.write_text(json.dumps(self.about))

    def ask(self, picture: Path) -> Answer:
        """Return the answer for a picture.

        Raises:
            Unavailable: it has died.
        """
        assert self._process.stdin is not None
        try:
            print(json.dumps(str(picture.resolve())), file=self._process.stdin, flush=True)
        except (
            BrokenPipeError,
            ValueError,
        ):  # it has just died, or was closed after an earlier death
            raise Unavailable(_last_line(self._log.read_text())) from None
        return Answer(**self._read())

    def _read(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            self.stop()
            raise Unavailable(_last_line(self._log.read_text()))
        said: dict[str, Any] = json.loads(line)
        return said

    def stop(self) -> None:
        """Let it end."""
        self._process.communicate()


@contextmanager
def running(detector: Detector, work: Path) -> Iterator[Process]:
    """Start a detector and end it afterwards."""
    process = Process(detector, work)
    try:
        yield process
    finally:
        process.stop()
