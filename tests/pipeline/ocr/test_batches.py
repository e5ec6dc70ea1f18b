"""Crops in batches: what a batch that is too slow costs."""

import json
import os
import shutil
from collections.abc import Callable, Sequence
from importlib.resources import files
from pathlib import Path

import jsonschema
import numpy as np
import pytest
from numpy.typing import NDArray

from locpipe.pipeline.config.sections import RunConfig
from locpipe.pipeline.ocr.batches import MOST, Batches
from locpipe.pipeline.ocr.engine import Seen
from locpipe.pipeline.ocr.run import ReadOptions, execute
from locpipe.pipeline.ocr.settings import ReadConfig

SCHEMA = json.loads(files("locpipe.pipeline.output").joinpath("schemas/read-1.json").read_text())


class Weary:
    """An engine that is too slow for a batch with a black crop."""

    version = language = "weary"
    padding, min_confidence, places_words = 0.0, 0.5, False

    def read(self, crops: Sequence[NDArray[np.uint8]], seconds: float) -> list[list[Seen]]:
        if not all(crop.any() for crop in crops):
            msg = f"took longer than {seconds} s"
            raise TimeoutError(msg)
        return [[Seen(str(crop.max()), 0.9, 0, crop.shape[1])] for crop in crops]


def crops(*black: int, count: int = 4 * MOST) -> list[NDArray[np.uint8]]:
    return [np.full((2, 3, 3), 0 if i in black else 1 + i % 200, np.uint8) for i in range(count)]


@pytest.mark.parametrize("count", [0, 1, MOST, 2 * MOST + 1])
def test_every_crop_is_read_in_its_place(count: int) -> None:
    begun: list[None] = []
    batches = Batches(Weary(), 60, lambda: begun.append(None))
    given = crops(count=count)
    assert [one[0].text for one in batches.read(given)] == [str(crop.max()) for crop in given]
    assert len(begun) == -(-count // MOST)
    assert (batches.slow, batches.unread) == ([], 0)


def test_a_batch_that_is_too_slow_costs_no_other() -> None:
    batches = Batches(Weary(), 60)
    seen = batches.read(crops(MOST + 5))
    assert [bool(one) for one in seen] == [i // MOST != 1 for i in range(4 * MOST)]
    assert (len(batches.slow), batches.unread, batches.read_some) == (1, MOST, True)


def test_after_two_slow_batches_nothing_more_is_read() -> None:
    batches = Batches(Weary(), 60)
    assert not any(batches.read(crops(3, MOST + 5)))
    assert (len(batches.slow), batches.unread, batches.read_some) == (2, 4 * MOST, False)


def test_what_was_read_before_the_limit_is_kept_and_the_page_is_read_again(
    run: Path, hostile: Callable[[str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A batch has one crop here. Tesseract hangs from the second one on."""
    monkeypatch.setattr("locpipe.pipeline.ocr.batches.MOST", 1)
    with pytest.MonkeyPatch.context() as path:
        path.setenv("PATH", os.environ["PATH"])
        hostile(
            f"mark, real = {str(run / 'begun')!r}, {shutil.which('tesseract')!r}\n"
            "if os.path.exists(mark): time.sleep(60)\n"
            "file = open(mark, 'wb+')\n"
            "file.write(pages), file.seek(0), os.dup2(file.fileno(), 0)\n"
            "os.execv(real, [real, *sys.argv[1:]])"
        )
        limited = ReadOptions(workers=RunConfig(workers=0, timeout=4))
        report = execute(run, ReadConfig(unit="word"), limited)
    assert (report["counts"]["done"], report["counts"]["failed"]) == (1, 2)
    document = json.loads((run / "read" / "a.png.json").read_bytes())
    jsonschema.validate(document, SCHEMA)
    assert (document["text"], document["unread"]) == ("Harbour\n", 2)
    assert "--timeout; 2 crops were not read" in (run / "read-failures.jsonl").read_text()
    (run.parent.parent / "bin" / "tesseract").unlink()
    again = execute(run, ReadConfig(unit="word"), ReadOptions(workers=RunConfig(workers=0)))
    assert (again["counts"]["done"], again["counts"]["up_to_date"]) == (2, 1)
    assert (run / "read" / "a.png.txt").read_bytes() == b"Harbour street\nmarket\n"
