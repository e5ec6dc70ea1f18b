"""The error of a classifier of positions, in which small words count as well as large ones."""

import torch
from torch import Tensor
from torch.nn import functional

from .labels import BACKGROUND, GAP, IGNORED, TEXT

_HARDEST = 3  # background positions for one of a core
_LEAST_HARDEST = 0.03  # of all background positions


def balanced_loss(logits: Tensor, classes: Tensor, weights: Tensor) -> Tensor:
    """Return the sum of the mean errors of cores, gaps and the hardest background.

    The error of a position is the cross entropy of its class, plus that of "core or not" by the
    logit of the core alone: a heatmap is one weighted sum of filters, so this one sum has to
    suffice. Hard negatives are mined over the batch (Shrivastava et al. 2016, OHEM): most of a
    photograph is background that soon is too easy to learn from.

    Args:
        logits: float32 [N, K, h, w].
        classes: uint8 [N, h, w], see `labels.PositionTruth`.
        weights: float32 [N, h, w], the same.
    """
    target = classes.long()
    error = functional.cross_entropy(logits, target, reduction="none", ignore_index=IGNORED)
    is_core = (target == TEXT).to(logits.dtype)
    core_error = functional.binary_cross_entropy_with_logits(
        logits[:, TEXT], is_core, reduction="none"
    )
    error = error + core_error
    background = error[target == BACKGROUND]
    cores = int((target == TEXT).sum())
    count = max(_HARDEST * cores, int(_LEAST_HARDEST * len(background)))
    hardest = background.topk(min(count, len(background))).values
    total = hardest.sum() / max(1, len(hardest))
    for name in (TEXT, GAP):
        weight = torch.where(target == name, weights, 0)
        total = total + (weight * error).sum() / weight.sum().clamp_min(1e-6)
    return total
