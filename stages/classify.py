"""Classification of what was found: "and then classify each of those hotspots" (AdGAP)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import cv2
import numpy as np
from numpy.typing import NDArray

from .geometry.box import Box, Boxes
from .infer import normalized
from .models.card import InputSpec
from .models.loading import Model
from .settings import Polarity

_AT_ONCE = 256 * 28**2  # pixels of all crops: large crops would need more memory than the picture


def classify(
    model: Model, rgb: NDArray[np.uint8], boxes: Boxes, *, polarities: Sequence[Polarity]
) -> Boxes:
    """Return the boxes with the class and probability that the network's classifier gives them.

    A crop shows the box and its surroundings. The longer side of the box is as long as that of an
    object in a training picture. With several polarities the surest answer counts.

    Args:
        model: its whole network is used.
        rgb: uint8 [H, W, 3], the upright picture.
        boxes: boxes on it.
        polarities: how the network is shown each box.

    Raises:
        ModelError: the classifier says where things are, not what a picture shows.
    """
    items = boxes.items
    if not items:
        return boxes
    spec = model.card.input
    batch = max(1, _AT_ONCE // (spec.width * spec.height))
    parts = (items[first : first + batch] for first in range(0, len(items), batch))
    of_class = np.concatenate([_surest(model, rgb, part, polarities) for part in parts])
    best = of_class.argmax(axis=1)
    named = (
        replace(box, class_=model.card.classes[index], probability=float(chance[index]))
        for box, index, chance in zip(items, best, of_class, strict=True)
    )
    return replace(boxes, items=tuple(named))


def _surest(
    model: Model, rgb: NDArray[np.uint8], boxes: Sequence[Box], polarities: Sequence[Polarity]
) -> NDArray[np.float32]:
    """Return the largest probability of every class in any polarity: float32 [N, classes]."""
    crops = np.stack([_crop(rgb, box, model.card.input) for box in boxes])
    shown = [crops if polarity == "normal" else 255 - crops for polarity in polarities]
    if model.card.input.stretch:
        shown = [_stretched(crops) for crops in shown]
    found: NDArray[np.float32] = np.max([_probabilities(model, crops) for crops in shown], axis=0)
    return found


def _crop(rgb: NDArray[np.uint8], box: Box, spec: InputSpec) -> NDArray[np.uint8]:
    """Return a box and its surroundings at training size, uint8 [h, w, C].

    Beyond the picture its outermost pixels are repeated.
    """
    left, top, right, bottom = box.rect
    scale = spec.object_size / max(right - left, bottom - top)
    columns = _window((left + right) / 2, spec.width / scale, rgb.shape[1])
    rows = _window((top + bottom) / 2, spec.height / scale, rgb.shape[0])
    part = rgb[rows[:, None], columns]
    if spec.channels == 1:
        part = np.asarray(cv2.cvtColor(part, cv2.COLOR_RGB2GRAY), np.uint8)
    mode = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    crop = cv2.resize(part, (spec.width, spec.height), interpolation=mode)
    return np.asarray(crop, np.uint8).reshape(spec.height, spec.width, spec.channels)


def _window(centre: float, length: float, limit: int) -> NDArray[np.intp]:
    """Return the pixel indices of a stretch along one axis, clipped to the picture."""
    first, count = round(centre - length / 2), max(1, round(length))
    return np.clip(np.arange(first, first + count), 0, limit - 1)


def _stretched(crops: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Stretch crops [N, h, w, C]: the median of each becomes black, its 99th percentile white."""
    ground, ink = np.percentile(crops, [50, 99], axis=(1, 2, 3), keepdims=True)
    contrast = 255 / np.maximum(ink - ground, 1)
    return np.asarray(np.clip((crops - ground) * contrast, 0, 255), np.uint8)


def _probabilities(model: Model, crops: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return the softmax of the network on crops uint8 [N, h, w, C]: float32 [N, classes]."""
    chances = model.network.probabilities(normalized(crops, model.card.input))
    if chances is None:
        raise model.card.cannot_classify()
    return chances
