"""A network as parts that run on rows of a picture. The description of parts needs no torch."""

from __future__ import annotations

import mmap
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from .caching import cached_while_alive
from .strides import round_up

Floats = NDArray[np.float32]

PICTURE: Final = "picture"
"""Name of the value that is the input of the first part."""
WHOLE: Final = -1
"""Halo of a part that must see the whole picture."""
MEMORY: Final = 256 * 2**20
"""Bytes that inference may take by default."""
_BYTES = 12
"""Bytes per float alive in a part: ONNX Runtime keeps another copy and a half in its own layout."""
_UNUSABLE = 1.75
"""Memory taken per memory alive: freed blocks of one size do not fit the next size."""
_MAPPED = 2**21
"""Larger arrays (in bytes) get memory of their own, in large pages."""
_LEAST = 128
"""Least rows and columns of a window, in pixels. Smaller windows would consist mostly of halo."""
_SPARING = (
    *((1024, 1024), (64, 64), (32, 64), (16, 64), (8, 64)),
    *((8, 32), (4, 32), (2, 32), (2, 16), (1, 16), (1, 8)),
)
"""Least height of a window in halos, and MiB of its largest floats.

The first pair that the memory allows is used. Beyond 64 MiB a part leaves the processor's cache: 12
megapixels at once take half as long again.
"""


@dataclass(frozen=True)
class Value:
    """The picture, or an output of a part.

    Attributes:
        channels: number of channels.
        stride: pixels of the picture from one cell to the next.
    """

    channels: int
    stride: int


@dataclass(frozen=True)
class Part:
    """Consecutive layers of a network that run together.

    Attributes:
        inputs: names of the values that are its inputs.
        outputs: names of the values that are its outputs.
        halo: pixels beyond the window of an output, in each direction, that the output depends on.
        stride: the largest stride in the part and of its inputs. Windows begin and end at multiples
            of it.
        peak: largest number of float32 values alive at once, per pixel of the picture; a lower
            bound.
    """

    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    halo: int
    stride: int
    peak: float


@dataclass(frozen=True, eq=False)
class Parts:
    """All parts of a network, in order of computation. The last part has one output, the maps.

    Attributes:
        parts: the parts. If the network must see the whole picture, there is one, with the halo
            `WHOLE`.
        values: the picture and the outputs of parts, by name.
    """

    parts: tuple[Part, ...]
    values: Mapping[str, Value]


Source = Callable[[int, int], Floats]
"""Gives the rows of the padded picture from one index up to another, float32 [1, C, rows, W]."""
Compute = Callable[[int, Sequence[Floats]], Sequence[Floats]]
"""Runs the part of that index on its inputs [1, C, h, w]."""
Take = Callable[[int, int, Floats], None]
"""Receives the first row and column of a window, and its maps [C, h, w]."""


@dataclass(frozen=True)
class Plan:
    """How a network goes over pictures of one size.

    Attributes:
        windows: rows and columns of the windows of each part, in pixels.
        memory: estimate of the most bytes that this takes, beside the picture and the maps.
    """

    windows: tuple[tuple[int, int], ...]
    memory: int


@cached_while_alive
def planned(network: Parts, height: int, width: int, memory: int) -> Plan:
    """Return the plan for a padded size: the fastest within the memory, else the smallest."""
    for halos, most in _SPARING:
        windows = tuple(_window(part, height, width, halos, most * 2**20) for part in network.parts)
        plan = Plan(windows, _memory(network, windows, height, width))
        if plan.memory <= memory:
            break
    return plan


def _window(part: Part, height: int, width: int, halos: int, most: int) -> tuple[int, int]:
    if part.halo == WHOLE:
        return height, width
    area = most / 4 / part.peak
    least = max(min(_LEAST, 64 * halos), halos * part.halo)
    rows = min(height, round_up(least, part.stride))
    columns = max(int(area / rows), least)
    return rows, min(width, round_up(-(-width // -(-width // columns)), part.stride))


def _memory(network: Parts, windows: Sequence[tuple[int, int]], height: int, width: int) -> int:
    """Return the bytes of the largest window, and of the rows that later parts still need."""
    parts = network.parts
    if parts[0].halo == WHOLE:
        return int(_BYTES * parts[0].peak * height * width)
    users = _users(network)
    least, most = [0] * len(parts), [rows for rows, _ in windows]
    calls, kept = [], 0.0
    for i in reversed(range(len(parts))):
        part, (rows, columns) = parts[i], windows[i]
        halo = part.halo
        after = {j for name in part.outputs for j in users[name]}
        if after:  # how far this part is ahead of the maps, in pixels
            least[i] = max(least[j] + max(0, parts[j].halo) for j in after)
            most[i] = max(most[j] + max(0, parts[j].halo) for j in after) + rows
            furthest = max(after, key=least.__getitem__)
        seen = min(height, rows + 2 * halo), min(width, columns + 2 * halo)
        calls.append(_BYTES * part.peak * seen[0] * seen[1])
        for name in part.outputs:
            held = 0
            for j in users[name]:
                behind = least[j] - max(0, parts[j].halo)
                # The part that asks for most is never further behind than the rows it asks for.
                one = (
                    rows + windows[j][0] + 2 * parts[j].halo if j == furthest else most[i] - behind
                )
                held = max(held, min(height, one))
            value = network.values[name]
            kept += 4 * value.channels * held * width / value.stride**2
    rows = min(height, windows[0][0] + 2 * max(0, parts[0].halo))
    alive = max(calls) + kept + 4 * network.values[PICTURE].channels * rows * width
    return int(_UNUSABLE * alive)


def _users(network: Parts) -> dict[str, list[int]]:
    """Return for each value the indices of the parts that take it."""
    return {
        name: [i for i, part in enumerate(network.parts) if name in part.inputs]
        for name in network.values
    }


def stream(
    network: Parts,
    size: tuple[int, int],
    source: Source,
    compute: Compute,
    take: Take,
    *,
    memory: int = MEMORY,
    channels_last: bool = False,
) -> None:
    """Run a network over a picture from its top to its bottom, in bounded memory.

    Each part runs on windows, on the rows of its inputs that are there. A window is extended by the
    part's halo, and the halo is cut off the outputs. So the maps are those of the whole picture;
    only the order of additions in a library may differ.

    Args:
        network: the parts.
        size: height and width of the padded picture, multiples of every stride.
        source: gives rows of the picture. Each row is asked for once, in order.
        compute: runs a part.
        take: receives the maps, window by window from left to right and top to bottom.
        memory: limit in bytes, kept to if possible, see `planned`.
        channels_last: whether the channels of a cell lie together in memory.
    """
    windows = planned(network, *size, memory).windows
    run = _Run(network, size, windows, source, compute, take, channels_last=channels_last)
    run.advance(len(network.parts) - 1, size[0])


def room(shape: Sequence[int], *, channels_last: bool = False) -> Floats:
    """Return float32 [1, C, h, w] with undefined values, in memory of its own.

    The blocks of a library live shortly. Long-lived blocks among them would double the heap. Large
    pages, where the system has them, are five times as fast to fill.
    """
    _, channels, rows, columns = shape
    size = 4 * channels * rows * columns
    if size < _MAPPED or not hasattr(mmap, "MADV_HUGEPAGE"):
        values = np.empty(size // 4, np.float32)
    else:
        memory = mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
        with suppress(OSError):  # a kernel without large pages
            memory.madvise(mmap.MADV_HUGEPAGE)
        values = np.frombuffer(memory, np.float32)
    if channels_last:
        return np.moveaxis(values.reshape(1, rows, columns, channels), 3, 1)
    return values.reshape(shape)


class _Piece(NamedTuple):
    """Rows of a value, and the row of the picture where they begin."""

    begin: int
    rows: Floats


class _Rows:
    """The rows of a value that are still needed, in pieces as they were computed."""

    def __init__(self, value: Value) -> None:
        self.value = value
        self.end = 0
        self._pieces: list[_Piece] = []

    def append(self, rows: Floats) -> None:
        self._pieces.append(_Piece(self.end, rows))
        self.end += rows.shape[2] * self.value.stride

    def append_windows(self, windows: Sequence[Floats], *, channels_last: bool) -> None:
        """Join windows that lie side by side."""
        _, channels, rows, _ = windows[0].shape
        columns = sum(one.shape[3] for one in windows)
        joined = room((1, channels, rows, columns), channels_last=channels_last)
        np.concatenate(windows, axis=3, out=joined)
        self.append(joined)

    def drop(self, before: int) -> None:
        """Drop the pieces that end before a row of the picture."""
        stride = self.value.stride
        while (
            self._pieces
            and self._pieces[0].begin + self._pieces[0].rows.shape[2] * stride <= before
        ):
            self._pieces.pop(0)

    def window(self, top: int, bottom: int, left: int, right: int) -> Floats:
        """Return the cells [1, C, h, w] of a window, which is given in pixels."""
        stride = self.value.stride
        columns = slice(left // stride, right // stride)
        pieces = []
        for begin, rows in self._pieces:
            first, last = max(0, (top - begin) // stride), (bottom - begin) // stride
            if last > 0 and first < rows.shape[2]:
                pieces.append(rows[:, :, first:last, columns])
        return pieces[0] if len(pieces) == 1 else np.concatenate(pieces, axis=2)


class _Run:
    def __init__(
        self,
        network: Parts,
        size: tuple[int, int],
        windows: Sequence[tuple[int, int]],
        source: Source,
        compute: Compute,
        take: Take,
        *,
        channels_last: bool,
    ) -> None:
        self._parts, self._windows = network.parts, windows
        self._height, self._width = size
        self._source, self._compute, self._take = source, compute, take
        self._channels_last = channels_last
        self._rows = {name: _Rows(value) for name, value in network.values.items()}
        self._maker = {name: i for i, part in enumerate(self._parts) for name in part.outputs}
        self._done = [0] * len(self._parts)
        self._users = _users(network)

    def advance(self, number: int, bottom: int) -> None:
        """Run a part until its outputs reach a row of the picture."""
        part = self._parts[number]
        rows, columns = self._windows[number]
        while (top := self._done[number]) < bottom:
            end = min(self._height, top + rows)
            self._provide(part, min(self._height, end + max(0, part.halo)))
            lefts = range(0, self._width, columns)
            windows = (
                self._window(number, top, end, left, min(self._width, left + columns))
                for left in lefts
            )
            if number == len(self._parts) - 1:
                self._hand_over(part.outputs[0], top, lefts, windows)
            else:
                for name, beside in zip(part.outputs, zip(*windows, strict=True), strict=True):
                    self._keep(name, beside)
            self._done[number] = end
            for name in part.inputs:
                needed = (self._done[i] - max(0, self._parts[i].halo) for i in self._users[name])
                self._rows[name].drop(min(needed))

    def _provide(self, part: Part, bottom: int) -> None:
        for name in part.inputs:
            rows = self._rows[name]
            if name in self._maker:
                self.advance(self._maker[name], bottom)
            elif rows.end < bottom:
                rows.append(self._source(rows.end, bottom))

    def _window(
        self, number: int, top: int, bottom: int, left: int, right: int
    ) -> Sequence[Floats]:
        """Return the outputs of a part in a window, without its halo."""
        part = self._parts[number]
        halo = max(0, part.halo)
        above, before = max(0, top - halo), max(0, left - halo)
        below, behind = min(self._height, bottom + halo), min(self._width, right + halo)
        inputs = [self._rows[name].window(above, below, before, behind) for name in part.inputs]
        found = []
        for name, output in zip(part.outputs, self._compute(number, inputs), strict=True):
            if part.halo == WHOLE:  # the maps may lack a border of the picture
                found.append(output)
                continue
            stride = self._rows[name].value.stride
            first, start = (top - above) // stride, (left - before) // stride
            height, width = (bottom - top) // stride, (right - left) // stride
            found.append(output[:, :, first : first + height, start : start + width])
        return found

    def _hand_over(
        self, name: str, top: int, lefts: Sequence[int], windows: Iterable[Sequence[Floats]]
    ) -> None:
        """Pass on windows of the maps, each before the next one is computed."""
        stride = self._rows[name].value.stride
        for left, (found,) in zip(lefts, windows, strict=True):
            self._take(top // stride, left // stride, found[0])

    def _keep(self, name: str, windows: Sequence[Floats]) -> None:
        if len(windows) == 1:
            self._rows[name].append(windows[0])
        else:
            self._rows[name].append_windows(windows, channels_last=self._channels_last)
