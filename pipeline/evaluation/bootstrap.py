"""Bootstrap samples of a set of pictures: how often each sample has each picture."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

_RESAMPLES = 2000
_SEED = 0


def bootstrap(pictures: int) -> NDArray[np.float64]:
    """Return how often each picture is drawn, [1 + 2000, pictures]; the first row is the set."""
    drawn = np.random.default_rng(_SEED).multinomial(
        pictures, np.full(pictures, 1 / pictures), size=_RESAMPLES
    )
    return np.concatenate([np.ones((1, pictures)), drawn.astype(np.float64)])


def means(times: NDArray[np.float64], rows: NDArray[Any]) -> NDArray[np.float64]:
    """Return the mean over the pictures of each sample, float64 [samples, ...].

    Args:
        times: [samples, n], how often each picture is in a sample.
        rows: [n, ...], numbers of each picture.
    """
    sums = np.tensordot(times, rows, axes=1)
    counts = times.sum(axis=1).reshape(-1, *[1] * (sums.ndim - 1))
    return np.asarray(sums / counts)
