"""Scores of a set of pictures: totals with their intervals, and scores per picture."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import astuple, dataclass
from importlib import import_module
from types import MappingProxyType

import numpy as np

from ...stages.errors import ConfigError
from .bootstrap import bootstrap
from .counts import Counts, rates
from .overlaps import ComparedPicture
from .protocols import TEXT_PROTOCOLS

PROTOCOLS: Mapping[str, Callable[[ComparedPicture], Counts]] = MappingProxyType(
    {name: getattr(import_module(f".{name}", __package__), name) for name in TEXT_PROTOCOLS}
)
"""Name of a protocol to the function that counts the matches of one picture."""


@dataclass(frozen=True)
class Score:
    """Precision, recall and their harmonic mean, each 0..1."""

    precision: float
    recall: float
    h: float


@dataclass(frozen=True)
class Total:
    """One protocol over all pictures.

    `score` follows from `counts`, the sums over the pictures, as in the official scripts. `low` and
    `high` are the ends of the 95 % bootstrap intervals over pictures.
    """

    score: Score
    low: Score
    high: Score
    counts: Counts


@dataclass(frozen=True)
class PictureScore:
    """One picture: its name, and score and counts by protocol."""

    name: str
    scores: dict[str, Score]
    counts: dict[str, Counts]


@dataclass(frozen=True)
class Report:
    """Totals by protocol, all pictures sorted by name, and the number of pictures not run."""

    totals: dict[str, Total]
    pictures: tuple[PictureScore, ...]
    not_run: int = 0


def score(
    pictures: Sequence[ComparedPicture], protocols: Sequence[str] = tuple(PROTOCOLS)
) -> Report:
    """Score a set of pictures, truth and detections of any detector, by the named `PROTOCOLS`.

    Raises:
        ConfigError: There are no pictures.
    """
    if not pictures:
        message = "no pictures to score; give a run and its ground truth"
        raise ConfigError(message)
    pictures = sorted(pictures, key=lambda picture: picture.name)
    counts = {name: [PROTOCOLS[name](picture) for picture in pictures] for name in protocols}
    return report_of([picture.name for picture in pictures], counts)


def report_of(names: Sequence[str], counts: Mapping[str, Sequence[Counts]]) -> Report:
    """Return the report of pictures; `counts` has, by protocol, one entry per name."""
    return Report(
        totals={protocol: _total(column) for protocol, column in counts.items()},
        pictures=tuple(
            _picture_score(name, {protocol: column[i] for protocol, column in counts.items()})
            for i, name in enumerate(names)
        ),
    )


def _picture_score(name: str, counts: dict[str, Counts]) -> PictureScore:
    scores = {
        protocol: Score(*rates(np.array(astuple(count), np.float64)).tolist())
        for protocol, count in counts.items()
    }
    return PictureScore(name, scores, counts)


def _total(column: Sequence[Counts]) -> Total:
    table = np.array([astuple(counts) for counts in column], np.float64)
    samples = bootstrap(len(table))[1:]
    low, high = np.percentile(rates(samples @ table), [2.5, 97.5], axis=0)
    total = table.sum(axis=0)
    score, lower, upper = (Score(*row.tolist()) for row in (rates(total), low, high))
    return Total(score, lower, upper, Counts(*total.tolist()))
