"""Lines hold their words, baselines run below the middle, and all is whole pixels inside the page."""

import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from run_fixtures import MakeRun
from shapely import Polygon

from locpipe.pipeline.export.lines import Reading, around, lines_of
from locpipe.pipeline.output.archive import open_run
from locpipe.pipeline.output.box_json import Maker, Page
from locpipe.stages.geometry.box import Box


@pytest.fixture
def page(make_run: MakeRun, sign: Image.Image, boxes: list[dict[str, Any]]) -> Page:
    (page,) = open_run(make_run({"a.png": (sign, 1, boxes)}) / "out").pages()
    return page


def test_words_come_in_lines_with_what_was_read(page: Page) -> None:
    first, second = lines_of(page, {0: Reading("HI", 0.5)})
    assert [word.index for word in first.words] == [0, 1]
    assert [word.index for word in second.words] == [2]
    assert first.words[0].reading == Reading("HI", 0.5)
    assert first.words[1].reading is None
    assert first.words[0].rect == (20, 30, 120, 60)


def test_the_baseline_of_an_upright_word_is_where_kraken_puts_it(page: Page) -> None:
    only = Page(**{**vars(page), "boxes": page.boxes[:1]})
    (line,) = lines_of(only, {})
    assert line.baseline == ((20, 52), (120, 52))
    assert line.polygon == ((20, 30), (120, 30), (120, 60), (20, 60))


def test_a_line_is_turned_as_its_words_are_and_holds_them(page: Page) -> None:
    line, _ = lines_of(page, {})
    (x0, y0), (x1, y1) = line.baseline
    angle = math.degrees(math.atan2(y1 - y0, x1 - x0))
    assert 1 < angle < 10
    hull = Polygon(line.polygon).buffer(1.5)
    assert all(hull.contains(Polygon(word.polygon)) for word in line.words)


def test_the_baseline_of_a_curved_word_bends_with_it(page: Page) -> None:
    _, curved = lines_of(page, {})
    assert curved.baseline == ((20, 105), (80, 85), (140, 105))
    assert len(curved.polygon) == 6


@pytest.mark.parametrize(
    ("at", "expected"), [((30.2, 4.1), (30, 4, 31, 5)), ((40.0, 10.0), (38, 8, 39, 9))]
)
def test_a_box_that_is_a_point_becomes_a_pixel_inside_the_page(
    at: tuple[float, float], expected: tuple[int, int, int, int]
) -> None:
    box = Box("a", 0.5, (at,) * 4, (0, 0, 1, 1))
    page = Page("a", 1, 40, 10, 1, 40, 10, "", ("a",), (box,), Maker("m", "", ""))
    (line,) = lines_of(page, {})
    left, top, right, bottom = expected
    corners = ((left, top), (right, top), (right, bottom), (left, bottom))
    assert line.words[0].polygon == line.polygon == corners


@settings(max_examples=60)
@given(data=st.data(), width=st.integers(1, 50), height=st.integers(1, 50))
def test_everything_is_inside_the_page_simple_and_long_enough(
    data: st.DataObject, width: int, height: int
) -> None:
    point = st.tuples(st.floats(0, width), st.floats(0, height))
    polygons = data.draw(st.lists(st.lists(point, min_size=4, max_size=8), min_size=1, max_size=4))
    found = tuple(
        Box("a", 0.5, tuple(polygon), (0, 0, 1, 1), i // 2) for i, polygon in enumerate(polygons)
    )
    page = Page("a", 1, width, height, 1, width, height, "", ("a",), found, Maker("m", "", ""))
    for line in lines_of(page, {}):
        everything = [line.polygon, line.baseline, *(word.polygon for word in line.words)]
        left, top, right, bottom = around(everything)
        assert 0 <= left <= right <= max(1, width - 1)
        assert 0 <= top <= bottom <= max(1, height - 1)
        for polygon in (line.polygon, *(word.polygon for word in line.words)):
            assert len(polygon) >= 3
            assert Polygon(polygon).is_valid
            assert Polygon(polygon).area > 0
        if width > 5:
            assert math.dist(line.baseline[0], line.baseline[-1]) >= 5
