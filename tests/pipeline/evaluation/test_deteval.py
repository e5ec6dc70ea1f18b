"""DetEval against worked cases, and against rectangles and loops as the official script has them."""

import math
from dataclasses import dataclass, field

import numpy as np
import pytest
from evaluation_fixtures import rect
from hypothesis import given
from hypothesis import strategies as st

from locpipe.pipeline.evaluation.counts import Counts
from locpipe.pipeline.evaluation.deteval import deteval
from locpipe.pipeline.evaluation.overlaps import ComparedPicture, Polygon, Region

Rect = tuple[int, int, int, int]


WORD = rect(0, 0, 100, 20)


@pytest.mark.parametrize(
    ("truth", "detections", "expected"),
    [
        # Recall 1, precision 2000/2500.
        pytest.param([WORD], [rect(0, 0, 100, 25)], (1, 1, 1, 1), id="one to one"),
        # Recall 80/100 and precision 0.4: 1600 of 4000 square pixels.
        pytest.param([WORD], [rect(0, 0, 80, 50)], (1, 1, 1, 1), id="at both limits"),
        pytest.param([WORD], [rect(0, 0, 79, 20)], (0, 1, 0, 1), id="recall too low"),
        pytest.param([WORD], [rect(0, 0, 100, 51)], (0, 1, 0, 1), id="precision too low"),
        # Precision 1 each, recall 0.5 + 0.5: word 0.8, boxes 0.8 each.
        pytest.param(
            [WORD],
            [rect(0, 0, 50, 20), rect(50, 0, 100, 20)],
            (0.8, 1, 1.6, 2),
            id="one to many",
        ),
        # 0.5 + 0.3 of the word are covered.
        pytest.param(
            [WORD],
            [rect(0, 0, 50, 20), rect(50, 0, 80, 20)],
            (0.8, 1, 1.6, 2),
            id="one to many, at the limit",
        ),
        # The second box has precision 50/150, so only 0.5 of the word is covered.
        pytest.param(
            [WORD],
            [rect(0, 0, 50, 20), rect(50, 0, 200, 20)],
            (0, 1, 0, 2),
            id="one to many, one box too large",
        ),
        # Recall 1 each, precision 0.4 + 0.4.
        pytest.param(
            [rect(0, 0, 40, 20), rect(60, 0, 100, 20)], [WORD], (2, 2, 1, 1), id="many to one"
        ),
        # Precision 0.2 + 0.2.
        pytest.param(
            [rect(0, 0, 20, 20), rect(80, 0, 100, 20)],
            [WORD],
            (2, 2, 1, 1),
            id="many to one, at the limit",
        ),
        # Precision 0.1 + 0.1.
        pytest.param(
            [rect(0, 0, 10, 20), rect(90, 0, 100, 20)],
            [WORD],
            (0, 2, 0, 1),
            id="many to one, mostly empty",
        ),
        # The second box touches 5 columns of the word, so step 2 refuses; in step 3 the first box
        # alone covers the word: weight 1.
        pytest.param(
            [WORD], [WORD, rect(95, 0, 295, 20)], (1, 1, 1, 2), id="a second box reaches in"
        ),
        # The same with the roles exchanged: step 4 finds one word in the box.
        pytest.param(
            [WORD, rect(95, 0, 295, 20)], [WORD], (1, 2, 1, 1), id="a second word reaches in"
        ),
        # Word and box 1 share an edge with word and box 2: no overlap in continuous coordinates.
        pytest.param(
            [WORD, rect(100, 0, 200, 20)],
            [WORD, rect(100, 0, 200, 20)],
            (2, 2, 2, 2),
            id="neighbours",
        ),
        # Boxes identical to two nested words: step 3 gives both to the outer word, at 0.8.
        pytest.param(
            [WORD, rect(10, 5, 20, 15)],
            [WORD, rect(10, 5, 20, 15)],
            (0.8, 2, 1.6, 2),
            id="nested words",
        ),
        pytest.param([WORD], [], (0, 1, 0, 0), id="nothing found"),
        pytest.param([], [WORD], (0, 0, 0, 1), id="nothing to find"),
        pytest.param([], [], (0, 0, 0, 0), id="nothing at all"),
    ],
)
def test_by_hand(
    truth: list[Polygon], detections: list[Polygon], expected: tuple[float, ...]
) -> None:
    regions = [Region(polygon) for polygon in truth]
    assert deteval(ComparedPicture("a", (300, 100), regions, detections)) == Counts(*expected)


@pytest.mark.parametrize(
    ("truth", "expected"),
    [
        # 41 of the 100 columns of the box are ignored: dropped.
        pytest.param([Region(rect(59, 0, 159, 20), ignored=True)], (0, 0, 0, 0), id="dropped"),
        # 40: a false alarm.
        pytest.param([Region(rect(60, 0, 160, 20), ignored=True)], (0, 0, 0, 1), id="kept"),
        # The ignored region has recall 1 and precision 0.4, a second good pair for the box; the
        # word (recall 1, precision 0.5) gets no one-to-one match, and nothing is split or merged.
        pytest.param(
            [Region(rect(0, 0, 50, 20)), Region(rect(60, 0, 100, 20), ignored=True)],
            (0, 1, 0, 1),
            id="rival",
        ),
    ],
)
def test_do_not_care_regions_by_hand(truth: list[Region], expected: tuple[float, ...]) -> None:
    assert deteval(ComparedPicture("a", (300, 100), truth, [WORD])) == Counts(*expected)


def test_rotated_words_that_touch_are_no_overlap() -> None:
    turn = np.array([[math.cos(0.3), math.sin(0.3)], [-math.sin(0.3), math.cos(0.3)]])
    words = [rect(0, 0, 70, 20) @ turn, rect(70, 0, 130, 20) @ turn]
    counts = deteval(ComparedPicture("a", (200, 100), [Region(word) for word in words], words))
    assert counts == Counts(2, 2, 2, 2)


@dataclass
class Reference:
    """The script's steps for upright rectangles, pair by pair, its rule of centres included."""

    truth: list[Rect]
    ignored: list[bool]
    found: list[Rect]
    used_truth: set[int] = field(default_factory=set)
    used_found: set[int] = field(default_factory=set)
    recalled: float = 0
    precise: float = 0

    def recall(self, t: int, d: int) -> float:
        return shared(self.truth[t], self.found[d]) / area(self.truth[t])

    def precision(self, t: int, d: int) -> float:
        return shared(self.truth[t], self.found[d]) / area(self.found[d])

    def good(self, t: int, d: int) -> bool:
        return self.recall(t, d) >= 0.8 and self.precision(t, d) >= 0.4

    def alone(self, t: int, d: int) -> bool:
        rivals = sum(self.good(t, other) for other in range(len(self.found)))
        rivals += sum(self.good(other, d) for other in range(len(self.truth)))
        return rivals == 2 and len(self.boxes_on(t)) == 1 and len(self.words_in(d)) == 1

    def boxes_on(self, t: int) -> list[int]:
        return [d for d in self.counted_found if self.recall(t, d) > 0]

    def words_in(self, d: int) -> list[int]:
        return [t for t in self.counted_truth if self.recall(t, d) > 0]

    def counts(self) -> Counts:
        self.counted_truth = [t for t, ignored in enumerate(self.ignored) if not ignored]
        dont_care = [t for t, ignored in enumerate(self.ignored) if ignored]
        self.counted_found = [
            d
            for d in range(len(self.found))
            if not any(self.precision(t, d) > 0.4 for t in dont_care)
        ]
        self.match_one_to_one()
        self.match_one_to_many()
        self.match_many_to_one()
        truth, found = len(self.counted_truth), len(self.counted_found)
        return Counts(self.recalled, truth, self.precise, found)

    def match_one_to_one(self) -> None:
        for t in self.counted_truth:
            for d in self.counted_found:
                near = centres_apart(self.truth[t], self.found[d]) < 1
                if self.good(t, d) and self.alone(t, d) and near:
                    self.take([t], [d], 1, 1)

    def match_one_to_many(self) -> None:
        for t in self.counted_truth:
            free = [d for d in self.counted_found if d not in self.used_found]
            parts = [d for d in free if self.precision(t, d) >= 0.4]
            covered = round(sum(self.recall(t, d) for d in parts), 4) >= 0.8
            if t not in self.used_truth and covered and len(self.boxes_on(t)) >= 2:
                weight = 1 if len(parts) == 1 else 0.8
                self.take([t], parts, weight, weight * len(parts))

    def match_many_to_one(self) -> None:
        for d in self.counted_found:
            free = [t for t in self.counted_truth if t not in self.used_truth]
            parts = [t for t in free if self.recall(t, d) >= 0.8]
            filled = round(sum(self.precision(t, d) for t in parts), 4) >= 0.4
            if d not in self.used_found and filled and len(self.words_in(d)) >= 2:
                self.take(parts, [d], len(parts), 1)

    def take(self, truth: list[int], found: list[int], recalled: float, precise: float) -> None:
        self.used_truth.update(truth)
        self.used_found.update(found)
        self.recalled += recalled
        self.precise += precise


def shared(a: Rect, b: Rect) -> int:
    width = min(a[2], b[2]) - max(a[0], b[0])
    height = min(a[3], b[3]) - max(a[1], b[1])
    return max(width, 0) * max(height, 0)


def area(a: Rect) -> int:
    return shared(a, a)


def centres_apart(a: Rect, b: Rect) -> float:
    """Distance of the centres, in units of the mean diagonal."""
    distance = math.hypot(a[0] + a[2] - b[0] - b[2], a[1] + a[3] - b[1] - b[3]) / 2
    diagonals = math.hypot(a[2] - a[0], a[3] - a[1]) + math.hypot(b[2] - b[0], b[3] - b[1])
    return 2 * distance / diagonals


@st.composite
def rects(draw: st.DrawFn) -> Rect:
    """Few places and few sizes, so that matches of every kind come up."""
    left, top = draw(st.integers(0, 12)), draw(st.integers(0, 3))
    return left, top, left + draw(st.integers(1, 12)), top + draw(st.integers(1, 4))


@given(st.lists(st.tuples(rects(), st.booleans()), max_size=5), st.lists(rects(), max_size=5))
def test_upright_polygons_are_counted_as_the_script_counts_rectangles(
    truth: list[tuple[Rect, bool]], found: list[Rect]
) -> None:
    regions = [Region(rect(*sides), ignored) for sides, ignored in truth]
    counts = deteval(ComparedPicture("a", (30, 10), regions, [rect(*sides) for sides in found]))
    reference = Reference([sides for sides, _ in truth], [ignored for _, ignored in truth], found)
    expected = reference.counts()
    assert counts.truth == expected.truth
    assert counts.detected == expected.detected
    assert counts.recalled == pytest.approx(expected.recalled)
    assert counts.precise == pytest.approx(expected.precise)
