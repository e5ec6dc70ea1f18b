"""Anyone's heatmap becomes boxes."""

import numpy as np
import pytest
from numpy.typing import NDArray

from locpipe.stages.errors import ConfigError
from locpipe.stages.maps import boxes_of, heatmap_of
from locpipe.stages.settings import BoxesSettings, ThresholdSettings


def a_spot() -> NDArray[np.float64]:
    heat = np.zeros((6, 8))
    heat[2:4, 3:5] = 0.8
    return heat


def test_cells_divide_the_picture_evenly() -> None:
    heat = heatmap_of(a_spot(), (800, 300), ())
    assert heat.grid.stride == (100.0, 50.0)
    assert heat.grid.offset == (50.0, 25.0)
    level = ThresholdSettings(value=0.4)  # half of the heat: the outline lies between the cells
    [box] = boxes_of(heat, level, BoxesSettings()).items
    assert box.rect == (300, 100, 500, 200)
    assert box.label == "heatmap"
    assert box.score == pytest.approx(0.8)


def test_every_map_has_boxes_of_its_own_label() -> None:
    maps = np.stack([a_spot(), a_spot().T[:6, :6].repeat(2, axis=1)[:, :8]])
    heat = heatmap_of(maps, (80, 60), ("cat", "dog"))
    found = boxes_of(heat, ThresholdSettings(), BoxesSettings())
    assert {box.label for box in found.items} == {"cat", "dog"}


def test_the_settings_of_boxes_hold() -> None:
    heat = heatmap_of(a_spot(), (80, 60), ())
    assert not boxes_of(heat, ThresholdSettings(), BoxesSettings(min_area=1000)).items
    assert not boxes_of(heat, ThresholdSettings(value=0.9), BoxesSettings()).items


@pytest.mark.parametrize(
    ("values", "size", "labels", "told"),
    [
        (np.zeros(5), (4, 4), (), r"float64 \[5\].*give floats \[h, w\]"),
        (np.zeros((0, 3)), (4, 4), (), "no heatmap"),
        (np.zeros((2, 2), np.uint8), (4, 4), (), "uint8"),
        (np.full((2, 2), 3.5), (4, 4), (), "3.5.*scale them to 0 .. 1"),
        (np.full((2, 2), np.nan), (4, 4), (), "nan"),
        (np.full((2, 2), -0.1), (4, 4), (), "-0.1"),
        (np.zeros((2, 2)), (0, 4), (), "picture_size.*width, height"),
        (np.zeros((2, 2, 2)), (4, 4), ("a",), "1 names for 2 maps"),
    ],
)
def test_what_is_no_heatmap_is_told(
    values: NDArray[np.float64], size: tuple[int, int], labels: tuple[str, ...], told: str
) -> None:
    with pytest.raises(ConfigError, match=told):
        heatmap_of(values, size, labels)


def test_a_heatmap_alone_classifies_nothing() -> None:
    heat = heatmap_of(a_spot(), (80, 60), ())
    with pytest.raises(ConfigError, match=r"boxes.classify"):
        boxes_of(heat, ThresholdSettings(), BoxesSettings(classify=True))
