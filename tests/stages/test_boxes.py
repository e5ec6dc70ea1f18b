"""Boxes of masks drawn by hand; geometry as properties."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from numpy.typing import NDArray
from shapely import Point, Polygon

from locpipe.stages.boxes import find_boxes
from locpipe.stages.geometry.box import Box, Boxes
from locpipe.stages.geometry.grid import Grid
from locpipe.stages.heatmap import Heatmap
from locpipe.stages.settings import KeepSettings, Shape
from locpipe.stages.threshold import Mask

masks = arrays.arrays(np.bool_, st.tuples(st.integers(1, 12), st.integers(1, 12)))


def drawn(*rows: str) -> NDArray[np.bool_]:
    return np.array([[cell == "#" for cell in row] for row in rows])


def boxes_of(
    cells: NDArray[np.bool_],
    heat: NDArray[np.float32] | None = None,
    stride: float = 1.0,
    level: float | None = None,
    **options: object,
) -> Boxes:
    height, width = cells.shape
    picture = (round(width * stride), round(height * stride))
    grid = Grid((height, width), (stride, stride), (stride / 2, stride / 2), picture)
    values = np.ones(cells.shape, np.float32) if heat is None else heat
    return find_boxes(
        Mask(cells[None], ("text",), grid, (level,)),
        Heatmap(values[None], ("text",), grid),
        **options,  # type: ignore[arg-type]  # options of find_boxes
    )


def rects(boxes: Boxes) -> list[tuple[int, int, int, int]]:
    return [box.rect for box in boxes.items]


@pytest.mark.parametrize("merge", [0.0, 1.0])
def test_nothing_gives_nothing(merge: float) -> None:
    assert boxes_of(np.zeros((4, 5), np.bool_), merge=merge) == Boxes((), 0)


def test_components_become_half_open_rectangles_in_picture_pixels() -> None:
    cells = drawn("##...", "##..#", "....#")
    assert rects(boxes_of(cells)) == [(0, 0, 2, 2), (4, 1, 5, 3)]
    assert rects(boxes_of(cells, stride=4.0)) == [(0, 0, 8, 8), (16, 4, 20, 12)]


def test_corners_join_with_8_and_not_with_4() -> None:
    cells = drawn("#..", ".#.", "..#")
    assert rects(boxes_of(cells)) == [(0, 0, 3, 3)]
    assert len(boxes_of(cells, connectivity=4).items) == 3


def test_the_score_is_the_mean_heat_inside() -> None:
    heat = np.array([[0.5, 1.0, 0.9], [0.9, 0.3, 0.9]], np.float32)
    (box,) = boxes_of(drawn("##.", ".#."), heat).items
    assert box.score == pytest.approx((0.5 + 1.0 + 0.3) / 3)


def test_minimum_area_is_in_square_pixels_of_the_component() -> None:
    cells = drawn("###..", "#....", "#..##")
    assert len(boxes_of(cells, stride=2.0, min_area=20).items) == 1
    assert len(boxes_of(cells, stride=2.0, min_area=20.1).items) == 0
    assert len(boxes_of(cells, stride=2.0, min_area=8).items) == 2


def test_minimum_side_is_of_the_shorter_side() -> None:
    cells = drawn("####.", ".....", "##...", "##...")
    assert rects(boxes_of(cells, min_side=2)) == [(0, 2, 2, 4)]


def test_padding_is_in_units_of_height_and_ends_at_the_picture() -> None:
    cells = np.zeros((20, 30), np.bool_)
    cells[5:9, 1:20] = True
    assert rects(boxes_of(cells, padding=0.5)) == [(0, 3, 22, 11)]


@pytest.mark.parametrize(("shape", "padded"), [("upright", 4), ("rotated", 2)])
def test_the_height_of_a_tall_box_is_its_vertical_side_if_it_is_upright(
    shape: Shape, padded: int
) -> None:
    cells = np.zeros((30, 30), np.bool_)
    cells[10:18, 10:14] = True
    (box,) = boxes_of(cells, shape=shape, padding=0.5).items
    assert box.rect == (10 - padded, 10 - padded, 14 + padded, 18 + padded)


def test_the_margin_is_in_pixels() -> None:
    cells = np.zeros((20, 30), np.bool_)
    cells[5:9, 10:20] = True
    assert rects(boxes_of(cells, margin=3)) == [(7, 2, 23, 12)]
    assert rects(boxes_of(cells, margin=3, padding=0.5)) == [(5, 0, 25, 14)]


def test_a_polygon_follows_a_bend_and_nothing_else() -> None:
    """An arch: a ring from 130 to 150 cells around, over 100 degrees; below it a straight bar."""
    y, x = np.mgrid[:160, :300] + 0.5
    radius, angle = np.hypot(x - 150, y - 155), np.arctan2(x - 150, 155 - y)
    arch = (radius > 130) & (radius < 150) & (abs(angle) < np.deg2rad(50))
    bar = (abs(y - 120) < 8) & (abs(x - 150) < 40)
    bent, straight = boxes_of(arch | bar, shape="polygon", margin=1).items
    assert len(bent.polygon) == 14
    assert len(straight.polygon) == 4
    cells = sum(Polygon(c).area for c in (bent.polygon, straight.polygon))
    assert cells < 1.3 * (arch.sum() + bar.sum())
    rotated = boxes_of(arch | bar, shape="rotated").items
    assert [len(box.polygon) for box in rotated] == [4, 4]


def test_a_thin_bridge_is_cut_where_that_is_asked_for() -> None:
    word, bridge = "#########", "...."
    cells = drawn(
        *(2 * [word + bridge + word]), word + "####" + word, *(2 * [word + bridge + word])
    )
    assert len(boxes_of(cells).items) == 1
    assert len(boxes_of(cells, split=0.5).items) == 2


WORDS = ("....................", ".####..####....####.", ".####..####....####.")


@pytest.mark.parametrize(("merge", "count"), [(0, 3), (0.3, 3), (0.4, 2), (0.9, 2), (1.1, 1)])
def test_words_nearer_than_so_many_heights_are_merged(merge: float, count: int) -> None:
    """Words 2 cells high, 2 and 4 cells apart; padding makes that 3 cells, 1 and 3 apart."""
    found = boxes_of(drawn(*WORDS), merge=merge, padding=0.25)
    expected = {3: [0, 0, 0], 2: [0, 0], 1: [0]}[count]
    assert [box.line for box in found.items] == expected


def test_a_merged_box_surrounds_its_parts_and_has_their_mean_heat() -> None:
    cells = drawn(".##..####.", ".##..####.")
    heat = np.where(np.arange(10) < 4, 0.9, 0.6) * np.ones((2, 1)) * cells
    (box,) = boxes_of(cells, heat.astype(np.float32), merge=2).items
    assert box.score == pytest.approx((4 * 0.9 + 8 * 0.6) / 12)
    assert box.rect == (1, 0, 9, 2)
    apart = drawn(".##..", ".##..", ".....", ".....", ".##..", ".##..")
    assert len(boxes_of(apart, merge=9).items) == 2, "of one line only"


def test_labels_are_not_merged() -> None:
    grid = Grid((1, 5), (1, 1), (0.5, 0.5), (5, 1))
    values = np.array([[[1, 1, 0, 0, 0]], [[0, 0, 0, 1, 1]]], np.float32)
    mask, heat = (
        Mask(values > 0, ("cat", "dog"), grid, (None, None)),
        Heatmap(values, ("cat", "dog"), grid),
    )
    assert len(find_boxes(mask, heat, merge=9).items) == 2


def test_edges_lie_where_heat_crosses_the_threshold_between_cells() -> None:
    heat = np.tile(np.array([0.1, 0.1, 0.6, 0.9, 0.9, 0.3, 0.1], np.float32), (5, 1))
    (box,) = boxes_of(heat > 0.5, heat, stride=4.0, level=0.5).items
    left, right = box.polygon[0][0], box.polygon[1][0]
    assert (left, right) == (9.2, 20.67), "6 + 4 * 4 / 5 and 18 + 4 * 4 / 6"


def test_the_best_stay_when_there_are_too_many() -> None:
    cells = drawn("#.#.#.#")
    heat = np.array([[0.6, 0, 0.9, 0, 0.8, 0, 0.7]], np.float32)
    found = boxes_of(cells, heat, maximum=2)
    assert [round(box.score, 1) for box in found.items] == [0.9, 0.8]
    assert found.dropped == 2


def test_labels_have_components_of_their_own() -> None:
    grid = Grid((1, 3), (1, 1), (0.5, 0.5), (3, 1))
    values = np.array([[[1, 1, 0]], [[0, 1, 1]]], np.float32)
    found = find_boxes(
        Mask(values > 0, ("cat", "dog"), grid, (None, None)), Heatmap(values, ("cat", "dog"), grid)
    )
    assert [(box.label, box.rect) for box in found.items] == [
        ("cat", (0, 0, 2, 1)),
        ("dog", (1, 0, 3, 1)),
    ]


@pytest.mark.parametrize(
    ("angle", "corner"), [(0, "left"), (30, "left"), (-30, "left"), (80, "top")]
)
def test_rotated_boxes_follow_a_slanted_bar(angle: float, corner: str) -> None:
    """A bar of 60 x 10 pixels: sides, angle and the first corner in reading direction."""
    y, x = np.mgrid[:100, :100] + 0.5 - 50
    radians = np.deg2rad(angle)
    along = x * np.cos(radians) + y * np.sin(radians)
    across = -x * np.sin(radians) + y * np.cos(radians)
    (box,) = boxes_of((abs(along) < 30) & (abs(across) < 5), shape="rotated").items
    corners = np.array(box.polygon)
    top, side = corners[1] - corners[0], corners[3] - corners[0]
    assert np.linalg.norm(top) == pytest.approx(60, abs=2.5)
    assert np.linalg.norm(side) == pytest.approx(10, abs=2.5)
    assert np.rad2deg(np.arctan2(top[1], top[0])) == pytest.approx(angle, abs=3)
    first = corners[0] - 50
    assert first @ np.array([np.cos(radians), np.sin(radians)]) < 0, corner


def test_vertical_bars_are_read_downwards() -> None:
    cells = np.zeros((40, 20), np.bool_)
    cells[2:38, 8:12] = True
    (box,) = boxes_of(cells, shape="rotated").items
    assert np.allclose(box.polygon, [(12, 2), (12, 38), (8, 38), (8, 2)])


@given(
    cells=masks,
    stride=st.sampled_from([1.0, 2.0, 3.7]),
    shape=st.sampled_from(["upright", "rotated", "polygon"]),
    padding=st.floats(0, 2),
    margin=st.floats(0, 5),
)
def test_boxes_lie_inside_the_picture_and_agree_with_themselves(
    cells: NDArray[np.bool_], stride: float, shape: Shape, padding: float, margin: float
) -> None:
    found = boxes_of(cells, stride=stride, shape=shape, padding=padding, margin=margin)
    height, width = (round(side * stride) for side in cells.shape)
    for box in found.items:
        assert len(box.polygon) >= 4
        assert 0 <= box.score <= 1
        x, y = np.array(box.polygon).T
        assert np.round(box.polygon, 2).tolist() == np.array(box.polygon).tolist(), "as written"
        assert x.min() >= -1e-9
        assert x.max() <= width + 1e-9
        assert y.min() >= -1e-9
        assert y.max() <= height + 1e-9
        expected = (np.floor(x.min()), np.floor(y.min()), np.ceil(x.max()), np.ceil(y.max()))
        assert box.rect == expected
        assert signed_area(box) > 0, "clockwise on the screen"
        assert Polygon(box.polygon).is_valid


@pytest.mark.parametrize("shape", ["upright", "rotated", "polygon"])
def test_a_sliver_on_the_line_between_two_pixels_has_one_of_them(shape: Shape) -> None:
    """A cell that is hardly hot is a point, at its centre: exports of an empty rectangle failed."""
    heat = np.zeros((3, 6), np.float32)
    heat[1, [1, 3, 4]] = 0.51, 0.9, 0.50999
    found = boxes_of(heat > 0.509995, heat, stride=4.0, level=0.509995, shape=shape)
    (box,) = (box for box in found.items if box.score < 0.6)
    assert set(box.polygon) == {(6.0, 6.0)}
    assert box.rect == (6, 6, 7, 7)


@given(cells=masks, shape=st.sampled_from(["upright", "rotated"]))
def test_the_centre_of_every_hot_cell_lies_in_a_box(cells: NDArray[np.bool_], shape: Shape) -> None:
    found = boxes_of(cells, shape=shape)
    cover = [Polygon(box.polygon).buffer(1e-2) for box in found.items]
    for row, column in np.argwhere(cells):
        centre = Point(column + 0.5, row + 0.5)
        assert any(polygon.covers(centre) for polygon in cover)


@given(cells=masks)
def test_the_smallest_rectangle_is_not_larger_than_the_upright_one(
    cells: NDArray[np.bool_],
) -> None:
    upright = sum(Polygon(box.polygon).area for box in boxes_of(cells).items)
    smallest = sum(Polygon(box.polygon).area for box in boxes_of(cells, shape="rotated").items)
    assert smallest <= upright + 1e-3


def signed_area(box: Box) -> float:
    x, y = np.array(box.polygon).T
    return float(x @ np.roll(y, -1) - y @ np.roll(x, -1)) / 2


def test_boxes_that_are_not_kept_are_counted_by_key() -> None:
    boxes = boxes_of(
        drawn("##....####", "##....####", "##........"), keep=KeepSettings(min_aspect=1.8)
    )
    assert rects(boxes) == [(6, 0, 10, 2)]
    assert boxes.filtered == {"min_aspect": 1}


def test_boxes_are_read_in_the_direction_that_is_asked_for() -> None:
    boxes = boxes_of(drawn("####.####"), direction="rtl")
    assert rects(boxes) == [(5, 0, 9, 1), (0, 0, 4, 1)]
    assert [(box.line, box.block, box.direction) for box in boxes.items] == 2 * [(0, 0, "rtl")]
