"""Scoring a run beside the two trivial baselines: totals, intervals, and every picture."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..bootstrap import bootstrap
from .baselines import centre_gaussian, whole_picture
from .cases import Case
from .levels import Normalize
from .measures import PROTOCOLS, Totals

_BASELINES: Mapping[str, Callable[[int, int], NDArray[np.float32]]] = MappingProxyType(
    {"whole_picture": whole_picture, "centre_gaussian": centre_gaussian}
)
_HALF = 0.5
"""Heat above which the baselines have masks and boxes, as a run has by its threshold."""


@dataclass(frozen=True)
class WsolTotal:
    """One measure over all pictures that it can be taken of, all numbers 0..1.

    Attributes:
        pictures: how many these are.
        score: of the run.
        low: lower end of the 95 % bootstrap interval over pictures.
        high: upper end.
        whole_picture: score of heat that is 1 everywhere.
        centre_gaussian: score of a Gaussian in the middle.
    """

    pictures: int
    score: float
    low: float
    high: float
    whole_picture: float
    centre_gaussian: float


@dataclass(frozen=True)
class WsolPictureScore:
    """One picture: its name, and what can be said of it alone, by measure."""

    name: str
    scores: dict[str, float]


@dataclass(frozen=True)
class WsolReport:
    """Totals by measure, and every picture in the order of their names."""

    totals: dict[str, WsolTotal]
    pictures: tuple[WsolPictureScore, ...]


def score(cases: Iterable[tuple[str, Case]], *, normalize: Normalize = "minmax") -> WsolReport:
    """Score the pictures of a run, named; each is looked at once and then let go."""
    rows: dict[str, list[list[NDArray[Any]]]] = defaultdict(list)
    names: dict[str, list[str]] = defaultdict(list)
    alone: dict[str, dict[str, float]] = {}
    for name, case in cases:
        alone[name] = {}
        rivals = [case, *_baselines(case)]
        for key, protocol in PROTOCOLS.items():
            if protocol.can(case):
                rows[key].append([protocol.row(rival, normalize) for rival in rivals])
                names[key].append(name)
    totals: dict[str, WsolTotal] = {}
    for key, table in rows.items():
        of_run, *of_baselines = (np.stack(column) for column in zip(*table, strict=True))
        protocol = PROTOCOLS[key]
        totals |= total(protocol.totals, of_run, *of_baselines)
        for measure, values in protocol.each(of_run).items():
            for name, value in zip(names[key], values.tolist(), strict=True):
                alone[name][measure] = value
    return WsolReport(totals, tuple(WsolPictureScore(*pair) for pair in sorted(alone.items())))


def total(
    measure: Callable[[NDArray[Any], NDArray[np.float64]], Totals],
    run: NDArray[Any],
    whole: NDArray[Any],
    gaussian: NDArray[Any],
) -> dict[str, WsolTotal]:
    """Return the totals of measures.

    Args:
        measure: of rows [n, ...] and samples [samples, n], see `Protocol.totals`.
        run: rows of the run.
        whole: rows of the whole picture.
        gaussian: rows of the Gaussian.
    """
    count = len(run)
    once = np.ones((1, count))
    samples = measure(run, bootstrap(count))
    baselines = [measure(rows, once) for rows in (whole, gaussian)]
    return {
        name: WsolTotal(count, float(values[0]), *_interval(values[1:]), *_at(baselines, name))
        for name, values in samples.items()
    }


def _interval(values: NDArray[np.float64]) -> tuple[float, float]:
    low, high = np.nanpercentile(values, [2.5, 97.5]).tolist()
    return low, high


def _at(baselines: Sequence[Totals], name: str) -> list[float]:
    return [float(values[name][0]) for values in baselines]


def _baselines(case: Case) -> list[Case]:
    height, width = case.heat.shape
    heats = [heat(width, height) for heat in _BASELINES.values()]
    return [
        replace(
            case,
            heat=heat,
            found_boxes=_around(heat >= _HALF),
            found_mask=None if case.found_mask is None else heat >= _HALF,
        )
        for heat in heats
    ]


def _around(mask: NDArray[np.bool_]) -> NDArray[np.float64]:
    rows, columns = (np.flatnonzero(mask.any(axis=axis)) for axis in (1, 0))
    return np.array([[columns[0], rows[0], columns[-1] + 1, rows[-1] + 1]], np.float64)
