"""Heatmaps of other programs, as `Heatmap`."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from .boxes import find_boxes
from .errors import ConfigError
from .geometry.box import Boxes
from .geometry.grid import Grid
from .heatmap import Heatmap
from .settings import BoxesSettings, ThresholdSettings
from .threshold import threshold


def heatmap_of(
    values: NDArray[np.floating], picture_size: tuple[int, int], labels: Sequence[str]
) -> Heatmap:
    """Return a heatmap whose cells divide a picture evenly.

    Args:
        values: float [h, w] or [K, h, w], in 0..1.
        picture_size: width and height of the upright picture, in pixels.
        labels: one name per map; empty: `heatmap`, or `heatmap 0`, `heatmap 1`, ….

    Raises:
        ConfigError: the values, the size or the labels are wrong; the message says what to give.
    """
    maps = np.asarray(values)
    maps = maps[None] if maps.ndim == 2 else maps
    if maps.ndim != 3 or 0 in maps.shape or not np.issubdtype(maps.dtype, np.floating):
        msg = (
            f"heatmap: an array of {maps.dtype} {list(np.shape(values))} is no heatmap; give floats "
            "[h, w], or [K, h, w] for K labels"
        )
        raise ConfigError(msg)
    low, high = float(maps.min()), float(maps.max())
    if not (low >= 0 and high <= 1):  # NaN is in no range
        msg = (
            f"heatmap: its values lie in {low:g} .. {high:g}; scale them to 0 .. 1, for example "
            "(h - h.min()) / (h.max() - h.min())"
        )
        raise ConfigError(msg)
    width, height = picture_size
    if width < 1 or height < 1:
        msg = f"picture_size: {picture_size} is no size; give (width, height) in pixels"
        raise ConfigError(msg)
    names = tuple(labels) or _names(len(maps))
    if len(names) != len(maps):
        msg = f"labels: {len(names)} names for {len(maps)} maps; give one name per map"
        raise ConfigError(msg)
    return Heatmap(
        np.ascontiguousarray(maps, np.float32), names, _even(maps.shape[1:], picture_size)
    )


def boxes_of(heat: Heatmap, level: ThresholdSettings, boxes: BoxesSettings) -> Boxes:
    """Return the boxes of a heatmap, in pixels of its picture.

    Raises:
        ConfigError: the settings classify the boxes, which needs a model; or they keep boxes by
            contrast, which needs the picture.
    """
    if boxes.keep.min_contrast is not None:
        msg = "boxes.keep.min_contrast: a heatmap alone has no colours; leave it out"
        raise ConfigError(msg)
    if boxes.classify:
        msg = "boxes.classify: a heatmap alone has no classifier; leave it out"
        raise ConfigError(msg)
    mask = threshold(heat, **level.model_dump(), connectivity=boxes.connectivity)
    return find_boxes(mask, heat, **boxes.options())


def _names(count: int) -> tuple[str, ...]:
    return ("heatmap",) if count == 1 else tuple(f"heatmap {number}" for number in range(count))


def _even(shape: tuple[int, ...], picture_size: tuple[int, int]) -> Grid:
    """Return the grid of cells [h, w] that divide a picture evenly."""
    rows, columns = shape
    stride = (picture_size[0] / columns, picture_size[1] / rows)
    return Grid((rows, columns), stride, (stride[0] / 2, stride[1] / 2), picture_size)
