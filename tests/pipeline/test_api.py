"""locpipe for programs: what it gives is what the command line writes."""

import doctest
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import nn

import locpipe
from locpipe.pipeline import api
from locpipe.pipeline.config.file import find_config, read_settings
from locpipe.pipeline.output.box_json import Maker, box_document, page_of_result
from locpipe.pipeline.output.pictures import mask_pixels

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "data" / "samples" / "newspaper.png"


@pytest.fixture(autouse=True)
def at_the_root(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The examples are written for someone who stands in the checkout."""
    monkeypatch.chdir(ROOT)
    before = torch.get_num_threads()
    yield
    assert torch.get_num_threads() == before


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> locpipe.RunReport:
    """The text config as it ships, on one photograph."""
    output = tmp_path_factory.mktemp("written")
    settings = {"input.path": PAGE, "output.path": output, "run.workers": 0}
    return locpipe.run("text", settings=settings)


def test_the_examples_of_the_documentation_run() -> None:
    outcome = doctest.testmod(api, optionflags=doctest.NORMALIZE_WHITESPACE)
    assert outcome.attempted >= 20
    assert outcome.failed == 0


def test_localize_finds_what_a_run_writes(written: locpipe.RunReport) -> None:
    result = locpipe.localize(PAGE)
    document = json.loads((written.output / "boxes" / f"{PAGE.name}.json").read_bytes())
    maker = Maker(**document["made_by"])
    page = page_of_result(result, PAGE.name, document["image"]["sha256"], maker)
    again = box_document(page)
    assert json.loads(json.dumps(again)) == document
    assert document["boxes"]
    mask = cv2.imread(str(written.output / "masks" / f"{PAGE.name}.png"), cv2.IMREAD_GRAYSCALE)
    assert mask is not None
    assert np.array_equal(mask, mask_pixels(result))


def test_an_array_is_taken_as_a_file_is() -> None:
    from_file = locpipe.localize(PAGE)
    from_array = locpipe.localize(from_file.image.rgb)
    assert from_array.boxes == from_file.boxes
    assert np.array_equal(from_array.heatmap.values, from_file.heatmap.values)


def test_the_image_of_an_array_does_not_share_its_fate() -> None:
    pixels = np.full((40, 50), 90, np.uint8)
    result = locpipe.localize(pixels, "digits")
    assert (result.image.width, result.image.height) == (50, 40)
    assert (result.image.rgb == 90).all()


@pytest.mark.parametrize(
    "pixels",
    [
        np.zeros((4, 4, 3), np.float32),
        np.zeros((4, 4, 4), np.uint8),
        np.zeros((0, 4, 3), np.uint8),
        np.zeros(4, np.uint8),
    ],
)
def test_no_other_array_is_a_picture(pixels: NDArray[np.uint8]) -> None:
    with pytest.raises(locpipe.ImageError, match=r"uint8 \[H, W, 3\]"):
        locpipe.localize(pixels)


def test_pictures_of_other_libraries_are_taken_as_they_are(tmp_path: Path) -> None:
    rgb = np.ascontiguousarray(locpipe.localize(PAGE, "digits").image.rgb[:60, :90])
    tensor = torch.from_numpy(rgb).permute(2, 0, 1)
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(np.rot90(rgb).copy()).save(tmp_path / "turned.png", exif=exif)
    pictures = (Image.fromarray(rgb), Image.open(tmp_path / "turned.png"), tensor, tensor / 255)
    for picture in pictures:
        assert np.array_equal(locpipe.localize(picture, "digits").image.rgb, rgb)
    clear = Image.new("RGBA", (30, 20), (255, 0, 0, 0))
    assert (locpipe.localize(clear, "digits").image.rgb == 255).all()


@pytest.mark.parametrize(
    "picture",
    [None, 7, ["a.png"], torch.zeros(2, 3, 8, 8), torch.randn(3, 8, 8) * 3, Image.new("I;16", (4, 4))],
)  # fmt: skip
def test_what_is_no_picture_is_told_what_would_be(picture: Any) -> None:
    with pytest.raises(locpipe.ImageError, match=r"give |save it and give the file") as error:
        locpipe.localize(picture, "digits")
    assert "\n" not in str(error.value)


def test_a_config_beside_a_model_says_what_to_do_with_it(tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text("model: text\nthreshold: {value: 0.9}\n")
    found = locpipe.localize(PAGE, "digits", config=tmp_path / "mine.yaml")
    same = locpipe.localize(PAGE, locpipe.Config(model="digits", threshold={"value": 0.9}))  # type: ignore[arg-type]
    assert found.boxes == same.boxes
    network = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 2))  # fmt: skip
    minmax = {"heatmap.weights": "linear", "heatmap.normalize": "minmax", "heatmap.labels": ["b"]}
    mine = tmp_path / "mine.yaml"
    told = locpipe.localize(PAGE, network, config=mine, settings=minmax, classes=["a", "b"])
    assert told.heatmap.labels == ("b",)
    with pytest.raises(locpipe.ConfigError, match="leave one of the two out"):
        locpipe.localize(PAGE, locpipe.Config(model="digits"), config="text")


def test_a_config_may_be_a_name_a_path_or_an_object() -> None:
    config = read_settings(find_config("digits"), locpipe.Config).config
    named, by_path, told = (
        locpipe.localize(PAGE, given).boxes for given in ("digits", "configs/digits.yaml", config)
    )
    assert named.items
    assert named == by_path == told
    assert named != locpipe.localize(PAGE, "text-lenet").boxes
    with pytest.raises(locpipe.ConfigError, match="model_copy"):
        locpipe.localize(PAGE, config, settings={"boxes.max": 1})


def test_settings_override_and_are_named_when_they_are_wrong() -> None:
    few = locpipe.localize(PAGE, settings={"boxes.max": 2}).boxes
    assert len(few.items) == 2
    assert few.dropped
    with pytest.raises(locpipe.ConfigError, match=r"settings\['boxes.maxx'\].*boxes.max"):
        locpipe.localize(PAGE, settings={"boxes.maxx": 2})


def test_a_model_that_changed_on_disk_is_loaded_again(tmp_path: Path) -> None:
    model = tmp_path / "mine"
    model.mkdir()
    for file in (ROOT / "data" / "models" / "digits").iterdir():
        (model / file.name).write_bytes(file.read_bytes())
    blank = np.full((64, 64), 200, np.uint8)
    locpipe.localize(blank, "digits", settings={"model": model})
    (model / "model.yaml").write_text("schema: nonsense\n")
    with pytest.raises(locpipe.ModelError, match=r"mine/model\.yaml"):
        locpipe.localize(blank, "digits", settings={"model": model})


def test_a_report_says_what_run_json_says(written: locpipe.RunReport) -> None:
    document = json.loads((written.output / "run.json").read_bytes())
    assert json.loads(json.dumps(dict(written.document))) == document
    assert (written.exit_code, written.boxes) == (0, document["boxes"])
    assert written.counts["done"] == 1


def test_a_report_tells_what_failed(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "empty.png").touch()
    settings = {"input.path": tmp_path / "in", "output.path": tmp_path / "out", "run.workers": 0}
    report = locpipe.run("digits", settings=settings)
    assert (report.exit_code, report.counts["failed"]) == (3, 1)
    (failure,) = report.failures()
    assert isinstance(failure, locpipe.Failure)
    assert (failure.path, failure.stage, failure.error) == ("empty.png", "load", "ImageError")


def test_every_public_name_is_there_and_listed() -> None:
    for name in locpipe.__all__:
        assert getattr(locpipe, name) is not None
        assert name in dir(locpipe)
    with pytest.raises(AttributeError, match="No locpipe attribute localise"):
        getattr(locpipe, "localise")  # noqa: B009 - type checkers know that there is none


def test_importing_it_loads_nothing_that_is_slow() -> None:
    code = "import sys, locpipe; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert {"numpy", "torch", "dask", "cv2", "pydantic", "yaml"}.isdisjoint(done.stdout.split())


def test_a_limit_below_nothing_is_told(tmp_path: Path) -> None:
    settings = {"input.path": PAGE, "output.path": tmp_path, "run.workers": 0}
    with pytest.raises(locpipe.ConfigError, match="limit: -1"):
        locpipe.run("text", settings=settings, limit=-1)
    assert locpipe.run("text", settings=settings, limit=0).counts["done"] == 0
