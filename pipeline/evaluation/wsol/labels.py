"""Mean average precision of image labels (multi-label classification).

Average precision is the area under the precision-recall curve, as a sum of steps without
interpolation. There is one step per positive picture, as high as the precision there. Pictures of
equal score count together.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray


def mean_average_precision(scores: NDArray[Any], truth: NDArray[np.bool_]) -> float:
    """Return the mean average precision, 0..1, over all labels that at least one picture has.

    Args:
        scores: [n, labels], higher = more certain.
        truth: bool [n, labels].

    Raises:
        ValueError: no picture has any of the labels.
    """
    known = truth.any(axis=0)
    if not known.any():
        msg = "no picture has any of the labels"
        raise ValueError(msg)
    columns = zip(scores.T[known], truth.T[known], strict=True)
    return float(np.mean([average_precision(score, true) for score, true in columns]))


def average_precision(scores: NDArray[Any], truth: NDArray[np.bool_]) -> float:
    """Return the average precision of one label, 0..1, for scores [n] and truth bool [n]."""
    return float(average_precisions(scores, truth, np.ones((1, len(scores))))[0])


def average_precisions(
    scores: NDArray[Any], truth: NDArray[np.bool_], times: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the average precision of one label in several samples of a set of pictures.

    Scores and truth (bool) are [n]. `times` is [samples, n], how often each picture is in a sample.

    Returns:
        float64 [samples] in 0..1; nan for a sample without the label.
    """
    order = np.argsort(-scores, kind="stable")
    last_of_equals = np.append(np.diff(scores[order]) != 0, True)
    found = times[:, order].cumsum(axis=1)[:, last_of_equals]
    true = (times[:, order] * truth[order]).cumsum(axis=1)[:, last_of_equals]
    precision = np.divide(true, found, out=np.zeros_like(true), where=found > 0)
    area = (precision * np.diff(true, axis=1, prepend=0)).sum(axis=1)
    nowhere = np.full(len(area), np.nan)
    return np.asarray(np.divide(area, true[:, -1], out=nowhere, where=true[:, -1] > 0))
