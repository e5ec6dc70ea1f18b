"""How much ink stands out."""

import numpy as np
import pytest

from locpipe.stages.contrast import contrasts_of
from locpipe.stages.errors import ConfigError
from locpipe.stages.geometry.keep import rejected
from locpipe.stages.maps import boxes_of, heatmap_of
from locpipe.stages.settings import BoxesSettings, KeepSettings, ThresholdSettings

BOX = np.array([[[20, 10], [80, 10], [80, 30], [20, 30]]], np.float64)


def page(ink: int, ground: int) -> np.ndarray[tuple[int, int, int], np.dtype[np.uint8]]:
    """Bars of ink in the box, and other greys outside of it."""
    rgb = np.full((40, 100, 3), 255, np.uint8)
    rgb[10:30, 20:80] = ground
    rgb[14:26, 25:75:4] = ink
    return rgb


@pytest.mark.parametrize(
    ("ink", "ground", "contrast"),
    # L* of grey 0, 119 and 255 is 0, 50.0 and 100.
    [(0, 255, 100), (255, 0, 100), (119, 255, 50), (119, 0, 50), (119, 119, 0)],
)
def test_contrast_is_a_difference_in_lightness(ink: int, ground: int, contrast: float) -> None:
    assert contrasts_of(page(ink, ground), BOX) == pytest.approx([contrast], abs=0.3)


def test_nothing_outside_of_a_turned_box_counts() -> None:
    rgb = np.full((100, 100, 3), 60, np.uint8)
    diamond = np.array([[[50, 10], [90, 50], [50, 90], [10, 50]]], np.float64)
    rgb[:20, :20] = rgb[80:, 80:] = 255
    assert contrasts_of(rgb, diamond).tolist() == [0]


def test_no_box_is_too_small_too_large_or_too_far_out() -> None:
    boxes = np.concatenate([BOX * 0, BOX * 100 - 500, BOX + 500])
    assert np.isfinite(contrasts_of(page(0, 255), boxes)).all()
    assert contrasts_of(page(0, 255), boxes[:0]).shape == (0,)


def test_of_two_boxes_the_pale_one_goes() -> None:
    rgb = np.concatenate([page(0, 255), page(230, 255)])
    boxes = np.concatenate([BOX, BOX + np.array([0, 40])])
    gone, counts = rejected(boxes, [0.9, 0.9], KeepSettings(min_contrast=20), contrasts_of(rgb, boxes))  # fmt: skip
    assert gone.tolist() == [False, True]
    assert counts == {"min_contrast": 1}


def test_a_heatmap_alone_has_no_contrast() -> None:
    keep = BoxesSettings(keep=KeepSettings(min_contrast=20))
    with pytest.raises(ConfigError, match=r"min_contrast: a heatmap alone has no colours; leave"):
        boxes_of(heatmap_of(np.ones((4, 4)), (8, 8), ()), ThresholdSettings(), keep)
