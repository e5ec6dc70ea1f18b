"""Irregular surfaces: clouds of noise and grain."""

import cv2
import numpy as np
from numpy.typing import NDArray


def clouds(
    rng: np.random.Generator, shape: tuple[int, ...], cell: int, stretch: float = 1.0
) -> NDArray[np.float32]:
    """Smooth noise [h, w] around 0, deviation about 0.6, with lumps of `cell` pixels.

    `stretch` makes the lumps that much longer along x.
    """
    height, width = shape[:2]
    rows, columns = height // cell + 3, int(width / (cell * stretch)) + 3
    coarse = rng.standard_normal((rows, columns), np.float32)
    fine = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)
    return np.asarray(fine, np.float32)


def grain(rng: np.random.Generator, shape: tuple[int, ...]) -> NDArray[np.float32]:
    """Noise of deviation 1 for every pixel and channel [h, w, 3].

    One tile of noise is repeated: fresh noise for every pixel takes longer than all else.
    """
    tile = rng.standard_normal((192, 192, 3), np.float32)
    repeats = (-(-shape[0] // 192), -(-shape[1] // 192), 1)
    return np.tile(tile, repeats)[: shape[0], : shape[1]]
