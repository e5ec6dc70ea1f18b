"""Signs, labels and sheets of paper behind a block, with arrows and icons on them."""

from dataclasses import dataclass
from itertools import pairwise

import cv2
import numpy as np
from numpy.typing import NDArray

from .chance import chance, pick, uniform, weighted
from .colours import Colour, sign_colours
from .layout import Block
from .pose import Pose, rectangle
from .shapes import OUTLINES, fill, polygon_mask
from .texture import clouds

Points = NDArray[np.float64]


@dataclass(frozen=True)
class Panel:
    """A sign in the bent frame of its block, with an outline [n, 2].

    Border and icons have the colour `ink`. The `border` line is that many flat pixels wide; 0: none.
    """

    outline: Points
    paper: Colour
    ink: Colour
    border: float
    icons: list[Points]
    opacity: float

    def draw(self, rgb: NDArray[np.uint8], pose: Pose, rng: np.random.Generator) -> None:
        """Draw it into the picture [H, W, 3], in place."""
        pose = Pose(pose.matrix)
        outline = pose.forward(self.outline)
        low = np.maximum(np.floor(outline.min(0)).astype(int) - 8, 0)
        high = np.minimum(np.ceil(outline.max(0)).astype(int) + 12, rgb.shape[1::-1])
        if (high <= low).any():
            return
        view = rgb[low[1] : high[1], low[0] : high[0]]
        shape = view.shape[:2]
        if chance(rng, 0.3):
            shadow = polygon_mask(outline - low + uniform(rng, 2, 8), shape)
            _blend(view, cv2.GaussianBlur(shadow, (0, 0), 3), np.zeros(3), 0.5)
        mask = polygon_mask(outline - low, shape)
        _blend(view, mask, self._paper(shape, rng), self.opacity)
        self._ornaments(rgb, pose)

    def _paper(self, shape: tuple[int, ...], rng: np.random.Generator) -> NDArray[np.float32]:
        """Nearly even colour [h, w, 3]: light falls from one side, and dirt lies on it."""
        across = np.linspace(-1, 1, shape[1], dtype=np.float32)[None] * uniform(rng, -12, 12)
        down = np.linspace(-1, 1, shape[0], dtype=np.float32)[:, None] * uniform(rng, -16, 16)
        light = across + down
        if chance(rng, 0.5):
            light = light + clouds(rng, shape, pick(rng, (3, 6, 20, 60))) * uniform(rng, 1, 12)
        return np.clip(self.paper + light[..., None], 0, 255).astype(np.float32)

    def _ornaments(self, rgb: NDArray[np.uint8], pose: Pose) -> None:
        for icon in self.icons:
            fill(rgb, pose.forward(icon), self.ink)
        if self.border:
            middle = self.outline.mean(0)
            inside = middle + (self.outline - middle) * 0.97
            line = np.round((pose.forward(inside) - 0.5) * 16).astype(np.int32)
            width = max(1, round(self.border * pose.scale(*np.ptp(self.outline, 0))))
            colour = tuple(map(float, self.ink))
            cv2.polylines(rgb, [line], True, colour, width, cv2.LINE_AA, 4)  # noqa: FBT003


def _blend(
    view: NDArray[np.uint8],
    mask: "cv2.typing.MatLike",
    colour: NDArray[np.float32] | Colour,
    opacity: float,
) -> None:
    share = np.asarray(mask, np.float32)[..., None] * np.float32(opacity / 255)
    view[:] = (view + share * (colour.astype(np.float32) - view)).astype(np.uint8)


def choose_panel(rng: np.random.Generator, block: Block, pose: Pose) -> Panel:
    """A sign that fits around a block, some with an arrow or icon beside or above the text.

    The sign is in the bent frame of the pose: curved text stands on flat signs.
    """
    paper, ink = sign_colours(rng)
    em = block.paragraphs[0].em
    (x, y), (right, bottom) = pose.bounds(block.width, block.height)
    pad_x, pad_y = uniform(rng, 0.25, 1.3) * em, uniform(rng, 0.2, 0.9) * em
    box = [x - pad_x, y - pad_y, right + pad_x, bottom + pad_y]
    icons: list[Points] = []
    if chance(rng, 0.28):
        side = uniform(rng, 0.7, 1.0) * min(bottom - y, 1.6 * em)
        gap = uniform(rng, 0.3, 0.7) * em
        across, down = (x + right - side) / 2, (y + bottom - side) / 2
        places = ((x - gap - side, down), (right + gap, down), (across, y - gap - side))
        corner = weighted(rng, places, (0.4, 0.35, 0.25))
        icons.append(np.array(corner) + side * pick(rng, OUTLINES))
        box[0] = min(box[0], corner[0] - pad_x)
        box[1] = min(box[1], corner[1] - pad_y)
        box[2] = max(box[2], corner[0] + side + pad_x)
    if pose.curve is None:
        icons += _rules(rng, block)
    outline = _outline(rng, (box[0], box[1], box[2], box[3]))
    opacity = uniform(rng, 0.5, 0.9) if chance(rng, 0.12) else 1.0
    border = uniform(rng, 0.03, 0.12) * em if chance(rng, 0.3) else 0.0
    return Panel(outline, paper, ink, border, icons, opacity)


def _rules(rng: np.random.Generator, block: Block) -> list[Points]:
    """Lines between paragraphs, as on forms, receipts and name plates."""
    rules = []
    drawn = 0.35 if chance(rng, 0.4) else 0.0
    for above, below in pairwise(block.paragraphs):
        bottom = above.y + above.typeset.mask.shape[0]
        if chance(rng, drawn) and below.y - bottom > 0.3 * above.em:
            thick = max(uniform(rng, 0.03, 0.12) * above.em, 1)
            middle = (bottom + below.y) / 2
            rules.append(rectangle(0, middle, block.width, middle + thick, 8))
    return rules


def _outline(rng: np.random.Generator, box: tuple[float, float, float, float]) -> Points:
    """A rectangle, a rounded one or an ellipse around a box (left, top, right, bottom)."""
    left, top, right, bottom = box
    kind = weighted(rng, ("square", "rounded", "ellipse"), (0.55, 0.37, 0.08))
    if kind == "square":
        return rectangle(*box, steps=8)
    angle = (np.arange(48) + 0.5) * 2 * np.pi / 48
    circle = np.stack([np.sin(angle), -np.cos(angle)], 1)
    middle = np.array([left + right, top + bottom]) / 2
    half = np.array([right - left, bottom - top]) / 2
    if kind == "ellipse":
        return np.asarray(middle + circle * half * 1.35)
    radius = uniform(rng, 0.1, 0.5) * min(half)
    return np.asarray(middle + np.sign(circle) * (half - radius) + radius * circle)
