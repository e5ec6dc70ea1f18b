"""Words with their place, and which of them nobody could read."""

from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from .camera import Shot
from .pose import Pose
from .typeset import FlatWord

__all__ = ["UNREADABLE", "Rendering", "Word", "judge", "word_at"]

UNREADABLE = "###"  # as in the ground truth of ICDAR: neither a hit nor a false alarm


@dataclass(frozen=True)
class Word:
    """One word of a picture; upright picture frame, origin at the corner of the first pixel.

    Attributes:
        quad: float32 [4, 2], clockwise from the top-left corner in reading direction. May reach
            out of the picture where the word does.
        text: Its letters; `###` if it cannot be read.
        line: Index of its text line, unique in the picture.
        polygon: float32 [2n, 2], the top edge from left to right, then the bottom edge from right
            to left; follows a curved baseline.
    """

    quad: NDArray[np.float32]
    text: str
    line: int
    polygon: NDArray[np.float32]


@dataclass(frozen=True)
class Rendering:
    """A picture `rgb` uint8 [H, W, 3], its words, and the coverage `ink` uint8 [H, W] of glyphs."""

    rgb: NDArray[np.uint8]
    words: tuple[Word, ...]
    ink: NDArray[np.uint8]


def word_at(flat: FlatWord, x: float, y: float, pose: Pose, line: int) -> Word:
    """Bring a word of the paragraph at (`x`, `y`) of a block into the picture."""
    steps = 2 if pose.curve is None else 9
    across = np.linspace(flat.left, flat.right, steps) + x
    top = np.stack([across, np.full(steps, flat.top + y)], 1)
    bottom = np.stack([across[::-1], np.full(steps, flat.bottom + y)], 1)
    polygon = pose.forward(np.concatenate([top, bottom])).astype(np.float32)
    quad = polygon if pose.curve is None else _around(polygon)
    return Word(quad, flat.text, line, polygon)


def _around(polygon: NDArray[np.float32]) -> NDArray[np.float32]:
    """The least rotated rectangle around a bent word, from its top-left in reading direction."""
    half = len(polygon) // 2
    reading = polygon[half - 1] + polygon[half] - polygon[0] - polygon[-1]
    corners = cv2.boxPoints(cv2.minAreaRect(polygon)).astype(np.float32)
    along = reading / np.linalg.norm(reading)
    # OpenCV's corners go clockwise; the first begins the side that runs with the reading.
    sides = np.roll(corners, -1, 0) - corners
    first = int(np.argmax(sides @ along))
    return np.asarray(np.roll(corners, -first, 0), np.float32)


def judge(shot: Shot, ink: NDArray[np.uint8], words: list[Word]) -> tuple[Word, ...]:
    """Drop words outside the picture; mark `###` those cut in half, too faint or too blurred."""
    if not words:
        return ()
    height, width = ink.shape
    labels = np.zeros((height, width), np.int32)
    for i, word in enumerate(words, 1):
        cv2.fillPoly(labels, [np.round(word.polygon - 0.5).astype(np.int32)], i)
    areas = np.array([abs(cv2.contourArea(word.polygon)) for word in words])
    seen, faint = _measure(shot, ink, labels, len(words))
    heights = np.array([_height(word) for word in words])
    unreadable = faint | (seen < 0.55 * areas) | (heights < np.maximum(5.5, 3.2 * shot.blur))
    return tuple(
        replace(word, text=UNREADABLE) if bad else word
        for word, bad, pixels in zip(words, unreadable, seen, strict=True)
        if pixels > 0
    )


def _measure(
    shot: Shot, ink: NDArray[np.uint8], labels: NDArray[np.int32], count: int
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Pixels of every word, and whether its ink is hard to tell from what is around it."""
    inside = np.flatnonzero(labels)
    label, cover = labels.ravel()[inside] - 1, ink.ravel()[inside]
    colours = shot.rgb.reshape(-1, 3)[inside].astype(np.float64)
    seen = np.bincount(label, minlength=count).astype(np.float64)
    dark, light = cover > 140, cover < 50
    means = []
    for part in (dark, light):
        pixels = np.maximum(np.bincount(label[part], minlength=count), 1)
        sums = [np.bincount(label[part], colours[part, c], count) for c in range(3)]
        means.append(np.stack(sums, 1) / pixels[:, None])
    apart = np.abs(means[0] - means[1]).max(1)
    green = colours[light, 1]
    pixels = np.maximum(np.bincount(label[light], minlength=count), 1)
    square = np.bincount(label[light], green**2, count) / pixels
    spread = np.sqrt(np.maximum(square - means[1][:, 1] ** 2, 0))
    faint = apart < np.maximum(15, np.maximum(0.5 * spread, 1.2 * shot.noise))
    # Solid words ("I", "—") have no ground between their letters to compare with.
    return seen, faint & (np.bincount(label[light], minlength=count) > 0.05 * seen)


def _height(word: Word) -> float:
    """The shorter side in pixels: the height of its letters, whichever way it runs."""
    sides = np.linalg.norm(np.roll(word.quad, -1, 0) - word.quad, axis=1)
    return float(min(sides[0] + sides[2], sides[1] + sides[3]) / 2)
