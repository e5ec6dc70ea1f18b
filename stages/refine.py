"""Masks at picture resolution: hot cells, corrected by the colours of the picture.

- `bilinear`: heat interpolated between cell centres, nothing else. Papers draw heatmaps so.
- `grabcut`: Rother, Kolmogorov and Blake, "GrabCut" (SIGGRAPH 2004), from OpenCV: colour models of
  the mask and of the rest, and a minimum cut between them.
- `crf`: Kraehenbuehl and Koltun, "Efficient inference in fully connected CRFs with Gaussian edge
  potentials" (NIPS 2011), equation (3), from pydensecrf2: heat is the unary term. Pixels that are
  near each other and look alike are drawn to the same side.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, logit

from .extras import require_crf
from .geometry.grid import Grid, resample
from .settings import Refinement

try:  # an optional package; `_crf` says if it is missing
    from pydensecrf import densecrf
except ImportError:
    densecrf = None

if TYPE_CHECKING:  # they import torch, which the parent process must not load
    from .heatmap import Heatmap
    from .threshold import Mask

_Bools = NDArray[np.bool_]
_Heat = NDArray[np.float32]

_STEPS = {"grabcut": 3, "crf": 10}
_COLLAPSED = 0.1
"""Share of the mask. If less is left, GrabCut has taken the object for background."""
_DOUBT = 0.05
"""Least doubt about any pixel: a CRF could not move a pixel that is certain."""
_NEAR, _NEAR_WEIGHT = 3, 3
_ALIKE, _COLOUR, _ALIKE_WEIGHT = 80, 5, 10
"""Pixels, levels of 255, weight. As in the paper, but for colour: 5 suits photographs better."""


def at_picture_resolution(heatmap: Heatmap) -> Heatmap:
    """Return a heatmap with a cell for every pixel, interpolated bilinearly."""
    width, height = heatmap.grid.picture
    pixels = Grid.of_pixels((width, height))
    return replace(heatmap, values=resample(heatmap.values, heatmap.grid, pixels), grid=pixels)


def refine(
    rgb: NDArray[np.uint8],
    heatmap: Heatmap,
    mask: Mask,
    *,
    method: Refinement,
    background: float = 0.1,
    long_side: int | None = 400,
) -> Mask:
    """Return the mask at picture resolution that heat and colours agree on.

    The maps of different labels are independent. A map without foreground stays empty. A map that
    would lose nearly all of its foreground is kept as it was.

    Args:
        rgb: uint8 [H, W, 3], the picture.
        heatmap: float32 [K, H, W] in 0..1, from `at_picture_resolution`.
        mask: bool [K, H, W], cut from that heat.
        method: see the top of this module.
        background: `grabcut` never takes colder pixels for the object.
        long_side: for speed, colours are compared on the picture shrunk to this many pixels, and
            the mask is scaled up; None: on the whole picture.

    Raises:
        ConfigError: `crf` is asked for, but its package is missing.
    """
    if method == "bilinear":
        return mask
    height, width = rgb.shape[:2]
    scale = min(1.0, long_side / max(width, height)) if long_side else 1.0
    size = max(1, round(width * scale)), max(1, round(height * scale))
    small = np.asarray(cv2.resize(rgb, size, interpolation=cv2.INTER_AREA), np.uint8)
    refined = np.zeros_like(mask.values)
    levels = list(mask.levels)
    for k, (heat, cells) in enumerate(zip(heatmap.values, mask.values, strict=True)):
        if not cells.any():
            continue
        cut_at = levels[k]
        level = float(heat[cells].min()) if cut_at is None else cut_at
        part = _resized(cells.astype(np.float32), size) > 0.5
        found = _METHODS[method](small, _resized(heat, size), part, level, background)
        larger = _resized(found.astype(np.float32), (width, height)) > 0.5
        if larger[cells].mean() > _COLLAPSED:
            refined[k], levels[k] = larger, None
        else:
            refined[k] = cells
    return replace(mask, values=refined, levels=tuple(levels))


def _resized(values: _Heat, size: tuple[int, int]) -> _Heat:
    if values.shape == size[::-1]:
        return values
    shrinks = size[0] < values.shape[1] or size[1] < values.shape[0]
    how = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(values, size, interpolation=how), np.float32)


def _grabcut(
    rgb: NDArray[np.uint8], heat: _Heat, mask: _Bools, _: float, background: float
) -> _Bools:
    labels = np.where(mask, cv2.GC_PR_FGD, cv2.GC_PR_BGD).astype(np.uint8)
    labels[(heat < background) & ~mask] = cv2.GC_BGD
    if mask.all() or not mask.any():
        return mask  # a colour model needs pixels
    cv2.setRNGSeed(0)  # OpenCV draws the first colour models; the same seed gives the same result
    models = np.zeros((2, 1, 65))
    cut, *_rest = cv2.grabCut(
        cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR),
        labels,
        (0, 0, 0, 0),
        models[0],
        models[1],
        _STEPS["grabcut"],
        cv2.GC_INIT_WITH_MASK,
    )
    return np.asarray((cut == cv2.GC_FGD) | (cut == cv2.GC_PR_FGD))


def _crf(rgb: NDArray[np.uint8], heat: _Heat, mask: _Bools, level: float, _: float) -> _Bools:
    # Log-odds are 0 where the mask was cut, by any method. Outside the mask they are at most 0:
    # hysteresis leaves out some cells that are hot enough.
    limits = 1e-4, 1 - 1e-4
    log_odds = logit(np.clip(heat, *limits)) - logit(np.clip(level, *limits))
    log_odds[~mask] = np.minimum(log_odds[~mask], 0)
    probability = np.clip(expit(log_odds), _DOUBT, 1 - _DOUBT)
    unary = -np.log(np.stack([1 - probability, probability])).reshape(2, -1)
    height, width = mask.shape
    require_crf()
    crf = densecrf.DenseCRF2D(width, height, 2)
    crf.setUnaryEnergy(np.ascontiguousarray(unary, np.float32))
    crf.addPairwiseGaussian(sxy=_NEAR, compat=_NEAR_WEIGHT)
    # pydensecrf2 needs writable memory.
    crf.addPairwiseBilateral(sxy=_ALIKE, srgb=_COLOUR, rgbim=rgb.copy(), compat=_ALIKE_WEIGHT)
    beliefs = np.array(crf.inference(_STEPS["crf"])).reshape(2, height, width)
    return np.asarray(beliefs[1] > beliefs[0])


_METHODS: dict[str, Callable[[NDArray[np.uint8], _Heat, _Bools, float, float], _Bools]] = {
    "grabcut": _grabcut,
    "crf": _crf,
}
