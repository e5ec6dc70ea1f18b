"""Flattens the boxes of a bent page; the lines of text show how it is bent."""

from typing import Final

import numpy as np
from scipy.spatial import KDTree

from .frames import Floats, Frames, Indices

_DEGREE: Final = 4
_LEAST_BOXES: Final = 4  # boxes in a line that is used
_LEAST_LINES: Final = 6  # lines that are used
_ALONG: Final = 0.9  # least cosine of the angle between a line and the page
_LINES_APART: Final = 3.0  # heights between the ends of two lines that count as below each other
_LARGEST_LEAN: Final = 0.2  # pixels that a line is moved aside per pixel that it is lower
_LEAST_EDGES: Final = 12
_OFF: Final = 0.3  # heights: largest usual distance of a box from its line on the flat page
_STIFF: Final = 1e-3  # share of a box's weight: where there are no boxes, the page is flat


def unbent(boxes: Frames, line_of: Indices) -> Floats:
    """Return corners [N, 4, 2] moved so that the lines of a page are straight and level.

    A polynomial of the place along and down the page describes all lines. It is fitted by least
    squares to the centres of boxes in lines of four boxes or more. If the fit is bad, the boxes
    stay as they are.
    """
    along = (boxes.along * boxes.length[:, None]).sum(axis=0)
    along /= max(float(np.hypot(*along)), 1e-9)
    axes = np.array([along, [-along[1], along[0]]])
    tells = np.bincount(line_of) >= _LEAST_BOXES
    tells &= np.bincount(line_of, boxes.along @ along > _ALONG) >= 0.5 * np.bincount(line_of)
    inside = tells[line_of]
    if tells.sum() < _LEAST_LINES:
        return boxes.corners
    centre = boxes.centre @ axes.T
    middle, reach = (
        (centre.max(axis=0) + centre.min(axis=0)) / 2,
        float(np.ptp(centre, axis=0).max()) / 2,
    )
    terms = _terms((centre - middle) / reach)
    line = np.unique(line_of[inside], return_inverse=True)[1]
    rows = _off_line(terms[inside], line)
    below = _off_line(centre[inside, 1:], line)[:, 0] / reach
    weights = rows.T @ rows + _STIFF * len(rows) * np.eye(rows.shape[1])
    factors = np.linalg.solve(weights, rows.T @ below)
    off = np.abs(below - rows @ factors) * reach
    if np.median(off / boxes.height[inside]) > _OFF:
        return boxes.corners
    corners = boxes.corners @ axes.T
    lift = _terms((corners - middle) / reach) @ factors * reach
    corners[..., 1] -= lift
    corners[..., 0] -= _lean(corners, line_of, middle, reach)
    return np.asarray(corners @ axes)


def _lean(corners: Floats, line_of: Indices, middle: Floats, reach: float) -> Floats:
    """Return how far aside level corners [N, 4, 2] are, measured at the edges of lines."""
    height = np.median(np.ptp(corners[..., 1], axis=1))
    rows = np.zeros((0, 3))
    aside = np.zeros(0)
    for edge in (-1, 1):
        ends = np.full(int(line_of.max()) + 1, -np.inf)
        np.maximum.at(ends, line_of, (edge * corners[..., 0]).max(axis=1))
        count = np.bincount(line_of)
        at = np.stack(
            [edge * ends, np.bincount(line_of, corners[..., 1].mean(axis=1)) / count], axis=1
        )
        i, j = KDTree(at).query_pairs(_LINES_APART * height, output_type="ndarray").T
        i, j = np.where(at[i, 1] < at[j, 1], [i, j], [j, i])
        step = at[j] - at[i]
        aligned = (step[:, 1] > 0.5 * height) & (np.abs(step[:, 0]) < _LARGEST_LEAN * step[:, 1])
        terms = _lean_terms((at - middle) / reach)
        rows = np.concatenate([rows, (terms[j] - terms[i])[aligned]])
        aside = np.concatenate([aside, step[aligned, 0] / reach])
    if len(aside) < _LEAST_EDGES:
        return np.zeros(corners.shape[:2])
    factors = np.zeros(3)
    for share in (1.0, 0.7, 0.5):
        off = np.abs(aside - rows @ factors)
        kept = off <= np.quantile(off, share)
        weights = rows[kept].T @ rows[kept] + 1e-9 * np.eye(3)
        factors = np.linalg.solve(weights, rows[kept].T @ aside[kept])
    return np.asarray(_lean_terms((corners - middle) / reach) @ factors * reach)


def _lean_terms(at: Floats) -> Floats:
    x, y = at[..., 0], at[..., 1]
    return np.stack([y, x * y, y * y], axis=-1)


def _terms(at: Floats) -> Floats:
    """Return the polynomial's terms at points [..., 2]: powers of x, and each of them times y."""
    powers = at[..., :1] ** np.arange(1, _DEGREE + 1)
    return np.concatenate([powers, powers * at[..., 1:]], axis=-1)


def _off_line(values: Floats, line: Indices) -> Floats:
    """Return values [M, K] minus the mean of their line."""
    count = np.bincount(line)
    means = np.stack([np.bincount(line, one) for one in values.T], axis=1) / count[:, None]
    return values - means[line]
