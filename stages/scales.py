"""Which of several scales is to be believed: each sees some sizes best."""

import numpy as np
from numpy.typing import NDArray

__all__ = ["only_thick"]


def only_thick(heat: NDArray[np.float32], cells: int) -> NDArray[np.float32]:
    """Return a map without what is thinner than some cells; all else keeps its shape.

    Opening by reconstruction (Vincent 1993): a coarse scale takes small words that stand close for
    one, but what is thick on it, a finer scale sees in pieces only. So before maps of several
    scales are joined by their maximum, the coarse ones lose what is thin.

    Args:
        heat: [h, w], 0 or more.
        cells: side of the square that must fit inside; below 2 nothing changes.
    """
    if cells < 2:
        return heat
    from scipy.ndimage import grey_opening  # noqa: PLC0415  slow to import
    from skimage.morphology import reconstruction  # noqa: PLC0415  the same

    # With heat going on beyond the border: what leaves the picture is not thin for that.
    opened = grey_opening(np.pad(heat, cells, mode="edge"), (cells, cells))
    seeds = np.minimum(opened[cells:-cells, cells:-cells], heat)
    return np.asarray(reconstruction(seeds, heat), np.float32)
