from dataclasses import replace
from random import Random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from locpipe.pipeline.evaluation.wsol import max_box_acc, pointing, pxap
from locpipe.pipeline.evaluation.wsol.cases import Case
from locpipe.pipeline.evaluation.wsol.score import WsolReport, score


def case(heat_box: tuple[int, int, int, int], box: tuple[int, int, int, int]) -> Case:
    """A picture of 40 x 30 with heat in one box and an object in another."""
    heat = np.zeros((30, 40), np.float64)
    mask = np.zeros((30, 40), np.bool_)
    heat[heat_box[1] : heat_box[3], heat_box[0] : heat_box[2]] = 1
    mask[box[1] : box[3], box[0] : box[2]] = True
    found = np.array([heat_box], np.float64)
    return Case(heat, np.array([box], np.float64), mask, found, heat > 0)


GOOD = case((10, 5, 20, 15), (10, 5, 20, 15))
BAD = case((30, 20, 40, 30), (0, 0, 10, 10))


def values(report: WsolReport) -> dict[str, float]:
    return {name: total.score for name, total in report.totals.items()}


def test_every_measure_of_a_good_picture_is_1() -> None:
    report = score([("a", GOOD)])
    assert list(report.totals) == [
        "MaxBoxAcc",
        "MaxBoxAccV2",
        "  at IoU 0.3",
        "  at IoU 0.5",
        "  at IoU 0.7",
        "PxAP",
        "pixel IoU",
        "pointing",
        "boxes of the run",
        "masks of the run",
    ]
    assert list(values(report).values()) == pytest.approx([1] * 10)


def test_baselines_have_not_seen_the_picture() -> None:
    """The object covers a twelfth of the picture; the Gaussian's maximum lies within 15 pixels."""
    totals = score([("a", GOOD)]).totals
    assert totals["PxAP"].whole_picture == pytest.approx(1 / 12)
    assert totals["masks of the run"].whole_picture == pytest.approx(1 / 12)
    assert totals["MaxBoxAcc"].whole_picture == 0
    assert totals["pointing"].centre_gaussian == 1
    whole = case((0, 0, 40, 30), (0, 0, 40, 30))
    assert score([("a", whole)]).totals["boxes of the run"].whole_picture == 1


def test_the_gaussian_above_a_half_is_a_centred_ellipse() -> None:
    """Half axes of 0.25 * sqrt(2 ln 2) = 0.294 of the sides: 11.8 and 8.8 pixels."""
    centred = case((8, 6, 32, 24), (8, 6, 32, 24))
    totals = score([("a", centred)]).totals
    assert totals["boxes of the run"].centre_gaussian == 1
    assert totals["masks of the run"].centre_gaussian == pytest.approx(np.pi / 4, abs=0.03)


def test_totals_are_those_of_the_functions() -> None:
    cases = [GOOD, BAD, case((10, 5, 20, 15), (12, 5, 24, 15))]
    report = score([(str(i), one) for i, one in enumerate(cases)])
    heats, boxes, masks = zip(*((c.heat, c.boxes, c.mask) for c in cases), strict=True)
    known = [mask for mask in masks if mask is not None]
    accuracy, quality = max_box_acc(heats, boxes), pxap(heats, known)
    assert values(report)["MaxBoxAcc"] == accuracy.max_box_acc
    assert values(report)["MaxBoxAccV2"] == pytest.approx(accuracy.max_box_acc_v2)
    assert values(report)["PxAP"] == pytest.approx(quality.pxap)
    assert values(report)["pixel IoU"] == pytest.approx(quality.iou)
    assert values(report)["pointing"] == pointing(heats, known)
    assert values(report)["boxes of the run"] == pytest.approx((1 + 0 + 2 / 3) / 3)


def test_every_picture_says_how_it_did() -> None:
    report = score([("b", BAD), ("a", GOOD)])
    assert [one.name for one in report.pictures] == ["a", "b"]
    good, bad = (one.scores for one in report.pictures)
    assert good == pytest.approx(
        {"box_iou": 1, "pxap": 1, "pointing": 1, "found_box_iou": 1, "found_mask_iou": 1}
    )
    assert bad["box_iou"] == bad["pointing"] == bad["found_box_iou"] == bad["found_mask_iou"] == 0


def test_the_interval_of_two_opposite_pictures_is_everything() -> None:
    total = score([("a", GOOD), ("b", BAD)]).totals["boxes of the run"]
    assert (total.pictures, total.score, total.low, total.high) == (2, 0.5, 0, 1)


def test_a_measure_is_taken_of_the_pictures_that_have_what_it_needs() -> None:
    nothing = np.zeros((0, 4))
    unboxed = replace(GOOD, boxes=nothing, found_mask=None)
    empty = replace(GOOD, boxes=nothing, mask=np.zeros((30, 40), np.bool_))
    unmasked = replace(GOOD, mask=None)
    report = score([("a", unboxed), ("b", empty), ("c", unmasked)])
    counts = {name: total.pictures for name, total in report.totals.items()}
    assert (counts["MaxBoxAcc"], counts["PxAP"], counts["pointing"]) == (1, 1, 2)
    assert "masks of the run" not in counts
    assert [sorted(one.scores) for one in report.pictures] == [
        ["pointing", "pxap"],
        [],
        ["box_iou", "found_box_iou", "pointing"],
    ]


spots = st.tuples(
    st.integers(0, 29), st.integers(0, 19), st.integers(1, 10), st.integers(1, 10)
).map(lambda s: (s[0], s[1], s[0] + s[2], s[1] + s[3]))


@settings(max_examples=8, deadline=None)
@given(st.lists(st.tuples(spots, spots), min_size=1, max_size=3), st.randoms())
def test_scores_lie_in_0_1_whatever_the_order(
    pairs: list[tuple[tuple[int, int, int, int], tuple[int, int, int, int]]],
    random: Random,
) -> None:
    cases = [(str(i), case(*pair)) for i, pair in enumerate(pairs)]
    report = score(cases)
    shuffled = score(random.sample(cases, len(cases)))
    for name, total in report.totals.items():
        assert total.score == pytest.approx(shuffled.totals[name].score)
        for value in (total.score, total.low, total.high, total.whole_picture):
            assert -1e-9 <= value <= 1 + 1e-9
