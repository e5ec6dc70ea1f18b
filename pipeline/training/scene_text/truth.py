"""Words with their places, and which of them nobody could read."""

from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from ....stages.geometry.rectangles import tilted
from .camera import Shot
from .pose import Pose
from .typeset import FlatWord

UNREADABLE = "###"  # as in the ground truth of ICDAR: neither a hit nor a false alarm


@dataclass(frozen=True)
class RenderedWord:
    """One word of a picture, in the upright picture frame: origin at the corner of the first pixel.

    Attributes:
        quad: float32 [4, 2], clockwise from the top-left corner in reading direction. It may reach
            out of the picture, as the word does.
        text: Its letters; `###` if it cannot be read.
        line: Index of its text line, unique in the picture.
        polygon: float32 [2n, 2], the top edge from left to right, then the bottom edge from right
            to left. It follows a curved baseline.
    """

    quad: NDArray[np.float32]
    text: str
    line: int
    polygon: NDArray[np.float32]


@dataclass(frozen=True)
class Rendering:
    """A picture `rgb` uint8 [H, W, 3], its words, and the coverage `ink` uint8 [H, W] of glyphs."""

    rgb: NDArray[np.uint8]
    words: tuple[RenderedWord, ...]
    ink: NDArray[np.uint8]


def word_at(flat: FlatWord, x: float, y: float, pose: Pose, line: int) -> RenderedWord:
    """Bring a word of the paragraph at (`x`, `y`) of a block into the picture."""
    steps = 2 if pose.curve is None else 9
    across = np.linspace(flat.left, flat.right, steps) + x
    top = np.stack([across, np.full(steps, flat.top + y)], 1)
    bottom = np.stack([across[::-1], np.full(steps, flat.bottom + y)], 1)
    polygon = pose.forward(np.concatenate([top, bottom])).astype(np.float32)
    quad = polygon if pose.curve is None else _around(polygon)
    return RenderedWord(quad, flat.text, line, polygon)


def _around(polygon: NDArray[np.float32]) -> NDArray[np.float32]:
    """The least rotated rectangle around a bent word, from its top-left in reading direction."""
    half = len(polygon) // 2
    reading = polygon[half - 1] + polygon[half] - polygon[0] - polygon[-1]
    corners = tilted(polygon.astype(np.float64)).astype(np.float32)
    along = reading / np.linalg.norm(reading)
    # OpenCV's corners go clockwise; the first one starts the side along the reading direction.
    sides = np.roll(corners, -1, 0) - corners
    first = int(np.argmax(sides @ along))
    return np.asarray(np.roll(corners, -first, 0), np.float32)


def judge(
    shot: Shot, ink: NDArray[np.uint8], words: list[RenderedWord]
) -> tuple[RenderedWord, ...]:
    """Drop words outside the picture; mark `###` words cut in half, too faint or too blurred."""
    if not words:
        return ()
    inside = np.bincount(_labels(words, ink.shape, ring=0).ravel(), minlength=len(words) + 1)[1:]
    areas = np.array([abs(cv2.contourArea(word.polygon)) for word in words])
    heights = np.array([_height(word) for word in words])
    faint = _faint(shot, ink, _labels(words, ink.shape, ring=3), len(words))
    unreadable = faint | (inside < 0.55 * areas) | (heights < np.maximum(5.5, 3.2 * shot.blur))
    return tuple(
        replace(word, text=UNREADABLE) if bad else word
        for word, bad, pixels in zip(words, unreadable, inside, strict=True)
        if pixels > 0
    )


def _labels(words: list[RenderedWord], shape: tuple[int, ...], ring: int) -> NDArray[np.int32]:
    """Number of the word [H, W], from 1, in its polygon and a `ring` of pixels around it."""
    labels = np.zeros(shape, np.int32)
    outlines = [np.round(word.polygon - 0.5).astype(np.int32) for word in words]
    for i, outline in enumerate(outlines, 1):
        if ring:
            cv2.polylines(labels, [outline], isClosed=True, color=i, thickness=2 * ring)
    for i, outline in enumerate(outlines, 1):
        cv2.fillPoly(labels, [outline], i)
    return labels


def _faint(
    shot: Shot, ink: NDArray[np.uint8], labels: NDArray[np.int32], count: int
) -> NDArray[np.bool_]:
    """Whether the ink of each word is hard to tell from its surroundings."""
    near = np.flatnonzero(labels)
    label, cover = labels.ravel()[near] - 1, ink.ravel()[near]
    colours = shot.rgb.reshape(-1, 3)[near].astype(np.float64)
    letters, _ = _means(label[cover > 140], colours[cover > 140], count)
    ground, spread = _means(label[cover < 50], colours[cover < 50], count)
    apart = np.abs(letters - ground).max(1)
    return np.asarray(apart < np.maximum(18, np.maximum(0.5 * spread, 1.2 * shot.noise)))


def _means(
    label: NDArray[np.int32], colours: NDArray[np.float64], count: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Mean colour [count, 3] of every label, and the deviation [count] of its green."""
    pixels = np.maximum(np.bincount(label, minlength=count), 1)
    sums = [np.bincount(label, colours[:, channel], count) for channel in range(3)]
    means = np.stack(sums, 1) / pixels[:, None]
    squares = np.bincount(label, colours[:, 1] ** 2, count) / pixels
    return means, np.sqrt(np.maximum(squares - means[:, 1] ** 2, 0))


def _height(word: RenderedWord) -> float:
    """The shorter side in pixels: the height of its letters, whichever way it runs."""
    sides = np.linalg.norm(np.roll(word.quad, -1, 0) - word.quad, axis=1)
    return float(min(sides[0] + sides[2], sides[1] + sides[3]) / 2)
