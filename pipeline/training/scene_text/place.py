"""Where a block may stand: on free and rather calm ground."""

import cv2
import numpy as np
from numpy.typing import NDArray

from .chance import chance, uniform

CELL = 8  # pixels; places are looked for on a coarse grid


class Ground:
    """Remembers which parts of the picture `rgb` [H, W, 3] are taken, and how busy the rest is."""

    def __init__(self, rgb: NDArray[np.uint8]) -> None:
        self.height, self.width = rgb.shape[:2]
        grid = (-(-self.width // CELL), -(-self.height // CELL))
        grey = cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY)
        edges = cv2.morphologyEx(grey, cv2.MORPH_GRADIENT, np.ones((3, 3), np.uint8))
        self._busy = np.asarray(cv2.resize(edges, grid, interpolation=cv2.INTER_AREA), np.float32)
        self._taken = np.zeros((grid[1], grid[0]), np.uint8)

    def find(
        self, rng: np.random.Generator, outline: NDArray[np.float64], tries: int
    ) -> tuple[float, float] | None:
        """A free place for an outline [n, 2]: how far to move it right and down.

        It is the calmest of all places tried. A quarter of the blocks may stick out of the picture.
        """
        low, high = outline.min(0), outline.max(0)
        spill = 0.3 if chance(rng, 0.25) else 0.0
        best: tuple[float, tuple[float, float]] | None = None
        for _ in range(tries):
            x = self._shift(rng, low[0], high[0], self.width, spill)
            y = self._shift(rng, low[1], high[1], self.height, spill)
            cells = self._cells(outline + np.array([x, y])) > 0
            if not cells.any() or (self._taken[cells] > 0).any():
                continue
            busy = float(self._busy[cells].mean())
            if best is None or busy < best[0]:
                best = busy, (x, y)
        return best[1] if best else None

    @staticmethod
    def _shift(rng: np.random.Generator, low: float, high: float, room: int, spill: float) -> float:
        margin = spill * (high - low) - 3
        first, last = -low - margin, room - high + margin
        return uniform(rng, min(first, last), max(first, last))

    def take(self, outline: NDArray[np.float64]) -> None:
        """Mark an outline [n, 2] as used, with a border of one cell."""
        self._taken |= np.asarray(
            cv2.dilate(self._cells(outline), np.ones((3, 3), np.uint8)), np.uint8
        )

    def _cells(self, outline: NDArray[np.float64]) -> NDArray[np.uint8]:
        cells = np.zeros_like(self._taken)
        points = np.round(np.clip(outline, -9000, 9000) / CELL - 0.5).astype(np.int32)
        cv2.fillPoly(cells, [points], 1)
        return cells
