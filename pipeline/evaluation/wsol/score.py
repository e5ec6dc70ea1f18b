"""Scores of a run and of two trivial baselines: totals, intervals, and every picture."""

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..bootstrap import bootstrap
from .baselines import centre_gaussian, whole_picture
from .cases import Case
from .levels import Normalize
from .measures import PROTOCOLS, Totals

_HALF = 0.5
"""Threshold of the masks and boxes of the baselines."""


@dataclass(frozen=True)
class WsolTotal:
    """One measure over the pictures that allow it. All numbers except their count are 0..1.

    `score` is that of the run; `low` and `high` are its 95 % bootstrap interval over pictures. The
    other fields score heat of 1 everywhere, and a Gaussian in the middle.
    """

    pictures: int
    score: float
    low: float
    high: float
    whole_picture: float
    centre_gaussian: float


@dataclass(frozen=True)
class WsolPictureScore:
    """One picture: its name, and its values by measure."""

    name: str
    scores: dict[str, float]


@dataclass(frozen=True)
class WsolReport:
    """Totals by measure, all pictures sorted by name, and the number of pictures not run."""

    totals: dict[str, WsolTotal]
    pictures: tuple[WsolPictureScore, ...]
    not_run: int = 0


def score(cases: Iterable[tuple[str, Case]], *, normalize: Normalize = "minmax") -> WsolReport:
    """Score the named pictures of a run. Each is read once and not kept."""
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
    """Return the totals of measures for rows of the run, the whole picture and the Gaussian.

    `measure` takes rows [n, ...] and samples [samples, n], see `Protocol.totals`.
    """
    count = len(run)
    once = np.ones((1, count))
    samples = measure(run, bootstrap(count))
    baselines = [measure(rows, once) for rows in (whole, gaussian)]
    totals = {}
    for name, values in samples.items():
        interval = np.nanpercentile(values[1:], [2.5, 97.5]).tolist()
        rivals = [float(values[name][0]) for values in baselines]
        totals[name] = WsolTotal(count, float(values[0]), *interval, *rivals)
    return totals


def _baselines(case: Case) -> list[Case]:
    height, width = case.heat.shape
    return [
        replace(
            case,
            heat=heat,
            found_boxes=_around(heat >= _HALF),
            found_mask=None if case.found_mask is None else heat >= _HALF,
        )
        for heat in (whole_picture(width, height), centre_gaussian(width, height))
    ]


def _around(mask: NDArray[np.bool_]) -> NDArray[np.float64]:
    rows, columns = (np.flatnonzero(mask.any(axis=axis)) for axis in (1, 0))
    return np.array([[columns[0], rows[0], columns[-1] + 1, rows[-1] + 1]], np.float64)
