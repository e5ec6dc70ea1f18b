"""Small draws from a random generator, shared by all that is chosen at random."""

from collections.abc import Sequence
from itertools import accumulate
from typing import TypeVar

import numpy as np

T = TypeVar("T")


def chance(rng: np.random.Generator, probability: float) -> bool:
    """True with the given probability."""
    return bool(rng.random() < probability)


def uniform(rng: np.random.Generator, low: float, high: float) -> float:
    """Return a number from [low, high), uniformly distributed."""
    return low + (high - low) * float(rng.random())


def normal(rng: np.random.Generator, deviation: float) -> float:
    """A number around zero."""
    return deviation * float(rng.standard_normal())


def log_uniform(rng: np.random.Generator, low: float, high: float) -> float:
    """A number from [low, high) whose logarithm is uniform: 8 to 16 come as often as 150 to 300."""
    return float(low * (high / low) ** rng.random())


def pick(rng: np.random.Generator, items: Sequence[T]) -> T:
    """Return one of `items`; all are equally likely."""
    return items[int(rng.integers(len(items)))]


def weighted(rng: np.random.Generator, items: Sequence[T], weights: Sequence[float]) -> T:
    """One of `items` in proportion to `weights` (which need not sum to one)."""
    bounds = list(accumulate(weights))
    place = int(np.searchsorted(bounds, float(rng.random()) * bounds[-1], side="right"))
    return items[min(place, len(items) - 1)]
