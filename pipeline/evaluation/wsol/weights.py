"""Samples of a set of pictures, as how often each picture is in them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["bootstrap", "shares"]

_RESAMPLES = 2000
_SEED = 0


def bootstrap(pictures: int) -> NDArray[np.float64]:
    """Return how often each picture is drawn: [1 + 2000, pictures], the set itself first."""
    drawn = np.random.default_rng(_SEED).multinomial(
        pictures, np.full(pictures, 1 / pictures), size=_RESAMPLES
    )
    return np.concatenate([np.ones((1, pictures)), drawn.astype(np.float64)])


def shares(times: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return times [samples, n] divided by their sum over each sample."""
    return np.asarray(times / times.sum(axis=-1, keepdims=True))
