"""Workers share the memory given to us, and a picture that needs more than a share is done as well."""

import json
import resource
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from locpipe.pipeline import api
from locpipe.stages.errors import ImageError

Start = Callable[..., Any]


@pytest.fixture
def little_memory() -> Iterator[int]:
    """What is started thinks that it is given so many bytes; Linux itself does not mind."""
    before = resource.getrlimit(resource.RLIMIT_RSS)
    resource.setrlimit(resource.RLIMIT_RSS, (1_700_000_000, before[1]))
    yield 1_700_000_000
    resource.setrlimit(resource.RLIMIT_RSS, before)


@pytest.mark.skipif(sys.platform != "linux", reason="RLIMIT_RSS means nothing on Linux only")
def test_a_picture_that_needs_more_than_a_share_is_done_with_fewer_workers(
    pictures: Path, tmp_path: Path, little_memory: int, start_locpipe: Start
) -> None:
    with Image.open(pictures / "coffee.jpg") as picture:
        picture.resize((730, 550)).save(pictures / "large.jpg")  # takes 1.1 GiB, as windows do
        picture.resize((1200, 900)).save(pictures / "too-large.jpg")  # takes 2.9 GiB
        sizes = ((150, 100), (730, 550), (1200, 900), (160, 100))
        pages = [picture.resize(size) for size in sizes]
        pages[0].save(pictures / "book.tif", save_all=True, append_images=pages[1:])
    output = tmp_path / "out"
    process = start_locpipe(
        "run", "digits", "--input", pictures, "--output", output, "--workers", "2",
        "--set", "heatmap.weights=classifier", "--set", "heatmap.normalize=calibrated",
    )  # fmt: skip
    _, said = process.communicate(timeout=300)
    assert process.returncode == 3, said
    report = json.loads((output / "run.json").read_bytes())
    assert (report["counts"]["done"], report["counts"]["failed"]) == (5, 2), said
    assert "2 pictures need more memory" in said
    lines = (output / "failures.jsonl").read_text().splitlines()
    page, failure = map(json.loads, lines)
    assert (page["path"], page["page"], page["attempts"]) == ("book.tif", 3, 1)
    assert "a worker has 1.6 GiB" in page["message"]
    assert failure["path"] == "too-large.jpg"
    assert "a worker has 0.8 GiB" in failure["message"]
    made = sorted(file.name for file in (output / "boxes").glob("book*"))
    assert made == ["book.tif.json", "book.tif.page-2.json", "book.tif.page-4.json"]
    assert little_memory < 2 * 1.1 * 2**30


def test_localize_asks_for_memory_before_it_takes_it(
    pictures: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(api, "MEMORY", 10_000_000)
    with pytest.raises(ImageError, match=r"coffee.jpg.*: 300 x 200 pixels need about"):
        api.localize(pictures / "coffee.jpg")
    shutil.copy(pictures / "coffee.jpg", pictures / "small.jpg")
    settings = {"run.memory_limit": "1GiB"}
    assert api.localize(pictures / "small.jpg", settings=settings).image.width == 300
