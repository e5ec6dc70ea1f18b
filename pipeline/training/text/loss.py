"""The error of a classifier of positions; small words count as much as large ones."""

import torch
from torch import Tensor
from torch.nn import functional

from .labels import BACKGROUND, GAP, IGNORED, TEXT

_HARDEST = 3  # background positions per position of a core
_LEAST_HARDEST = 0.03  # of all background positions
_LEAST = 1e-4  # least probability in an answer of a teacher
_SURE = 0.5


def balanced_loss(logits: Tensor, classes: Tensor, weights: Tensor) -> Tensor:
    """Return the sum of the mean errors of cores, gaps and the hardest background.

    The error of a position is the cross entropy of its class, plus that of "core or not" by the
    logit of the core alone. A heatmap is one weighted sum of filters, so this sum must be enough.
    Hard negatives are mined over the batch (Shrivastava et al. 2016, OHEM): most background in a
    photograph soon becomes too easy to learn from.

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
    return _balanced(error, target == BACKGROUND, target == TEXT, target == GAP, weights)


def taught_loss(logits: Tensor, answers: Tensor, weights: Tensor) -> Tensor:
    """Return the same error against answers of teachers, minus the error of the answers themselves.

    For the balance, the class of a position is the one with an answer above a half.

    Args:
        logits: float32 [M, K, h, w].
        answers: float32 [M, K, h, w], probabilities.
        weights: float32 [M, h, w], see `teaching.TaughtCrop`.
    """
    sure = answers.clamp_min(_LEAST)
    error = (answers * (sure.log() - logits.log_softmax(dim=1))).sum(dim=1)
    core = answers[:, TEXT].clamp(_LEAST, 1 - _LEAST)
    own = core * core.log() + (1 - core) * (1 - core).log()
    core_error = functional.binary_cross_entropy_with_logits(
        logits[:, TEXT], core, reduction="none"
    )
    cores, gaps = answers[:, TEXT] > _SURE, answers[:, GAP] > _SURE
    return _balanced(error + core_error + own, ~(cores | gaps), cores, gaps, weights)


def _balanced(
    error: Tensor, nothing: Tensor, cores: Tensor, gaps: Tensor, weights: Tensor
) -> Tensor:
    """Return the sum of the mean errors of each kind of position, all [N, h, w]."""
    background = error[nothing]
    count = max(_HARDEST * int(cores.sum()), int(_LEAST_HARDEST * len(background)))
    hardest = background.topk(min(count, len(background))).values
    total = hardest.sum() / max(1, len(hardest))
    for there in (cores, gaps):
        weight = torch.where(there, weights, 0)
        total = total + (weight * error).sum() / weight.sum().clamp_min(1e-6)
    return total
