"""The tables of AdGAP weights of a model, as `locpipe weigh` measures them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import load_file

from ..errors import ModelError
from ..settings import Weights


@dataclass(frozen=True)
class Measured:
    """Which of K classes have values in the tables.

    `count` (int64 [K]) is the number of samples per class. `linear` (bool [K]) says whether that
    table has weights for the class.
    """

    count: NDArray[np.int64]
    linear: NDArray[np.bool_]

    def tells_of(self, members: Sequence[int], weights: Weights) -> bool:
        """Say whether the weights of these classes are known."""
        if weights == "classifier":
            return True
        if weights == "linear":
            return bool(self.linear[list(members)].any())
        counts = self.count if weights == "paper" else self.count[list(members)]
        return bool(counts.any() if weights == "paper" else counts.all())


@dataclass(frozen=True)
class Tables:
    """The effect of blocking each of C filters on each of K classes, from `locpipe weigh`.

    Attributes:
        error: float64 [C, K], dE[i, c]: mean growth of the negative log-likelihood of samples of
            class c when filter i is blocked. If the samples are positions, it is the growth for one
            unit of response (`pipeline/training/text/weigh.py`).
        baseline: float64 [K], the mean error of the samples of class c with no filter blocked.
        energy: float64 [C, K], mean over samples of c of (error growth / sum(F_i^2)).
        excitation: float64 [C, K], mean of F_i over samples and positions of c.
        linear: float64 [C, K], weights of a linear classifier on spatial means of F (CAM).
        count: int64 [K], samples of class c; a class without samples has no values in the tables.
    """

    error: NDArray[np.float64]
    baseline: NDArray[np.float64]
    energy: NDArray[np.float64]
    excitation: NDArray[np.float64]
    linear: NDArray[np.float64]
    count: NDArray[np.int64]

    def measured(self) -> Measured:
        """Return which classes have values."""
        return Measured(self.count, np.any(self.linear != 0, axis=0))


def read_tables(file: Path, missing: Mapping[str, NDArray[np.float64]]) -> Tables:
    """Read the tables of a file. Tables that are not in the file come from `missing`.

    Raises:
        ModelError: the file cannot be read, or a table is neither in it nor in `missing`.
    """
    try:
        stored = {**missing, **load_file(file)}
        count = stored.pop("count").astype(np.int64)
        # Large tables are stored in half precision.
        return Tables(count=count, **{k: v.astype(np.float64) for k, v in stored.items()})
    except (OSError, KeyError, TypeError, SafetensorError) as error:
        msg = f"{file} holds no weight tables ({error}): run `locpipe weigh` on the model"
        raise ModelError(msg) from error


def read_measured(file: Path | None, classes: int) -> Measured:
    """Return which classes have values in a file of tables; none if the file is missing."""
    count, linear = np.zeros(classes, np.int64), np.zeros(classes, np.bool_)
    if file is None:
        return Measured(count, linear)
    try:
        with safe_open(file, "numpy") as stored:
            names = stored.keys()
            if "count" in names:
                count = stored.get_tensor("count").astype(np.int64)
            if "linear" in names:
                linear = stored.get_tensor("linear").any(axis=0)
    except (OSError, SafetensorError):  # loading the model raises the error
        pass
    return Measured(count, linear)
