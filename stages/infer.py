"""Inference of a whole picture at its own size: the filter responses F of the last convolution."""

import math
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from .engines.choice import opened
from .engines.threads import threads_now
from .geometry.grid import Grid
from .models.card import InputSpec
from .models.loading import Model
from .settings import EngineChoice, Padding, Polarity, Precision, Resolution
from .strides import Geometry

_PEAK_BYTES = 9  # per float alive: two copies of 4 bytes, and what allocators add
_COPIES = 4  # arrays of the size of the answers that are alive while they become log-odds
_BORDERS = {"replicate": cv2.BORDER_REPLICATE, "reflect": cv2.BORDER_REFLECT_101}


@dataclass(frozen=True)
class Features:
    """Filter responses of one pass over a picture.

    Attributes:
        maps: float32 [C, h, w], the last convolution after its ReLU and before its pooling; or
            [K, h, w], log-odds of every class in the window around a cell.
        grid: where its cells lie in the upright picture.
        resolution: how the map was made dense, see `nets.dense.densify`.
        scale: size the network was shown over the picture's own.
        polarity: whether the picture was inverted before.
        probabilities: float32 [K], of every class in the whole picture, where the classifier takes
            an F of any size; else None.
    """

    maps: NDArray[np.float32]
    grid: Grid
    resolution: Resolution
    scale: float
    polarity: Polarity
    probabilities: NDArray[np.float32] | None = None


def infer(
    model: Model,
    rgb: NDArray[np.uint8],
    *,
    resolution: Resolution = "native",
    scale: float = 1.0,
    polarity: Polarity = "normal",
    padding: Padding = "replicate",
    precision: Precision = "float32",
    engine: EngineChoice = "torch",
    windows: bool = False,
) -> Features:
    """Run a network's convolutions over a whole picture, without tiles.

    Args:
        model: the model whose features are run.
        rgb: uint8 [H, W, 3], any size from 1 x 1.
        resolution: `native`, `atrous` or `unpooled`.
        scale: the picture is shown resized by this factor.
        polarity: `inverted` shows it as 255 - rgb.
        padding: what the network sees around the picture. `replicate` and `reflect` continue the
            picture for half a receptive field, so that its border is no edge; `zeros` leaves it
            to the network's own zero padding. Cells whose receptive field ends before the border
            have the same value with each.
        precision: of the convolutions, see `precision_used`.
        engine: what runs them, see `engine_used`.
        windows: give the answers of the whole classifier in every window, instead of F.

    Raises:
        ModelError: the network cannot be run in that resolution, or not on windows.
        ConfigError: the engine cannot run it.
    """
    threads = threads_now()
    running = opened(engine, model, precision, resolution, windows=windows, threads=threads)
    shape = running.geometry
    shown = _as_shown(rgb, scale, polarity, channels=model.card.input.channels)
    height, width = shown.shape[:2]
    rows, columns = math.ceil(height / shape.stride), math.ceil(width / shape.stride)
    margin = _margin(shape, padding)
    sides = _padded_sides((height, width), shape, padding, windows=windows)
    x = _padded(shown, margin, sides, padding, model.card.input)
    # A window is centred well behind its beginning: those that begin in the padding count, too.
    behind = int(shape.offset // shape.stride) if windows else 0
    first = max(0, margin // shape.stride - behind)
    offset = shape.offset + first * shape.stride - margin
    maps = running.maps(x)[0, :, first : first + rows, first : first + columns]
    probabilities = model.network.probabilities_of(maps) if running.any_size else None
    ratio = (rgb.shape[1] / width, rgb.shape[0] / height)
    grid = Grid(
        shape=maps.shape[1:],
        stride=(shape.stride * ratio[0], shape.stride * ratio[1]),
        offset=(offset * ratio[0], offset * ratio[1]),
        picture=(rgb.shape[1], rgb.shape[0]),
    )
    return Features(maps, grid, resolution, scale, polarity, probabilities)


def bytes_needed(
    model: Model,
    width: int,
    height: int,
    *,
    resolution: Resolution = "native",
    padding: Padding = "replicate",
    precision: Precision = "float32",
    engine: EngineChoice = "torch",
    windows: bool = False,
) -> tuple[int, int]:
    """Estimate the memory of a pass over a picture of the size that the network is shown.

    Args:
        model: as for `infer`.
        width: in pixels, see `shown_size`.
        height: in pixels.
        resolution: as for `infer`.
        padding: as for `infer`.
        precision: as for `infer`.
        engine: as for `infer`.
        windows: as for `infer`.

    Returns:
        Bytes while it runs (live activations, twice: convolution libraries keep a second copy of
        the largest in a layout of their own), and bytes of the maps it leaves.

    Raises:
        ModelError: as `infer`.
    """
    threads = threads_now()
    running = opened(engine, model, precision, resolution, windows=windows, threads=threads)
    shape = running.geometry
    rows, columns = _padded_sides((height, width), shape, padding, windows=windows)
    maps = len(model.card.classes) if windows else len(model.tables.error)
    left = 4 * maps * rows * columns // shape.stride**2
    peak = _PEAK_BYTES * rows * columns * running.peak
    return max(int(peak), _COPIES * left if windows else 0), left


def shown_size(width: int, height: int, scale: float) -> tuple[int, int]:
    """Return width and height in pixels of a picture resized by `scale`, at least 1 x 1."""
    return max(1, round(width * scale)), max(1, round(height * scale))


def _as_shown(
    rgb: NDArray[np.uint8], scale: float, polarity: Polarity, channels: int
) -> NDArray[np.uint8]:
    picture = cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY)[..., None] if channels == 1 else rgb
    size = shown_size(rgb.shape[1], rgb.shape[0], scale)
    if size != (rgb.shape[1], rgb.shape[0]):
        mode = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
        picture = cv2.resize(picture, size, interpolation=mode).reshape(size[1], size[0], -1)
    shown = np.asarray(picture, np.uint8)
    return 255 - shown if polarity == "inverted" else shown


def _margin(shape: Geometry, padding: Padding) -> int:
    """Return how far a picture is continued above and on the left, in pixels."""
    return 0 if padding == "zeros" else _round_up(shape.receptive_field // 2, shape.multiple)


def _padded_sides(
    sides: tuple[int, int], shape: Geometry, padding: Padding, *, windows: bool
) -> tuple[int, int]:
    """Return height and width of a picture with its padding."""
    least = shape.receptive_field if windows else 1  # a window must fit
    around = 2 * _margin(shape, padding)
    height, width = (_round_up(max(side + around, least), shape.multiple) for side in sides)
    return height, width


def _padded(
    picture: NDArray[np.uint8],
    margin: int,
    sides: tuple[int, int],
    padding: Padding,
    spec: InputSpec,
) -> NDArray[np.float32]:
    """Return the picture as the network wants it, float32 [1, C, H', W'], padded to `sides`.

    The channels of a pixel lie together in memory: convolutions take half the time.
    """
    below, right = (
        whole - side - margin for whole, side in zip(sides, picture.shape, strict=False)
    )
    if padding == "zeros":
        around = ((0, 0), (0, below), (0, right), (0, 0))
        shown = np.pad(_standardized(picture[None], spec), around)
    else:
        bordered = cv2.copyMakeBorder(picture, margin, below, margin, right, _BORDERS[padding])
        shown = _standardized(bordered.reshape(1, *sides, -1), spec)
    return np.moveaxis(shown, -1, 1)


def normalized(pictures: NDArray[np.uint8], spec: InputSpec) -> NDArray[np.float32]:
    """Return pictures uint8 [N, H, W, C] as a network wants them, float32 [N, C, H, W]."""
    return np.ascontiguousarray(np.moveaxis(_standardized(pictures, spec), -1, 1))


def _standardized(pictures: NDArray[Any], spec: InputSpec) -> NDArray[np.float32]:
    """Return levels uint8 [N, H, W, C] in units of the training's deviation, around its mean."""
    mean, std = (np.asarray(values, np.float32) for values in (spec.mean, spec.std))
    levels = np.arange(256, dtype=np.float32)[:, None] * np.float32(1 / 255)
    table = np.broadcast_to((levels - mean) / std, (256, pictures.shape[3]))
    rows = pictures.reshape(-1, *pictures.shape[2:])  # looked up, as arithmetic takes longer
    found = cv2.LUT(np.asarray(rows, np.uint8), np.ascontiguousarray(table)[None])
    return np.asarray(found, np.float32).reshape(pictures.shape)


def _round_up(value: int, multiple: int) -> int:
    return -(-value // multiple) * multiple
