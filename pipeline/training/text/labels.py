"""What each position of a picture with words shows: background, a word's core, or a gap."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import shapely
from numpy.typing import NDArray
from shapely import Geometry

from ..scene_text.truth import UNREADABLE, RenderedWord

CLASSES = ("background", "text", "gap")
BACKGROUND, TEXT, GAP = range(3)
IGNORED = 255
STRIDE = 4

SHRINK = 0.25
"""A core is its word shrunk by this on all sides, in units of the word's shorter side."""
_AROUND = 0.12  # how far the gap reaches beyond the word, in the same unit
_LEAST_CORE = STRIDE  # pixels: a thinner core would fall between the positions
_LEAST_SIDE = 5.0  # pixels: a smaller word cannot be read
_LEAST_SEEN = 0.2  # of a word's area: a smaller part may look like anything


@dataclass(frozen=True)
class PositionTruth:
    """What the positions of a picture show.

    Attributes:
        classes: uint8 [h, w], an index of `CLASSES` or IGNORED.
        weights: float32 [h, w], how much a position of a core or gap counts; 0 elsewhere. Words of
            a picture have weights in proportion to the 4th roots of their numbers of positions. The
            weight of the picture is the square root of the sum of these roots. Otherwise pages of
            small print would dominate large letters.
    """

    classes: NDArray[np.uint8]
    weights: NDArray[np.float32]


def label(words: Sequence[RenderedWord], width: int, height: int) -> PositionTruth:
    """Label the centres of 4 x 4 cells of a picture of `width` x `height` pixels, multiples of 4.

    The core of a word is its shrunk polygon. The gap is a ring around the core that ends a little
    outside the word: where two words stand close, only the gap tells them apart. Words that cannot
    be read or seen are ignored. Words are in the frame of the picture, and may reach out of it.
    """
    polygons = [word.polygon for word in words]
    raw = np.array([shapely.Polygon(polygon) for polygon in polygons], np.object_)
    shapes = shapely.make_valid(raw, method="structure", keep_collapsed=False)
    sides = np.array([_shorter_side(polygon) for polygon in polygons])
    inset = np.minimum(SHRINK * sides, np.maximum(sides - _LEAST_CORE, 0) / 2)
    inside = shapely.area(shapely.clip_by_rect(shapes, 0, 0, width, height))
    read = np.array([word.text != UNREADABLE for word in words], np.bool_)
    read &= sides >= _LEAST_SIDE
    read &= inside / np.maximum(shapely.area(shapes), 1e-9) >= _LEAST_SEEN
    around = shapely.buffer(shapes, _AROUND * sides, join_style="mitre")
    cores = shapely.buffer(shapes, -inset, join_style="mitre")
    owner, core = np.zeros((2, height, width), np.int32)
    for index in np.flatnonzero(read):
        _paint(owner, around[index], int(index) + 1)
    ignored = np.zeros((height, width), np.int32)
    for index in np.flatnonzero(~read):
        _paint(ignored, around[index], 1)
    for index in np.flatnonzero(read):
        _paint(core, cores[index], int(index) + 1)
    centres = slice(STRIDE // 2, None, STRIDE)
    return _truth(*(plane[centres, centres] for plane in (owner, core, ignored)))


def _truth(
    owner: NDArray[np.int32], core: NDArray[np.int32], ignored: NDArray[np.int32]
) -> PositionTruth:
    classes = np.where(owner > 0, GAP, BACKGROUND).astype(np.uint8)
    classes[ignored > 0] = IGNORED
    classes[core > 0] = TEXT
    return PositionTruth(classes, shares((classes == TEXT, core), (classes == GAP, owner)))


def shares(*kinds: tuple[NDArray[np.bool_], NDArray[np.int32]]) -> NDArray[np.float32]:
    """Return how much each position counts, float32 [h, w], see `PositionTruth`.

    Args:
        kinds: where positions of a class are, [h, w], and the number of the word of each.
    """
    weights = np.zeros(kinds[0][0].shape, np.float32)
    for there, numbers in kinds:
        number = numbers[there]
        if len(number):
            by_word = np.bincount(number)[number] ** -0.75
            weights[there] = by_word / math.sqrt(by_word.sum())
    return weights


def _shorter_side(polygon: NDArray[np.float32]) -> float:
    """Return the mean height or length of a `RenderedWord.polygon`, whichever is less."""
    half = len(polygon) // 2
    edges = np.stack([polygon[:half], polygon[half:][::-1]])
    across = np.linalg.norm(edges[0] - edges[1], axis=1).mean()
    along = np.linalg.norm(np.diff(edges, axis=1), axis=2).sum(axis=1).mean()
    return float(min(across, along))


def _paint(plane: NDArray[np.int32], shape: Geometry, value: int) -> None:
    for part in shapely.get_parts(shape):
        ring = shapely.get_coordinates(shapely.get_exterior_ring(part))
        if len(ring):
            # OpenCV's coordinates are those of pixel centres, here in 1/16 of a pixel.
            points = np.round((ring - 0.5) * 16).astype(np.int32)
            cv2.fillPoly(plane, [points], value, cv2.LINE_8, 4)
