"""From the flat frame of a block to the picture: a curved baseline, then a homography.

Both frames have their origin at the outer corner of the first pixel. OpenCV puts whole numbers at
pixel centres instead. So every matrix for it is moved by half a pixel on both sides.
"""

from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

Points = NDArray[np.float64]


@dataclass(frozen=True)
class Arc:
    """A baseline on a circle: letters turn with it; a negative `radius` bends like a smile.

    The point (`x`, `y`) of the flat frame stays where it is.
    """

    x: float
    y: float
    radius: float

    def forward(self, points: Points) -> Points:
        """Flat points [n, 2] to bent ones."""
        angle = (points[:, 0] - self.x) / self.radius
        reach = self.radius + self.y - points[:, 1]
        across = self.x + reach * np.sin(angle)
        return np.stack([across, self.y + self.radius - reach * np.cos(angle)], 1)

    def inverse(self, points: Points) -> Points:
        """Bent points [n, 2] to flat ones."""
        sign = np.sign(self.radius)
        across = sign * (points[:, 0] - self.x)
        down = sign * (self.y + self.radius - points[:, 1])
        along = self.x + self.radius * np.arctan2(across, down)
        return np.stack([along, self.y + self.radius - sign * np.hypot(across, down)], 1)


@dataclass(frozen=True)
class Wave:
    """A baseline that swings up and down: letters stay upright, as on a banner."""

    height: float
    length: float
    phase: float

    def _swing(self, x: NDArray[np.float64]) -> NDArray[np.float64]:
        swing: NDArray[np.float64] = self.height * np.sin(2 * np.pi * x / self.length + self.phase)
        return swing

    def forward(self, points: Points) -> Points:
        """Flat points [n, 2] to bent ones."""
        return np.stack([points[:, 0], points[:, 1] + self._swing(points[:, 0])], 1)

    def inverse(self, points: Points) -> Points:
        """Bent points [n, 2] to flat ones."""
        return np.stack([points[:, 0], points[:, 1] - self._swing(points[:, 0])], 1)


@dataclass(frozen=True)
class Patch:
    """Part of the picture: `cover` uint8 [h, w] with its corner at (`x`, `y`)."""

    cover: NDArray[np.uint8]
    x: int
    y: int

    @property
    def window(self) -> tuple[slice, slice]:
        """Where it lies in the picture, as an index."""
        height, width = self.cover.shape
        return slice(self.y, self.y + height), slice(self.x, self.x + width)


@dataclass(frozen=True)
class Pose:
    """Where a block stands: `matrix` float64 [3, 3] from the bent frame to the picture."""

    matrix: NDArray[np.float64]
    curve: Arc | Wave | None = None

    def forward(self, points: Points) -> Points:
        """Points [n, 2] of the flat frame to the picture."""
        bent = points if self.curve is None else self.curve.forward(points)
        homogeneous = np.column_stack([bent, np.ones(len(bent))]) @ self.matrix.T
        return np.asarray(homogeneous[:, :2] / homogeneous[:, 2:], np.float64)

    def bounds(self, width: float, height: float) -> Points:
        """Least and largest corner [2, 2] of a block of that size in the bent frame."""
        outline = rectangle(0, 0, width, height, 16)
        bent = outline if self.curve is None else self.curve.forward(outline)
        return np.stack([bent.min(0), bent.max(0)])

    def moved(self, x: float, y: float) -> "Pose":
        """The same pose, further right and down."""
        return replace(self, matrix=_shift(x, y) @ self.matrix)

    def scaled(self, factor: float) -> "Pose":
        """The same pose, larger or smaller around the picture's origin."""
        return replace(self, matrix=np.diag([factor, factor, 1.0]) @ self.matrix)

    def scale(self, width: float, height: float) -> float:
        """Pixels of the picture for one of the flat frame, for a block of that size."""
        corners = self.forward(rectangle(0, 0, width, height, 8))
        area = abs(cv2.contourArea(corners.astype(np.float32)))
        return float(np.sqrt(area / (width * height)))

    def cover(
        self, mask: NDArray[np.uint8], left: float, top: float, margin: int, size: tuple[int, int]
    ) -> Patch | None:
        """Bring a flat mask into the picture; None if it lies outside.

        Args:
            mask: Coverage [h, w] of the flat frame.
            left: of its corner in the block.
            top: of its corner in the block.
            margin: Empty pixels to leave around it, for effects that spill over.
            size: Width and height of the picture.
        """
        height, width = mask.shape
        outline = self.forward(rectangle(left, top, left + width, top + height, 8))
        low = np.maximum(np.floor(outline.min(0)).astype(int) - margin, 0)
        high = np.minimum(np.ceil(outline.max(0)).astype(int) + margin, size)
        if (high <= low).any():
            return None
        mask = _smooth_before_shrinking(
            mask, self.scale(max(left + width, 1), max(top + height, 1))
        )
        x, y = int(low[0]), int(low[1])
        area = (int(high[0]) - x, int(high[1]) - y)
        if self.curve is None:
            matrix = _shift(-x - 0.5, -y - 0.5) @ self.matrix @ _shift(left + 0.5, top + 0.5)
            cover = cv2.warpPerspective(mask, matrix, area, flags=cv2.INTER_LINEAR)
        else:
            cover = self._remap(mask, (left, top), (x, y), area)
        return Patch(np.asarray(cover, np.uint8), x, y)

    def _remap(
        self,
        mask: NDArray[np.uint8],
        corner: tuple[float, float],
        at: tuple[int, int],
        area: tuple[int, int],
    ) -> NDArray[np.uint8]:
        assert self.curve is not None
        across, down = np.meshgrid(
            np.arange(area[0]) + at[0] + 0.5, np.arange(area[1]) + at[1] + 0.5
        )
        pixels = np.stack([across.ravel(), down.ravel()], 1)
        upright = Pose(np.linalg.inv(self.matrix).astype(np.float64))
        flat = self.curve.inverse(upright.forward(pixels))
        source = (flat - np.asarray(corner) - 0.5).astype(np.float32).reshape(area[1], area[0], 2)
        across, down = source[..., 0].copy(), source[..., 1].copy()
        return np.asarray(cv2.remap(mask, across, down, cv2.INTER_LINEAR), np.uint8)


def _smooth_before_shrinking(mask: NDArray[np.uint8], scale: float) -> NDArray[np.uint8]:
    """Bilinear sampling below two thirds of the size would skip thin strokes."""
    if scale > 0.66:
        return mask
    return np.asarray(cv2.GaussianBlur(mask, (0, 0), 0.4 / scale), np.uint8)


def _shift(x: float, y: float) -> NDArray[np.float64]:
    return np.array([[1.0, 0.0, x], [0.0, 1.0, y], [0.0, 0.0, 1.0]])


def rectangle(left: float, top: float, right: float, bottom: float, steps: int = 1) -> Points:
    """Outline [4·steps, 2] of a rectangle, clockwise from the top-left, `steps` points per side."""
    part = np.arange(steps)[:, None] / steps
    corners = np.array([[left, top], [right, top], [right, bottom], [left, bottom]], np.float64)
    return np.concatenate(
        [corners[i] + part * (corners[(i + 1) % 4] - corners[i]) for i in range(4)]
    )


def tilt(yaw: float, pitch: float, roll: float, focal: float) -> NDArray[np.float64]:
    """Homography [3, 3] of a plane around its origin, seen from `focal` pixels away.

    Angles are in radians. At the origin the scale is 1 (pinhole camera).
    """
    cosines, sines = np.cos([yaw, pitch, roll]), np.sin([yaw, pitch, roll])
    around_y = np.array([[cosines[0], 0, sines[0]], [0, 1, 0], [-sines[0], 0, cosines[0]]])
    around_x = np.array([[1, 0, 0], [0, cosines[1], -sines[1]], [0, sines[1], cosines[1]]])
    around_z = np.array([[cosines[2], -sines[2], 0], [sines[2], cosines[2], 0], [0, 0, 1]])
    turned = around_z @ around_y @ around_x
    plane = np.column_stack([turned[:, 0], turned[:, 1], [0.0, 0.0, focal]])
    projected: NDArray[np.float64] = np.diag([focal, focal, 1.0]) @ plane
    return np.asarray(projected / projected[2, 2], np.float64)


def pose_at(
    matrix: NDArray[np.float64], width: float, height: float, scale: float, curve: Arc | Wave | None
) -> Pose:
    """A pose that turns a block of that size around its own centre, at the picture's origin."""
    centre = _shift(-width / 2, -height / 2)
    return Pose(matrix @ np.diag([scale, scale, 1.0]) @ centre, curve)
