"""configs/objects.yaml: photographs in, boxes and masks of objects out, with class names."""

import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch
from click.testing import CliRunner, Result
from numpy.typing import NDArray
from skimage import data

from locpipe.pipeline.cli.main import main
from locpipe.pipeline.config.file import find_config, parse_assignment, read_settings
from locpipe.pipeline.config.sections import Config
from locpipe.stages.load import load
from locpipe.stages.localize import features_of, localize_image
from locpipe.stages.models.loading import Model, find_model, load_model

CATS = "[n02123045, n02123159, Persian cat, Siamese cat, Egyptian cat]"


@pytest.fixture(scope="module")
def cat(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Chelsea, the cat of scikit-image."""
    path = tmp_path_factory.mktemp("pictures") / "cat.png"
    cv2.imwrite(str(path), data.chelsea()[..., ::-1])
    return path


def run(picture: Path, output: Path, *settings: str) -> Result:
    words = ["run", "objects", "--input", str(picture), "--output", str(output), "--workers", "0"]
    return CliRunner().invoke(main, [*words, *(w for s in settings for w in ("--set", s))])


def document(output: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((output / "boxes" / "cat.png.json").read_bytes())
    return found


def test_a_cat_is_found_and_named(cat: Path, tmp_path: Path) -> None:
    assert run(cat, tmp_path).exit_code == 0
    found = document(tmp_path)
    box = max(found["boxes"], key=lambda box: box["rect"][2] - box["rect"][0])
    assert box["class"] in {"Egyptian cat", "tabby", "tiger cat", "lynx"}
    assert found["labels"] == [box["class"]] == [box["label"]]
    assert 0.2 <= box["probability"] <= 1
    left, top, right, bottom = box["rect"]
    assert left < 190 < right  # between the eyes
    assert top < 110 < bottom
    mask = cv2.imread(str(tmp_path / "masks" / "cat.png.png"), cv2.IMREAD_UNCHANGED)
    assert mask is not None
    assert mask.shape == (300, 451)
    assert set(np.unique(mask)) == {0, 255}
    assert 0.05 < (mask == 255).mean() < 0.9


def test_a_named_group_is_one_map_whose_boxes_are_labelled_with_it(
    cat: Path, tmp_path: Path
) -> None:
    wanted = ("heatmap.labels=[cats, n02389026]", f"heatmap.groups.cats={CATS}")
    assert run(cat, tmp_path, *wanted).exit_code == 0
    found = document(tmp_path)
    assert found["labels"] == ["cats", "n02389026"]  # but there is no horse
    assert {box["label"] for box in found["boxes"]} == {"cats"}
    assert {box["class"] for box in found["boxes"]} <= {"Egyptian cat", "tabby", "tiger cat"}


def test_a_picture_without_what_is_asked_for_stays_dark(cat: Path, tmp_path: Path) -> None:
    wanted = ("heatmap.labels=[n02389026]", "output.heatmaps=true")
    assert run(cat, tmp_path, *wanted).exit_code == 0
    assert document(tmp_path)["boxes"] == []
    for kind in ("masks", "heatmaps"):
        picture = cv2.imread(str(tmp_path / kind / "cat.png.png"), cv2.IMREAD_UNCHANGED)
        assert picture is not None
        assert not picture.any()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (["model.layer=feature"], "layer 'feature' does not exist; candidates"),
        (
            ["model.backbone=vit_b_16", "model.weights=x.pth"],
            "VisionTransformer has no convolutional last stage",
        ),
        (["model.backbone=efficientnet"], "backbone 'efficientnet' is unknown; nearest"),
        (["heatmap.labels=[hors]"], "knows no label 'hors'; it knows: "),
        (["heatmap.groups.mine=[hors]", "heatmap.labels=[mine]"], "knows no label 'hors'"),
        (["heatmap.normalize=calibrated", "heatmap.labels=[lynx]"], "no calibration for label"),
    ],
)
def test_what_the_model_cannot_do_ends_with_5_and_writes_nothing(
    settings: list[str],
    message: str,
    cat: Path,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    result = run(cat, tmp_path / "out", *settings)
    assert result.exit_code == 5, result.output
    assert message in result.output + caplog.text
    assert not (tmp_path / "out").exists()


def test_a_wrong_key_of_the_model_is_named_as_the_user_wrote_it(
    cat: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    result = run(cat, tmp_path / "out", "model.wieghts=x")
    assert result.exit_code == 2
    text = result.output + caplog.text
    assert "model.wieghts: unknown key (value 'x'); did you mean model.weights?" in text


@pytest.fixture(scope="module")
def lite0() -> Model:
    return load_model(find_model(settings().source))


def settings(*given: str) -> Config:
    return read_settings(find_config("objects"), Config, [*map(parse_assignment, given)]).config


@pytest.mark.parametrize("merge", ["max", "mean"])
def test_several_scales_are_merged_as_computed_by_hand(merge: str, cat: Path, lite0: Model) -> None:
    """Each scale by torch alone, enlarged to the cells of the first by torch, then joined."""
    config = settings(
        "infer.scale=[1.0, 0.5]", "infer.long_side=448", f"heatmap.merge={merge}",
        "heatmap.labels=[Egyptian cat]", "heatmap.weights=linear",
    )  # fmt: skip
    image = load(cat)
    found = localize_image(image, lite0, config).heatmap
    (c,) = lite0.card.members("Egyptian cat")
    w = torch.from_numpy(lite0.tables.linear[:, c].astype(np.float32))
    maps = []
    for one in features_of(image, lite0, config):
        heat = torch.einsum("c,chw->hw", w, torch.from_numpy(one.maps)).numpy()
        maps.append((heat - heat.min()) / np.ptp(heat))
    second = by_corners(maps[1], found.values.shape[1:])
    expected = np.maximum(maps[0], second) if merge == "max" else (maps[0] + second) / 2
    assert found.values.shape == (1, *maps[0].shape)
    np.testing.assert_allclose(found.values[0], expected, atol=0.03)


def by_corners(values: NDArray[np.float32], shape: tuple[int, ...]) -> NDArray[np.float32]:
    """Bilinear interpolation by OpenCV.

    Cell i looks at pixel 31.5 + 32 * i of the picture as it is shown, which is half as large for
    the coarse map: cell i of the fine one lies at i / 2 - 31.5 / 64 of it.
    """
    rows, columns = (np.arange(side, dtype=np.float32) / 2 - 31.5 / 64 for side in shape)
    x, y = np.meshgrid(columns, rows)
    found = cv2.remap(values, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(found, np.float32)
