"""The tables of AdGAP weights of a model, as `locpipe weigh` measures them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["Tables"]


@dataclass(frozen=True)
class Tables:
    """What blocking each of C filters does to each of K classes, as `locpipe weigh` measures it.

    Attributes:
        error: float64 [C, K], dE[i, c]: mean growth of the negative log-likelihood of samples of
            class c when filter i is blocked; where the samples are positions, for one unit of
            response (`pipeline/training/text/weigh.py`).
        baseline: float64 [K], the mean error of the samples of class c with no filter blocked.
        energy: float64 [C, K], mean over samples of c of (error growth / sum(F_i^2)).
        excitation: float64 [C, K], mean of F_i over samples and positions of c.
        linear: float64 [C, K], weights of a linear classifier on spatial means of F (CAM).
        count: int64 [K], samples of class c; the tables say nothing of one without samples.
    """

    error: NDArray[np.float64]
    baseline: NDArray[np.float64]
    energy: NDArray[np.float64]
    excitation: NDArray[np.float64]
    linear: NDArray[np.float64]
    count: NDArray[np.int64]
