import os
import sys
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image
from scipy.special import expit, logit

from locpipe.stages.errors import ConfigError
from locpipe.stages.geometry.grid import Grid
from locpipe.stages.heatmap import Heatmap
from locpipe.stages.refine import at_picture_resolution, refine
from locpipe.stages.settings import Refinement
from locpipe.stages.threshold import Mask, threshold

by_colour = pytest.mark.parametrize("method", ["grabcut", "crf"])


def pixels(*maps: NDArray[Any]) -> Heatmap:
    height, width = maps[0].shape
    grid = Grid((height, width), (1, 1), (0.5, 0.5), (width, height))
    return Heatmap(np.stack(maps).astype(np.float32), tuple("abc"[: len(maps)]), grid)


def refined(rgb: NDArray[np.uint8], heat: Heatmap, method: Refinement, **options: Any) -> Mask:
    return refine(rgb, heat, threshold(heat), method=method, **options)


def iou(found: NDArray[np.bool_], truth: NDArray[np.bool_]) -> float:
    return float((found & truth).sum() / (found | truth).sum())


@pytest.fixture(scope="module")
def disc() -> NDArray[np.bool_]:
    y, x = np.mgrid[:90, :120]
    return np.asarray((x - 55) ** 2 + (y - 40) ** 2 < 25**2)


@pytest.fixture(scope="module")
def picture(disc: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """A red disc on a green lawn, both of uneven colour."""
    noise = np.random.default_rng(0).integers(-20, 20, (90, 120, 3))
    colours = np.where(disc[..., None], (170, 60, 50), (70, 130, 60))
    return np.asarray(np.clip(colours + noise, 0, 255), np.uint8)


@pytest.fixture(scope="module")
def heat() -> Heatmap:
    """A blob that lies on the disc, but for its place, size and shape."""
    y, x = np.mgrid[:90, :120]
    return pixels(np.exp(-(((x - 60) / 30) ** 2) - ((y - 44) / 18) ** 2))


def test_heat_between_two_cells_is_on_a_line() -> None:
    """Centres at 2 and 6: pixel centres 0.5, 1.5 lie before the first, 6.5, 7.5 after the last."""
    cells = Heatmap(np.array([[[0, 1]]], np.float32), ("a",), Grid((1, 2), (4, 4), (2, 2), (8, 4)))
    fine = at_picture_resolution(cells)
    assert fine.grid == Grid((4, 8), (1, 1), (0.5, 0.5), (8, 4))
    row = [0, 0, 0.125, 0.375, 0.625, 0.875, 1, 1]
    assert fine.values.tolist() == [[row] * 4]
    assert fine.labels == ("a",)


@given(st.integers(1, 6), st.integers(1, 6), st.integers(1, 4), st.integers(0, 99))
def test_cells_that_tile_the_picture_are_scaled_as_opencv_scales(
    rows: int, columns: int, stride: int, seed: int
) -> None:
    values = np.random.default_rng(seed).random((2, rows, columns), np.float32)
    size = columns * stride, rows * stride
    grid = Grid((rows, columns), (stride, stride), (stride / 2, stride / 2), size)
    fine = at_picture_resolution(Heatmap(values, ("a", "b"), grid))
    for one, expected in zip(fine.values, values, strict=True):
        assert np.allclose(
            one, cv2.resize(expected, size, interpolation=cv2.INTER_LINEAR), atol=1e-5
        )


def test_bilinear_is_the_threshold_of_interpolated_heat(
    picture: NDArray[np.uint8], heat: Heatmap
) -> None:
    mask = threshold(heat)
    assert refine(picture, heat, mask, method="bilinear") is mask


@by_colour
def test_colours_show_where_the_object_ends(
    picture: NDArray[np.uint8], heat: Heatmap, disc: NDArray[np.bool_], method: Refinement
) -> None:
    before = iou(threshold(heat).values[0], disc)
    after = iou(refined(picture, heat, method).values[0], disc)
    assert before < 0.65
    assert after > 0.95


@by_colour
def test_what_colours_have_moved_was_cut_at_no_level(
    picture: NDArray[np.uint8], heat: Heatmap, method: Refinement
) -> None:
    cold = pixels(heat.values[0], np.zeros_like(heat.values[0]))
    assert threshold(cold, value=0.4).levels == (0.4, 0.4)
    assert refined(picture, cold, "bilinear").levels == (0.5, 0.5)
    assert refined(picture, cold, method).levels == (None, 0.5)


@by_colour
def test_a_shrunk_picture_gives_nearly_the_same_mask(
    picture: NDArray[np.uint8], heat: Heatmap, disc: NDArray[np.bool_], method: Refinement
) -> None:
    mask = refined(picture, heat, method, long_side=60)
    assert mask.values.shape == (1, 90, 120)
    assert mask.grid == heat.grid
    assert iou(mask.values[0], disc) > 0.9
    whole = refined(picture, heat, method, long_side=None)
    assert np.array_equal(whole.values, refined(picture, heat, method, long_side=120).values)


@by_colour
def test_labels_do_not_see_each_other(
    picture: NDArray[np.uint8], heat: Heatmap, method: Refinement
) -> None:
    one, other = heat.values[0], heat.values[0, :, ::-1]
    both = refined(picture, pixels(one, np.zeros_like(one), other), method)
    assert both.labels == ("a", "b", "c")
    assert np.array_equal(both.values[0], refined(picture, pixels(one), method).values[0])
    assert not both.values[1].any(), "nothing stays nothing"
    assert np.array_equal(both.values[2], refined(picture, pixels(other), method).values[0])


@by_colour
def test_results_are_the_same_every_time(
    picture: NDArray[np.uint8], heat: Heatmap, method: Refinement
) -> None:
    first = refined(picture, heat, method)
    cv2.setRNGSeed(12345)
    assert np.array_equal(refined(picture, heat, method).values, first.values)


@by_colour
@settings(max_examples=25, deadline=None)
@given(st.integers(1, 9), st.integers(1, 9), st.sampled_from([0, 0.3, 1, 3]), st.integers(0, 99))
def test_any_size_will_do_and_what_was_found_stays_found(
    method: Refinement, height: int, width: int, power: float, seed: int
) -> None:
    random = np.random.default_rng(seed)
    rgb = random.integers(0, 256, (height, width, 3)).astype(np.uint8)
    rgb.setflags(write=False)
    heat = pixels(random.random((height, width)) ** power, np.ones((height, width)))
    mask = refined(rgb, heat, method, long_side=5)
    assert mask.values.shape == (2, height, width)
    assert mask.values[0].any() == threshold(heat).values[0].any()
    assert mask.values[1].any()


def test_a_mask_that_would_nearly_vanish_is_kept(
    picture: NDArray[np.uint8], heat: Heatmap, disc: NDArray[np.bool_]
) -> None:
    """All of the red is said to be background, except for a corner."""
    corner = pixels(np.where(disc & (heat.values[0] < 0.95), 0, heat.values[0]))
    mask = threshold(corner, value=0.97)
    kept = refine(picture, corner, mask, method="grabcut", background=0.97)
    assert np.array_equal(kept.values, mask.values)


@by_colour
def test_a_picture_without_labels_has_no_masks(
    picture: NDArray[np.uint8], method: Refinement
) -> None:
    grid = Grid((3, 4), (30, 30), (15, 15), (120, 90))
    none = at_picture_resolution(Heatmap(np.zeros((0, 3, 4), np.float32), (), grid))
    assert refined(picture, none, method).values.shape == (0, 90, 120)


def test_grabcut_keeps_off_what_is_cold(picture: NDArray[np.uint8], heat: Heatmap) -> None:
    everywhere = refined(picture, heat, "grabcut", background=0.0).values[0]
    hot_only = refined(picture, heat, "grabcut", background=0.45).values[0]
    assert (everywhere & (heat.values[0] < 0.45)).any()
    assert not (hot_only & (heat.values[0] < 0.44)).any()


def test_the_crf_is_the_mean_field_of_its_definition() -> None:
    """All pairs of pixels, exactly; the package approximates the sums on a lattice."""
    random = np.random.default_rng(0)
    side = 20
    y, x = np.mgrid[:side, :side]
    disc = (x - 9) ** 2 + (y - 9) ** 2 < 36
    rgb = np.clip(
        np.where(disc[..., None], 140, 120) + random.normal(0, 4, (side, side, 3)), 0, 255
    )
    heat = np.clip(0.5 + np.where(x - 9 < 3, 0.1, -0.1) + random.normal(0, 0.15, disc.shape), 0, 1)
    found = refined(rgb.astype(np.uint8), pixels(heat), "crf").values[0]

    cut = logit(heat[heat > 0.5].min())
    log_odds = (logit(np.clip(heat, 1e-4, 1 - 1e-4)) - cut).ravel()
    probability = np.clip(expit(log_odds), 0.05, 0.95)
    unary = np.log(np.stack([1 - probability, probability]))
    place = np.stack([x.ravel(), y.ravel()], axis=1).astype(float)
    colour = np.floor(rgb).reshape(-1, 3)
    kernels = [
        weight * normalized(np.concatenate(features, axis=1))
        for weight, features in ((3, [place / 3]), (10, [place / 80, colour / 5]))
    ]
    beliefs = expit(unary[1] - unary[0])
    for _ in range(10):
        message = sum(kernel @ np.stack([1 - beliefs, beliefs], axis=1) for kernel in kernels)
        beliefs = expit(unary[1] - unary[0] + message[:, 1] - message[:, 0])
    expected = beliefs.reshape(side, side) > 0.5
    assert (found == expected).mean() > 0.97
    assert (expected != (heat > 0.5)).mean() > 0.1, "it has moved something"


def normalized(features: NDArray[np.float64]) -> NDArray[np.float64]:
    """The Gaussian kernel of features [n, d], divided by the roots of its sums on both sides."""
    distance = ((features[:, None] - features[None]) ** 2).sum(axis=-1)
    kernel = np.exp(-distance / 2)
    root = np.sqrt(kernel.sum(axis=1))
    return np.asarray(kernel / root[:, None] / root[None])


def test_without_its_package_crf_says_what_to_install(
    picture: NDArray[np.uint8], heat: Heatmap, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pydensecrf", None)
    message = r"refine.method: crf needs .* pip install 'locpipe\[crf\]', or choose grabcut"
    with pytest.raises(ConfigError, match=message):
        refined(picture, heat, "crf")
    refined(picture, heat, "grabcut")


DATA = Path(os.environ.get("LOCPIPE_DATA", Path(__file__).parents[3] / "shared" / "data"))


@by_colour
def test_a_horse_is_cut_out_better(method: Refinement) -> None:
    folder = DATA / "objects" / "horse"
    if not folder.is_dir():
        pytest.skip(f"{folder} is missing; LOCPIPE_DATA names the folder of data sets")
    rgb = np.asarray(Image.open(folder / "rgb" / "horse010.jpg").convert("RGB"))
    mask = Image.open(folder / "figure_ground" / "horse010.jpg").resize(rgb.shape[1::-1])
    truth = np.asarray(mask) >= 128
    coarse = cv2.resize(truth.astype(np.float32), (8, 6), interpolation=cv2.INTER_AREA)
    blurred = cv2.resize(coarse, rgb.shape[1::-1], interpolation=cv2.INTER_LINEAR)
    heat = pixels(blurred)
    before = iou(threshold(heat).values[0], truth)
    assert iou(refined(rgb, heat, method, long_side=256).values[0], truth) > before + 0.05
