"""A whole picture goes through the network: the filter responses F of the last convolution."""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from .engines.attempts import another_follows, attempts
from .engines.choice import Way, opened
from .engines.engine import InferEngine
from .engines.limits import memory_now, note_need, threads_now
from .geometry.grid import Grid
from .geometry.shrinking import shrunk
from .models.card import InputSpec
from .models.loading import Model
from .parts import WHOLE, planned, stream
from .scratch import bands, forget, lies_in_file, return_freed_memory, zeros
from .settings import DeviceChoice, EngineChoice, Padding, Polarity, PrecisionChoice, Resolution
from .strides import Geometry, round_up

Weigh = Callable[[NDArray[np.float32]], NDArray[np.float32]]

_COPIES = 4  # arrays as large as the answers that are alive while log-odds are computed
_MODES: dict[Padding, Literal["edge", "reflect"]] = {"replicate": "edge", "reflect": "reflect"}
_BORDERS = {"replicate": cv2.BORDER_REPLICATE, "reflect": cv2.BORDER_REFLECT_101}


@dataclass(frozen=True)
class Features:
    """Filter responses of one pass over a picture.

    Attributes:
        maps: float32 [C, h, w], F: the last convolution after its ReLU and before its pooling; or
            [K, h, w], log-odds of every class in the window around a cell; or [K, h, w], the result
            of `weigh` for F.
        grid: where the cells lie in the upright picture.
        resolution: how the map was made dense, see `nets.dense.densify`.
        scale: size that the network saw, divided by the size of the picture.
        polarity: `inverted` if the network saw the negative.
        probabilities: float32 [K], of every class in the whole picture; None if the classifier does
            not take F of any size, or F is not kept.
        labels: the labels of weighed maps, see `heatmap.weigher`; empty: `maps` are not weighed.
        coarse: whether only letters too large for the other passes count, see `coarse.add_large`.
    """

    maps: NDArray[np.float32]
    grid: Grid
    resolution: Resolution
    scale: float
    polarity: Polarity
    probabilities: NDArray[np.float32] | None = None
    labels: tuple[str, ...] = ()
    coarse: bool = False


def infer(
    model: Model,
    rgb: NDArray[np.uint8],
    *,
    resolution: Resolution = "native",
    scale: float = 1.0,
    polarity: Polarity = "normal",
    padding: Padding = "replicate",
    precision: PrecisionChoice = "float32",
    engine: EngineChoice = "torch",
    device: DeviceChoice = "cpu",
    windows: bool = False,
    weigh: Weigh | None = None,
) -> Features:
    """Run a network's convolutions over a picture; the maps are those of the whole picture.

    It goes down the picture in parts, see `parts.stream`. So the memory it takes beside the picture
    and the maps depends only on the width.

    Args:
        model: the model whose convolutions are run.
        rgb: uint8 [H, W, 3], any size from 1 x 1.
        resolution: `native`, `atrous` or `unpooled`.
        scale: the picture is shown resized by this factor.
        polarity: `inverted` shows the picture as 255 - rgb.
        padding: what the network sees around the picture. `replicate` and `reflect` continue the
            picture for half a receptive field, so that its border is no edge. `zeros` is the
            network's own zero padding. Cells whose receptive field does not reach the border have
            the same value in all cases.
        precision: of the convolutions, see `precision_used`.
        engine: what runs them, see `engine_used`.
        device: what computes, see `device_used`. A graphics card with too little memory gets
            smaller parts. If these do not fit either, the processor computes.
        windows: give the answers of the whole classifier in every window, instead of F.
        weigh: maps rows of F [C, h, w] to the maps [K, h, w] that are kept; None: F is kept.

    Raises:
        ModelError: the network cannot be run at that resolution, or not on windows.
        ConfigError: the engine cannot run it.
    """
    way = Way(engine, precision, resolution, device, windows)
    running = _opened(model, way)
    shape = running.geometry
    shown = _as_shown(rgb, scale, channels=model.card.input.channels)
    height, width = shown.shape[:2]
    rows, columns = math.ceil(height / shape.stride), math.ceil(width / shape.stride)
    margin = _margin(shape, padding)
    sides = _padded_sides((height, width), shape, padding, windows=windows)
    # A window is centred far behind its beginning, so windows that begin in the padding count too.
    behind = int(shape.offset // shape.stride) if windows else 0
    first = max(0, margin // shape.stride - behind)
    offset = shape.offset + first * shape.stride - margin
    on_cpu = partial(_opened, model, replace(way, device="cpu"))
    for engine_now, memory in attempts(running, on_cpu):
        if engine_now.device == "cpu" and engine_now.parts.parts[0].halo != WHOLE:
            note_need(planned(engine_now.parts, *sides, memory).memory)
        kept = _Kept((first, first), (rows, columns), weigh)
        last, spec = engine_now.channels_last, model.card.input
        source = _Padded(shown, margin, sides, padding, polarity, spec, channels_last=last)
        parts, compute = engine_now.parts, engine_now.compute
        with another_follows():
            stream(parts, sides, source, compute, kept.take, memory=memory, channels_last=last)
            break
    maps = kept.maps
    if lies_in_file(rgb):
        return_freed_memory()
    sees_all = running.any_size and weigh is None
    probabilities = model.network.probabilities_of(maps) if sees_all else None
    ratio = (rgb.shape[1] / width, rgb.shape[0] / height)
    grid = Grid(
        shape=maps.shape[1:],
        stride=(shape.stride * ratio[0], shape.stride * ratio[1]),
        offset=(offset * ratio[0], offset * ratio[1]),
        picture=(rgb.shape[1], rgb.shape[0]),
    )
    return Features(maps, grid, resolution, scale, polarity, probabilities)


def bytes_needed(
    model: Model, width: int, height: int, way: Way, *, padding: Padding, labels: int = 0
) -> tuple[int, int]:
    """Estimate the memory of a pass over a picture of the size that the network is shown.

    Args:
        model: as for `infer`.
        width: in pixels, see `shown_size`.
        height: in pixels.
        way: how the network is computed.
        padding: as for `infer`.
        labels: how many maps are kept if F is weighed at once; 0: F is kept.

    Returns:
        Bytes while the pass runs, see `parts.planned`, and bytes of the maps that remain.

    Raises:
        ModelError: as `infer`.
    """
    running = _opened(model, way)
    shape, windows = running.geometry, way.windows
    rows, columns = _padded_sides((height, width), shape, padding, windows=windows)
    maps = labels or (len(model.card.classes) if windows else len(model.tables.error))
    left = 4 * maps * rows * columns // shape.stride**2
    peak = planned(running.parts, rows, columns, memory_now()).memory
    return max(peak, _COPIES * left if windows else 0), left


def padded_size(
    model: Model, width: int, height: int, way: Way, *, padding: Padding
) -> tuple[int, int]:
    """Return width and height in pixels of a picture of that size with its padding.

    Arguments and errors are those of `bytes_needed`.
    """
    shape = _opened(model, way).geometry
    rows, columns = _padded_sides((height, width), shape, padding, windows=way.windows)
    return columns, rows


def shown_size(width: int, height: int, scale: float) -> tuple[int, int]:
    """Return width and height in pixels of a picture resized by `scale`, at least 1 x 1."""
    return max(1, round(width * scale)), max(1, round(height * scale))


def _opened(model: Model, way: Way) -> InferEngine:
    return opened(model, way, threads_now())


class _Kept:
    """The maps that are kept, in one array from the start: separate pieces would split up the heap.

    Args:
        first: row and column of the maps where the picture begins.
        shape: rows and columns of the picture in the maps.
        weigh: see `infer`.
    """

    def __init__(self, first: tuple[int, int], shape: tuple[int, int], weigh: Weigh | None) -> None:
        self._first, self._shape, self._weigh = first, shape, weigh
        self._maps: NDArray[np.float32] = np.empty((0, 0, 0), np.float32)
        self._rows = self._columns = 0

    @property
    def maps(self) -> NDArray[np.float32]:
        """The whole maps. With zero padding, a network that pools may give fewer cells."""
        return self._maps[:, : self._rows, : self._columns]

    def take(self, top: int, left: int, found: NDArray[np.float32]) -> None:
        """Receive a window [C, h, w] of the maps."""
        begin = [max(0, one - at) for one, at in zip(self._first, (top, left), strict=True)]
        ends = (one + count for one, count in zip(self._first, self._shape, strict=True))
        end = [max(0, one - at) for one, at in zip(ends, (top, left), strict=True)]
        part = found[:, begin[0] : end[0], begin[1] : end[1]]
        if not part.size:
            return
        kept = part if self._weigh is None else self._weigh(part)
        row, column = top + begin[0] - self._first[0], left + begin[1] - self._first[1]
        height, width = kept.shape[1:]
        self._rows, self._columns = (
            max(self._rows, row + height),
            max(self._columns, column + width),
        )
        if (height, width) == self._shape:
            self._maps = kept
            return
        if not self._maps.size:
            self._maps = np.empty((len(kept), *self._shape), np.float32)
        self._maps[:, row : row + height, column : column + width] = kept


def _as_shown(rgb: NDArray[np.uint8], scale: float, channels: int) -> NDArray[np.uint8]:
    """Return the picture [H, W, C] at the size and with the channels that the network is shown."""
    picture = _grey(rgb) if channels == 1 else rgb
    size = shown_size(rgb.shape[1], rgb.shape[0], scale)
    if size == (rgb.shape[1], rgb.shape[0]):
        return picture
    if scale < 1:
        return shrunk(picture, size)
    larger = cv2.resize(picture, size, interpolation=cv2.INTER_LINEAR)
    return np.asarray(larger, np.uint8).reshape(size[1], size[0], -1)


def _grey(rgb: NDArray[np.uint8]) -> NDArray[np.uint8]:
    grey: NDArray[np.uint8] = zeros((*rgb.shape[:2], 1), np.uint8)
    for rows in bands(len(rgb)):
        band = cv2.cvtColor(np.ascontiguousarray(rgb[rows]), cv2.COLOR_RGB2GRAY)
        grey[rows, :, 0] = np.asarray(band, np.uint8)
        forget(rgb)
    return grey


def _margin(shape: Geometry, padding: Padding) -> int:
    """Return how far a picture is continued above and on the left, in pixels."""
    return 0 if padding == "zeros" else round_up(shape.receptive_field // 2, shape.multiple)


def _padded_sides(
    sides: tuple[int, int], shape: Geometry, padding: Padding, *, windows: bool
) -> tuple[int, int]:
    """Return height and width of a picture with its padding."""
    least = shape.receptive_field if windows else 1  # a window must fit
    around = 2 * _margin(shape, padding)
    height, width = (round_up(max(side + around, least), shape.multiple) for side in sides)
    return height, width


class _Padded:
    """Rows of a padded picture, normalized for the network.

    Args:
        picture: uint8 [H, W, C].
        margin: pixels of padding above and on the left.
        sides: height and width with the padding, in pixels.
        padding: see `infer`.
        polarity: see `infer`.
        spec: how the network wants its pictures.
        channels_last: see `InferEngine`.
    """

    def __init__(
        self,
        picture: NDArray[np.uint8],
        margin: int,
        sides: tuple[int, int],
        padding: Padding,
        polarity: Polarity,
        spec: InputSpec,
        *,
        channels_last: bool,
    ) -> None:
        self._picture, self._padding, self._polarity, self._spec = picture, padding, polarity, spec
        self._channels_last = channels_last
        below, right = (
            whole - side - margin for whole, side in zip(sides, picture.shape, strict=False)
        )
        self._columns = margin, right
        numbers = np.arange(len(picture))
        # Rows of zeros have no index in the picture.
        self._rows = (
            np.pad(numbers, (margin, below), constant_values=-1)
            if padding == "zeros"
            else np.pad(numbers, (margin, below), mode=_MODES[padding])
        )

    def __call__(self, top: int, bottom: int) -> NDArray[np.float32]:
        """Return rows of the padded picture, float32 [1, C, rows, W']."""
        numbers = self._rows[top:bottom]
        shown = self._picture[numbers[numbers >= 0]]
        forget(self._picture)
        if self._polarity == "inverted":
            shown = np.invert(shown)
        left, right = self._columns
        if self._padding != "zeros":
            around = 0, 0, left, right, _BORDERS[self._padding]
            bordered = cv2.copyMakeBorder(shown, *around)
            shown = np.asarray(bordered, np.uint8).reshape(len(shown), -1, shown.shape[2])
        levels = _standardized(shown, self._spec, channels_last=self._channels_last)
        below = len(numbers) - len(shown)
        right = right if self._padding == "zeros" else 0
        if below or right:
            rows, columns = levels.shape[2:]
            padded = np.zeros((*levels.shape[:2], rows + below, columns + right), np.float32)
            padded[:, :, :rows, :columns] = levels
            return padded
        return levels


def normalized(pictures: NDArray[np.uint8], spec: InputSpec) -> NDArray[np.float32]:
    """Return pictures uint8 [N, H, W, C] normalized for a network, float32 [N, C, H, W]."""
    return np.concatenate([_standardized(one, spec, channels_last=False) for one in pictures])


def _standardized(
    picture: NDArray[np.uint8], spec: InputSpec, *, channels_last: bool
) -> NDArray[np.float32]:
    """Return a picture uint8 [H, W, C] minus the mean, divided by the deviation of the training.

    The levels come from a table, which is faster than arithmetic.

    Returns:
        float32 [1, C, H, W]; with `channels_last` the channels of a pixel lie together in memory.
    """
    mean, std = (np.asarray(values, np.float32) for values in (spec.mean, spec.std))
    levels = np.arange(256, dtype=np.float32)[:, None] * np.float32(1 / 255)
    table = np.ascontiguousarray(np.broadcast_to((levels - mean) / std, (256, picture.shape[2])))
    if not len(picture):  # all rows are padding
        return np.empty((1, picture.shape[2], 0, picture.shape[1]), np.float32)
    if channels_last:
        found = cv2.LUT(picture, table[None]).reshape(1, *picture.shape)
        return np.moveaxis(np.asarray(found, np.float32), -1, 1)
    planes = np.empty((picture.shape[2], *picture.shape[:2]), np.float32)
    for channel, plane in enumerate(planes):
        cv2.LUT(np.ascontiguousarray(picture[..., channel]), table[:, channel], dst=plane)
    return planes[None]
