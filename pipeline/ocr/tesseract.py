"""Tesseract: one process reads all crops of a page, given as the pages of a TIFF.

Starting a process takes longer than reading a word. Light ink on dark needs no care: if unsure,
Tesseract tries the negative itself (`tessedit_do_invert`).
"""

import csv
import io
import os
import re
import shutil
import subprocess
import threading
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
import PIL.Image
from numpy.typing import NDArray

from ...stages.errors import ConfigError, ImageError
from ..workers.machine import seconds_of_work
from .engine import Seen
from .units import joined

PROGRAM: Final = "tesseract"
ONE_LINE: Final = (
    "7"  # psm; 8 (one word) reads fewer words, as it takes no part of a crop for background
)
LOOKS: Final = ((0.0, 40, 10), (0.1, 48, 12))
"""Two ways to show a crop: share of the box's height that is cut off around it; height in pixels
after scaling; border in pixels. If the results differ, the surer one is kept: 6 % more words."""
LONGEST: Final = 30_000  # pixels: Tesseract counts them in 16 bits
LOOK_SECONDS: Final = 0.5
WORD: Final = "5"  # level of words in its table


def open_engine(language: str | None) -> "Tesseract":
    """Find the program and its language.

    Raises:
        ConfigError: the program or the language is not installed.
    """
    if shutil.which(PROGRAM) is None:
        msg = "tesseract is not on the PATH; install it, on Debian: apt-get install tesseract-ocr"
        raise ConfigError(msg)
    return Tesseract(language or "eng")


class Tesseract:
    """Reads with the program on the PATH.

    The language is one installed language or several, such as `eng+deu`.

    Raises:
        ConfigError: a language is not installed.
    """

    padding = 0.15
    min_confidence = 0.6
    places_words = True

    def __init__(self, language: str) -> None:
        self.language = language
        first_line = _ask("--version").splitlines()[0]
        self.version = first_line.replace(" v", " ")
        installed = _ask("--list-langs").split("\n", 1)[1].split()
        for name in language.split("+"):
            if name not in installed:
                msg = (
                    f"language {name!r} of tesseract is not installed (there are: "
                    f"{', '.join(installed)}); on Debian: apt-get install "
                    f"tesseract-ocr-{name.lower().replace('_', '-')}"
                )
                raise ConfigError(msg)

    def read(self, crops: Sequence[NDArray[np.uint8]], seconds: float) -> list[list[Seen]]:
        """Read crops; see `Engine.read`."""
        strips = [prepared_for(crop, *look) for look in LOOKS for crop in crops]
        pages = [PIL.Image.fromarray(strip.pixels) for strip in strips]
        tiff = io.BytesIO()
        pages[0].save(tiff, format="TIFF", save_all=True, append_images=pages[1:])
        command = [PROGRAM, "-", "-", "--psm", ONE_LINE, "--dpi", "300", "-l", self.language]
        with (
            subprocess.Popen(  # noqa: S603 - no shell, and the language is one of those listed
                [*command, "tsv"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                env={**os.environ, "OMP_THREAD_LIMIT": "1"},
            ) as process,
            _limited(process, seconds) as is_late,
        ):
            out, err = process.communicate(tiff.getvalue())
        if is_late.is_set():
            msg = f"tesseract took longer than {seconds:.0f} s for {len(crops)} crops; raise --timeout"
            raise TimeoutError(msg)
        if process.returncode:
            said = err.decode(errors="replace").strip()[-200:]
            msg = f"tesseract ended with {process.returncode} on {len(crops)} crops ({said}); check its installation with `tesseract --list-langs`"
            raise ImageError(msg)
        seen = seen_by_page(out.decode("utf-8", "replace"), strips)
        looks = zip(seen[: len(crops)], seen[len(crops) :], strict=True)
        return [max(both, key=lambda words: joined(words).confidence) for both in looks]


@dataclass(frozen=True, eq=False)
class Strip:
    """A crop for Tesseract: grey pixels, uint8 [h, w].

    It begins at column `left` of the crop. One column of it is `scale` columns of the crop.
    """

    pixels: NDArray[np.uint8]
    left: float
    scale: float


@contextmanager
def _limited(process: subprocess.Popen[bytes], seconds: float) -> Iterator[threading.Event]:
    """End a program that works longer than `seconds`, or does nothing for as long.

    Its CPU time counts, not the time it waits for other programs. The event is set if it was ended.
    """
    is_done, is_late = threading.Event(), threading.Event()

    def watch() -> None:
        worked, since = 0.0, time.monotonic()
        while not is_done.wait(min(LOOK_SECONDS, seconds)):
            if (now := seconds_of_work(process.pid)) > worked:
                worked, since = now, time.monotonic()
            if worked > seconds or time.monotonic() - since > seconds:
                is_late.set()
                process.kill()
                return

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        yield is_late
    finally:
        is_done.set()
        watcher.join()
        process.kill()  # if the block was interrupted


def _ask(option: str) -> str:
    done = subprocess.run([PROGRAM, option], capture_output=True, text=True, check=False)  # noqa: S603 - ours
    if done.returncode:
        msg = f"tesseract {option} ended with {done.returncode}: {done.stderr.strip()}; mend its installation"
        raise ConfigError(msg)
    return done.stdout


def prepared_for(crop: NDArray[np.uint8], cut: float, height: int, border: int) -> Strip:
    """Return a crop as Tesseract reads it best: grey, about as high as its training data."""
    rows, columns = crop.shape[:2]
    edge = int(cut * rows / (1 + 2 * Tesseract.padding))
    side = min(edge, (columns - 1) // 2)
    inner = crop[edge : rows - edge, side : columns - side]
    grey = cv2.cvtColor(inner, cv2.COLOR_RGB2GRAY)
    size = (min(LONGEST, max(1, round(grey.shape[1] * height / len(grey)))), height)
    mode = cv2.INTER_AREA if len(grey) > height else cv2.INTER_CUBIC
    resized = cv2.resize(grey, size, interpolation=mode)
    borders = (border, border, border, border)
    pixels = cv2.copyMakeBorder(resized, *borders, cv2.BORDER_REPLICATE)
    scale = grey.shape[1] / size[0]
    return Strip(np.asarray(pixels, np.uint8), side - border * scale, scale)


def seen_by_page(table: str, strips: Sequence[Strip]) -> list[list[Seen]]:
    """Return the words of Tesseract's tab-separated table, one list per strip."""
    words: defaultdict[int, list[Seen]] = defaultdict(list)
    for row in csv.DictReader(io.StringIO(table), delimiter="\t", quoting=csv.QUOTE_NONE):
        text = re.sub(r"\s+", " ", row["text"] or "").strip()
        if row["level"] == WORD and text:
            number = int(row["page_num"]) - 1
            words[number].append(_word(row, text, strips[number]))
    return [words[number] for number in range(len(strips))]


def _word(row: Mapping[str, str], text: str, strip: Strip) -> Seen:
    begin, width = int(row["left"]), int(row["width"])
    left, right = (strip.left + strip.scale * column for column in (begin, begin + width))
    return Seen(text, min(1.0, max(0.0, float(row["conf"]) / 100)), left, right)
