"""Cuts components apart where they are thin."""

import cv2
import numpy as np
import scipy.ndimage
import skimage  # skimage imports its parts on first use
from numpy.typing import NDArray

_LEAST_PART = 2.0  # area of a part's thick cells, in squares of half the component's height


def cut_necks(cells: NDArray[np.bool_], share: float) -> NDArray[np.bool_]:
    """Cut components (cells, bool [h, w]) where they are thinner than a share of their height.

    This separates words or lines that only a thin bridge joins. A part is a region whose distance
    to the outline exceeds a share (0..1) of the largest distance in the component. Regions too
    small to be a letter do not count. Parts are cut along the watershed between them (Meyer 1994),
    which runs through the thinnest places. Cells on the cuts are removed.
    """
    # Cells beyond the border count as empty.
    padded = np.pad(cells, 1).astype(np.uint8)
    depth = cv2.distanceTransform(padded, cv2.DIST_L2, 5)[1:-1, 1:-1]
    count, numbers = cv2.connectedComponents(padded[1:-1, 1:-1])
    marks = np.asarray(numbers, np.int32)
    greatest = np.zeros(count, np.float32)
    np.maximum.at(greatest, marks, depth)
    half_height = greatest[marks]
    thick = (cells & (depth > share * half_height)).astype(np.uint8)
    count, numbers, stats, _ = cv2.connectedComponentsWithStats(thick)
    parts = np.array(numbers, np.int32)
    half = np.zeros(count, np.float32)
    np.maximum.at(half, parts, half_height)
    parts[(stats[:, cv2.CC_STAT_AREA] < _LEAST_PART * half**2)[parts]] = 0
    kept = cells.copy()
    for number, box in enumerate(scipy.ndimage.find_objects(marks), start=1):
        # One component at a time: others would change how the watershed breaks ties.
        own = marks[box] == number
        seeds = np.where(own, parts[box], 0)
        if len(np.unique(seeds[seeds > 0])) > 1:
            basins = skimage.segmentation.watershed(
                -depth[box], seeds, connectivity=2, mask=own, watershed_line=True
            )
            kept[box] &= ~own | (basins > 0)
    return kept
