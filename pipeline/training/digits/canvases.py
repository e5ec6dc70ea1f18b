"""Canvases with MNIST digits at known places, to calibrate and measure maps."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from ....stages.errors import ConfigError
from ....stages.load import load
from .mnist import Digits

Picture = NDArray[np.uint8]

SCALES = (0.8, 4.0)
_GAP = 8  # pixels kept free around a digit; digits that touch would be one component
_TRIES = 50
_TILE = (480, 360)
_HELD_OUT = 5


@dataclass(frozen=True)
class Canvas:
    """A picture with digits on it, and where they are.

    Attributes:
        rgb: uint8 [H, W, 3].
        boxes: int64 [N, 4], left, top, right, bottom, half-open, of pixels inked by half or more.
        labels: int64 [N], the digits.
        light: bool [N], whether a digit is lighter than the ground behind it.
        owner: int16 [H, W], index of the digit whose ink covers a pixel by half or more, else -1.
    """

    rgb: Picture
    boxes: NDArray[np.int64]
    labels: NDArray[np.int64]
    light: NDArray[np.bool_]
    owner: NDArray[np.int16]


def draw(
    random: Generator, ground: Picture, digits: Digits, *, count: int, contrast: float = 0.35
) -> Canvas:
    """Draw digits at random places, `SCALES` times their size, log-uniform.

    A digit is grey. It is lighter or darker than the mean of its ground, at random, as far as black
    and white allow the contrast.

    Args:
        random: generator of all random choices.
        ground: uint8 [H, W, 3]; copied.
        digits: the digits to choose from.
        count: largest number of digits; there are fewer if there is no room.
        contrast: least difference of ink and mean ground: 0..0.5, so that lighter or darker is
            always possible, or 1 for white on black ground.
    """
    rgb = ground.copy()
    owner = np.full(rgb.shape[:2], -1, np.int16)
    boxes: list[tuple[int, int, int, int]] = []
    labels, light = [], []
    for _ in range(count):
        which = int(random.integers(len(digits.labels)))
        ink = _resized(digits.pictures[which], np.exp(random.uniform(*np.log(SCALES))))
        place = _free_place(random, ink, rgb.shape, boxes)
        if place is None:
            continue
        left, top, box = place
        under = rgb[top : top + len(ink), left : left + len(ink)]
        level = _ink_level(random, float(under.mean()) / 255, contrast)
        light.append(level > under.mean())
        under[:] = np.rint(under + (level - under) * (ink[..., None] / 255))
        owner[top : top + len(ink), left : left + len(ink)][ink >= 128] = len(boxes)
        boxes.append(box)
        labels.append(digits.labels[which])
    return Canvas(
        rgb,
        np.array(boxes, np.int64).reshape(-1, 4),
        np.array(labels, np.int64),
        np.array(light, np.bool_),
        owner,
    )


def procedural(random: Generator, width: int, height: int) -> Picture:
    """Return a made-up background, uint8 [height, width, 3]: plain, shaded, cloudy or of shapes."""
    kinds: Sequence[Callable[[Generator, int, int], Picture]] = (_plain, _shade, _clouds, _shapes)
    return kinds[int(random.integers(len(kinds)))](random, width, height)


def mosaic(random: Generator, files: Sequence[Path], width: int, height: int) -> Picture:
    """Return a background of photographs side by side, at about their own size.

    One enlarged photograph would be blurred, and so too easy.
    """
    rows = []
    for _ in range(0, height, _TILE[1]):
        row = [_tile(files[int(random.integers(len(files)))]) for _ in range(0, width, _TILE[0])]
        rows.append(np.concatenate(row, axis=1))
    return np.ascontiguousarray(np.concatenate(rows, axis=0)[:height, :width])


def background_files(folder: Path, *, held_out: bool) -> tuple[Path, ...]:
    """Return the photographs of a folder by name. Every fifth is held out of fitting.

    Raises:
        ConfigError: the folder is missing or has too few.
    """
    files = sorted(file for file in folder.glob("*") if file.suffix.lower() in {".jpg", ".png"})
    chosen = tuple(f for i, f in enumerate(files) if (i % _HELD_OUT == 0) == held_out)
    if not chosen:
        msg = f"{folder} has no .jpg or .png photographs to draw on; name a folder with some"
        raise ConfigError(msg)
    return chosen


def _resized(picture: Picture, scale: float) -> Picture:
    side = round(28 * scale)
    mode = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(picture, (side, side), interpolation=mode), np.uint8)


def _free_place(
    random: Generator,
    ink: Picture,
    shape: tuple[int, ...],
    taken: Sequence[tuple[int, int, int, int]],
) -> tuple[int, int, tuple[int, int, int, int]] | None:
    """Return left and top of the picture of a digit and the box of its ink, or None."""
    columns, rows = (np.flatnonzero((ink >= 128).any(axis=axis)) for axis in (0, 1))
    if len(columns) == 0 or len(ink) > min(shape[:2]):
        return None
    for _ in range(_TRIES):
        left = int(random.integers(shape[1] - len(ink) + 1))
        top = int(random.integers(shape[0] - len(ink) + 1))
        x0, y0 = left + int(columns[0]), top + int(rows[0])
        x1, y1 = left + int(columns[-1]) + 1, top + int(rows[-1]) + 1
        if all(
            x0 >= right + _GAP or x1 <= x - _GAP or y0 >= bottom + _GAP or y1 <= y - _GAP
            for x, y, right, bottom in taken
        ):
            return left, top, (x0, y0, x1, y1)
    return None


def _ink_level(random: Generator, ground: float, contrast: float) -> float:
    """Return a grey level 0..255 at least `contrast` from that of the ground, 0..1."""
    lighter = bool(random.random() < 0.5)
    if (1 - ground if lighter else ground) < contrast:
        lighter = not lighter
    room = 1 - ground if lighter else ground
    difference = random.uniform(min(contrast, room), room)
    return 255 * (ground + difference if lighter else ground - difference)


def _plain(random: Generator, width: int, height: int) -> Picture:
    return np.full((height, width, 3), random.integers(256, size=3), np.uint8)


def _shade(random: Generator, width: int, height: int) -> Picture:
    corners = random.integers(256, size=(2, 2, 3)).astype(np.uint8)
    return np.asarray(cv2.resize(corners, (width, height)), np.uint8)


def _clouds(random: Generator, width: int, height: int) -> Picture:
    """Return noise of a random strength and grain."""
    grain = np.exp(random.uniform(0, np.log(40)))
    shape = max(2, round(height / grain)), max(2, round(width / grain)), 3
    noise = random.integers(256) + random.uniform(2, 60) * random.standard_normal(shape)
    small = np.clip(noise, 0, 255).astype(np.uint8)
    return np.asarray(cv2.resize(small, (width, height), interpolation=cv2.INTER_CUBIC), np.uint8)


def _shapes(random: Generator, width: int, height: int) -> Picture:
    picture = _plain(random, width, height)
    for _ in range(int(random.integers(5, 40))):
        ends = random.integers((width, height), size=(2, 2)).tolist()
        thickness = int(random.choice([-1, 1, 2, 4, 8]))
        colour = random.integers(256, size=3).tolist()
        if thickness < 0:
            cv2.rectangle(picture, ends[0], ends[1], colour, thickness)
        else:
            cv2.line(picture, ends[0], ends[1], colour, thickness, cv2.LINE_AA)
    return picture


def _tile(file: Path) -> Picture:
    """Return a photograph resized to cover a tile, and cut to it."""
    rgb = load(file).rgb
    factor = max(_TILE[0] / rgb.shape[1], _TILE[1] / rgb.shape[0])
    size = max(_TILE[0], round(rgb.shape[1] * factor)), max(_TILE[1], round(rgb.shape[0] * factor))
    mode = cv2.INTER_AREA if factor < 1 else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(rgb, size, interpolation=mode), np.uint8)[: _TILE[1], : _TILE[0]]
