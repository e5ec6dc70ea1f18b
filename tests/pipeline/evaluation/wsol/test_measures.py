from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from locpipe.pipeline.evaluation.wsol.cases import Case
from locpipe.pipeline.evaluation.wsol.measures import PROTOCOLS

NOTHING = np.zeros((0, 4))
BOX = np.array([[2.0, 2, 6, 6]])


@pytest.fixture
def case() -> Case:
    """Heat and what was found in one corner of 40 x 40 pixels, the object in another."""
    heat, mask = np.zeros((40, 40)), np.zeros((40, 40), np.bool_)
    heat[30:, 30:] = 0.5
    mask[2:6, 2:6] = True
    return Case(heat, BOX, mask, np.array([[30.0, 30, 40, 40]]), heat > 0)


@pytest.mark.parametrize(
    ("key", "lacking"),
    [
        ("boxes", {"boxes": NOTHING}),
        ("found boxes", {"boxes": NOTHING}),
        ("pixels", {"mask": None}),
        ("pixels", {"mask": np.zeros((40, 40), np.bool_)}),
        ("found masks", {"mask": None}),
        ("found masks", {"found_mask": None}),
        ("pointing", {"mask": None, "boxes": NOTHING}),
    ],
)
def test_what_is_lacking_is_not_measured(case: Case, key: str, lacking: dict[str, Any]) -> None:
    assert PROTOCOLS[key].can(case)
    assert not PROTOCOLS[key].can(replace(case, **lacking))


def test_pointing_prefers_the_mask_and_makes_do_with_boxes(case: Case) -> None:
    row = PROTOCOLS["pointing"].row
    assert row(case, "minmax") == 0
    assert row(replace(case, mask=case.found_mask), "minmax") == 1
    assert row(replace(case, mask=None, boxes=case.found_boxes), "minmax") == 1
    assert PROTOCOLS["pointing"].can(replace(case, mask=None))


def test_finding_no_box_is_finding_none_right(case: Case) -> None:
    row = PROTOCOLS["found boxes"].row
    assert row(replace(case, found_boxes=NOTHING), "minmax") == 0
    assert row(replace(case, found_boxes=np.concatenate([case.found_boxes, BOX])), "minmax") == 1


def test_boxes_of_the_run_are_right_at_three_ious() -> None:
    rows = np.array([0.3, 0.5, 0.69, 1.0, 0.29])
    (found,) = PROTOCOLS["found boxes"].totals(rows, np.ones((1, 5))).values()
    assert found == pytest.approx((1 + 2 + 2 + 3 + 0) / 3 / 5)


def test_heat_is_stretched_where_asked_for(case: Case) -> None:
    row = PROTOCOLS["boxes"].row
    whole = replace(case, boxes=case.found_boxes)
    assert row(whole, "none")[1, [127, 128, 129]].tolist() == [1, 1, 0]
    assert row(whole, "minmax")[1, 255] == 1
