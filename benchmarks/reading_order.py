"""How near our order of words is to that of the DOM, by normalised edit distance."""

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.intp]


def distance(order: Numbers, blocks: Numbers, free: NDArray[np.bool_]) -> float:
    """Return the edits from an order of words to the truth, per word; 0 is perfect.

    Args:
        order: [N] the words 0..N-1, of which 0, 1, 2, … is the true order.
        blocks: [N] the paragraph of each word.
        free: [N] whether its paragraph may stand between any two others. It is put where the order
            has its first word, at the next end of a paragraph.
    """
    return float(edits(order, _truth(order, blocks, free))) / max(1, len(order))


def _truth(order: Numbers, blocks: Numbers, free: NDArray[np.bool_]) -> Numbers:
    if not free.any():
        return np.arange(len(order))
    rank = np.argsort(order)
    fixed = np.flatnonzero(~free)
    ends = np.r_[0, np.flatnonzero(np.diff(blocks[fixed])) + 1, len(fixed)]
    place = np.searchsorted(ends, np.arange(len(fixed)), "right").astype(np.float64)
    keys = np.zeros((len(order), 2))
    keys[fixed, 0] = place
    for block in np.unique(blocks[free]):
        words = np.flatnonzero(blocks == block)
        first = int(rank[words].min())
        before = int((rank[fixed] < first).sum())
        keys[words] = np.argmin(np.abs(ends - before)) + 0.5, first
    return np.lexsort((np.arange(len(order)), keys[:, 1], keys[:, 0]))


def edits(first: Numbers, second: Numbers) -> int:
    """Return the Levenshtein distance of two sequences (1966)."""
    steps = np.arange(len(second) + 1)
    row = steps.copy()
    for index, item in enumerate(first, 1):
        replaced = np.minimum(row[1:] + 1, row[:-1] + (second != item))
        row = np.minimum.accumulate(np.r_[index, replaced] - steps) + steps
    return int(row[-1])
