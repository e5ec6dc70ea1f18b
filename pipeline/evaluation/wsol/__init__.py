"""Measures of weakly supervised localization: heatmaps against boxes, masks and labels.

J. Choe et al., "Evaluating weakly supervised object localization methods right", CVPR 2020;
J. Zhang et al., "Top-down neural attention by excitation backprop", ECCV 2016.

Each measure takes numpy arrays, of any method, and returns numbers. Frame of all of them: the
upright picture, a pixel (i, j) covers [j, j + 1) x [i, i + 1), boxes are left, top, right, bottom.
"""

from .baselines import centre_gaussian, whole_picture
from .boxes import BoxAccuracy, max_box_acc
from .labels import average_precision, mean_average_precision
from .levels import Normalize
from .pixels import PixelQuality, mask_iou, pxap
from .pointing import pointing

__all__ = [
    "BoxAccuracy",
    "Normalize",
    "PixelQuality",
    "average_precision",
    "centre_gaussian",
    "mask_iou",
    "max_box_acc",
    "mean_average_precision",
    "pointing",
    "pxap",
    "whole_picture",
]
