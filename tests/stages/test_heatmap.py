"""Weights, calibration and merging, each against the formula written out again."""

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray
from tolerances import assert_rounded_alike

from locpipe.stages.errors import ModelError
from locpipe.stages.heatmap import filter_weights, heatmap
from locpipe.stages.infer import Features, infer
from locpipe.stages.models.card import Calibration
from locpipe.stages.models.loading import Model
from locpipe.stages.settings import Weights

DIGITS = tuple("0123456789")
ALL_WEIGHTS: tuple[Weights, ...] = (
    "paper",
    "class",
    "contrast",
    "energy",
    "excitation",
    "linear",
)


def calibrated(model: Model, *entries: tuple[str, float, float, str, float]) -> Model:
    """Return the model with these (label, slope, intercept, polarity, scale) and no others."""
    calibrations = tuple(
        Calibration(
            weights="class",
            resolution="native",
            polarity=polarity,  # type: ignore[arg-type]  # one of the two
            scale=scale,
            label=label,
            slope=slope,
            intercept=intercept,
        )
        for label, slope, intercept, polarity, scale in entries
    )
    return replace(model, card=model.card.model_copy(update={"calibrations": calibrations}))


def sigmoid(x: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(1 / (1 + np.exp(-x)))


def hand_weighed(model: Model, one: Features, digit: int) -> NDArray[np.float64]:
    """Equation (2) as loops."""
    heat = np.zeros(one.maps.shape[1:])
    for i, response in enumerate(one.maps):
        heat += model.tables.error[i, digit] * response
    return heat


@pytest.mark.parametrize("weights", ALL_WEIGHTS)
def test_weights_are_the_formulas_of_the_table(weights: Weights, digits: Model) -> None:
    tables, c = digits.tables, 3
    n = tables.count
    for i in range(16):
        others = [k for k in range(10) if k != c]
        expected = {
            "paper": sum(n[k] * tables.error[i, k] for k in range(10)) / n.sum(),
            "class": tables.error[i, c],
            "contrast": tables.error[i, c]
            - sum(n[k] * tables.error[i, k] for k in others) / sum(n[k] for k in others),
            "energy": tables.energy[i, c],
            "excitation": tables.excitation[i, c],
            "linear": tables.linear[i, c],
        }[weights]
        ((name, vector),) = filter_weights(digits, "3", weights=weights)
        assert name == "3"
        assert vector.dtype == np.float32
        assert vector[i] == pytest.approx(expected, rel=1e-5)


def test_the_papers_weights_are_the_same_for_every_label(digits: Model) -> None:
    ((_, of_three),) = filter_weights(digits, "3", weights="paper")
    ((name, of_text),) = filter_weights(digits, "text", weights="paper")
    assert name == "text"
    np.testing.assert_array_equal(of_three, of_text)


def test_a_group_is_its_members_or_the_sum_of_their_weights(digits: Model) -> None:
    members = filter_weights(digits, "text", group="max")
    assert [name for name, _ in members] == list(DIGITS)
    ((name, total),) = filter_weights(digits, "text", group="sum")
    assert name == "text"
    np.testing.assert_allclose(total, sum(vector for _, vector in members), rtol=1e-5)


def test_an_unknown_label_is_refused(digits: Model) -> None:
    with pytest.raises(ModelError, match="knows no label 'cat'; it knows: text, 0, 1"):
        filter_weights(digits, "cat")


def test_calibration_is_log_odds_affine_in_h(digits: Model, photo: NDArray[np.uint8]) -> None:
    model = calibrated(digits, ("3", 0.7, -1.5, "normal", 1.0))
    one = infer(model, photo)
    found = heatmap(model, [one], labels=["3"])
    expected = sigmoid(0.7 * hand_weighed(model, one, 3) - 1.5)
    assert found.labels == ("3",)
    assert found.grid == one.grid
    np.testing.assert_allclose(found.values[0], expected, atol=1e-5)


def test_the_map_of_a_group_is_the_maximum_of_its_members(
    digits: Model, photo: NDArray[np.uint8]
) -> None:
    entries = [(d, 0.5 + int(d) / 10, -int(d) / 5, "normal", 1.0) for d in DIGITS]
    model = calibrated(digits, *entries)
    one = infer(model, photo)
    found = heatmap(model, [one], labels=["text", "7"])
    each = heatmap(model, [one], labels=DIGITS)
    assert_rounded_alike(found.values[0], each.values.max(axis=0))
    assert_rounded_alike(found.values[1], each.values[7])


def test_polarities_are_joined_by_their_maximum(digits: Model, photo: NDArray[np.uint8]) -> None:
    model = calibrated(digits, ("3", 0.7, -1.0, "normal", 1.0), ("3", 0.7, -1.0, "inverted", 1.0))
    normal, inverted = infer(model, photo), infer(model, photo, polarity="inverted")
    both = heatmap(model, [normal, inverted], labels=["3"]).values
    one, other = (heatmap(model, [f], labels=["3"]).values for f in (normal, inverted))
    assert_rounded_alike(both, np.maximum(one, other))
    assert (one < other).any()
    assert (one > other).any()


@pytest.mark.parametrize("merge", ["max", "mean"])
def test_scales_are_joined_on_the_grid_of_the_first(
    merge: str, digits: Model, photo: NDArray[np.uint8]
) -> None:
    model = calibrated(digits, ("3", 0.7, -1.0, "normal", 1.0), ("3", 0.4, -2.0, "normal", 0.25))
    passes = [infer(model, photo, scale=scale) for scale in (1.0, 0.5, 0.25)]
    found = heatmap(model, passes, labels=["3"], merge=merge)  # type: ignore[arg-type]  # literal
    singles = [heatmap(model, [one], labels=["3"]) for one in passes]
    assert found.grid == passes[0].grid
    assert found.values.shape == singles[0].values.shape
    largest = set()
    for row, column in ((r, c) for r in range(8, 32, 4) for c in range(8, 48, 8)):
        x = found.grid.offset[0] + column * found.grid.stride[0]
        y = found.grid.offset[1] + row * found.grid.stride[1]
        interpolated = [bilinear(single.values[0], single.grid, x, y) for single in singles]
        largest.add(int(np.argmax(interpolated)))
        expected = max(interpolated) if merge == "max" else np.mean(interpolated)
        assert found.values[0, row, column] == pytest.approx(expected, abs=1e-5)
    assert len(largest) > 1, "or the first scale alone would do"


def bilinear(values: NDArray[np.float32], grid: object, x: float, y: float) -> float:
    """Interpolate by the textbook's four corners."""
    from locpipe.stages.geometry.grid import Grid

    assert isinstance(grid, Grid)
    column = (x - grid.offset[0]) / grid.stride[0]
    row = (y - grid.offset[1]) / grid.stride[1]
    j, i = int(column), int(row)
    u, v = column - j, row - i
    a, b, c, d = values[i, j], values[i, j + 1], values[i + 1, j], values[i + 1, j + 1]
    return float((a * (1 - u) + b * u) * (1 - v) + (c * (1 - u) + d * u) * v)


def test_a_scale_takes_the_calibration_nearest_in_ratio(digits: Model) -> None:
    model = calibrated(digits, ("3", 1.0, 0.0, "normal", 1.0), ("3", 2.0, 0.0, "normal", 0.25))
    slopes = {
        scale: model.card.calibrated("class", "native", "normal", "3", scale).slope
        for scale in (3.0, 1.0, 0.55, 0.45, 0.1)
    }
    assert slopes == {3.0: 1.0, 1.0: 1.0, 0.55: 1.0, 0.45: 2.0, 0.1: 2.0}


def test_a_missing_calibration_says_how_to_make_it(digits: Model, photo: NDArray[np.uint8]) -> None:
    model = calibrated(digits, ("3", 1.0, 0.0, "normal", 1.0))
    one = infer(model, photo, polarity="inverted")
    there_is_one = r"label '3'.*polarity inverted: set .*infer.polarity=normal, which have one"
    with pytest.raises(ModelError, match=there_is_one):
        heatmap(model, [one], labels=["3"])
    with pytest.raises(ModelError, match=r"label '4'.*polarity inverted: run `locpipe calibrate`"):
        heatmap(model, [one], labels=["4"])


def test_minmax_spans_the_picture_at_hand(digits: Model, photo: NDArray[np.uint8]) -> None:
    one = infer(digits, photo)
    found = heatmap(digits, [one], labels=["3"], normalize="minmax").values[0]
    heat = hand_weighed(digits, one, 3)
    np.testing.assert_allclose(found, (heat - heat.min()) / np.ptp(heat), atol=1e-5)


def test_minmax_of_a_blank_picture_is_nothing(digits: Model) -> None:
    one = infer(digits, np.zeros((30, 30, 3), np.uint8))
    flat = replace(one, maps=np.ones_like(one.maps))
    assert not heatmap(digits, [flat], labels=["text"], normalize="minmax").values.any()


def test_responses_are_not_changed(digits: Model, photo: NDArray[np.uint8]) -> None:
    model = calibrated(digits, ("3", 1.0, 0.0, "normal", 1.0))
    one = infer(model, photo)
    before = one.maps.copy()
    heatmap(model, [one], labels=["3"])
    np.testing.assert_array_equal(one.maps, before)
