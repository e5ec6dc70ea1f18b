import numpy as np
import pytest
from evaluation_fixtures import rect

from locpipe.pipeline.evaluation.counts import Counts
from locpipe.pipeline.evaluation.icdar2015 import icdar2015
from locpipe.pipeline.evaluation.overlaps import ComparedPicture, Polygon, Region

WORD = rect(0, 0, 30, 10)
# A diamond of area 2 · 10² = 200 around (50, 50).
DIAMOND = np.array([[50, 40], [60, 50], [50, 60], [40, 50]], dtype=np.float64)


@pytest.mark.parametrize(
    ("truth", "detections", "expected"),
    [
        # Shared 20·10, union 40·10: IoU 0.5 counts.
        pytest.param([Region(WORD)], [rect(10, 0, 40, 10)], (1, 1, 1, 1), id="half"),
        # Shared 19·10, union 41·10: IoU 0.463 does not.
        pytest.param([Region(WORD)], [rect(11, 0, 41, 10)], (0, 1, 0, 1), id="less than half"),
        # Both cover the word; one may have it, the other is a false alarm.
        pytest.param([Region(WORD)], [WORD, WORD], (1, 1, 1, 2), id="twice"),
        # Two halves of IoU 0.5 - 0.5/30 each.
        pytest.param(
            [Region(WORD)], [rect(0, 0, 14.5, 10), rect(14.5, 0, 30, 10)], (1, 1, 1, 2), id="split"
        ),
        # The upright rectangle around the diamond: 200 / 400 = 0.5.
        pytest.param([Region(DIAMOND)], [rect(40, 40, 60, 60)], (1, 1, 1, 1), id="diamond"),
        # The diamond's lower left half: 100 / 200 = 0.5; a rectangle hull would say 0.25.
        pytest.param([Region(DIAMOND)], [DIAMOND[1:]], (1, 1, 1, 1), id="half diamond"),
        pytest.param([Region(WORD)], [], (0, 1, 0, 0), id="nothing found"),
        pytest.param([], [WORD], (0, 0, 0, 1), id="nothing to find"),
        pytest.param([], [], (0, 0, 0, 0), id="nothing at all"),
    ],
)
def test_by_hand(
    truth: list[Region], detections: list[Polygon], expected: tuple[float, ...]
) -> None:
    assert icdar2015(ComparedPicture("a", (100, 100), truth, detections)) == Counts(*expected)


@pytest.mark.parametrize(
    ("detection", "expected"),
    [
        # All of it inside: neither a hit nor a false alarm.
        pytest.param(rect(5, 0, 25, 10), (0, 0, 0, 0), id="inside"),
        # 16 of 30 columns inside: dropped as well.
        pytest.param(rect(14, 0, 44, 10), (0, 0, 0, 0), id="more than half inside"),
        # 15 of 30: a false alarm.
        pytest.param(rect(15, 0, 45, 10), (0, 0, 0, 1), id="half inside"),
        # 12 of 30 in each of two: neither has more than half.
        pytest.param(rect(18, 0, 48, 10), (0, 0, 0, 1), id="in two"),
    ],
)
def test_do_not_care_regions_by_hand(detection: Polygon, expected: tuple[float, ...]) -> None:
    ignored = [Region(WORD, ignored=True), Region(rect(36, 0, 66, 10), ignored=True)]
    assert icdar2015(ComparedPicture("a", (100, 100), ignored, [detection])) == Counts(*expected)


def test_truth_takes_the_first_detection_that_fits_as_the_official_script_does() -> None:
    """IoU of `both` with the words is 80/120 each, that of `first` is 90/100 and 50/140.

    In the order both, first the first word takes `both` and nothing is left for the second.
    """
    truth = [Region(rect(0, 0, 100, 10)), Region(rect(40, 0, 140, 10))]
    both, first = rect(20, 0, 120, 10), rect(0, 0, 90, 10)
    assert icdar2015(ComparedPicture("a", (200, 100), truth, [both, first])).recalled == 1
    assert icdar2015(ComparedPicture("a", (200, 100), truth, [first, both])).recalled == 2
