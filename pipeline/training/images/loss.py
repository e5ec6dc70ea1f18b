"""Errors of scores of whole pictures."""

from typing import Literal

from torch import Tensor
from torch.nn import functional

Loss = Literal["log", "mantra"]


def error_of(scores: Tensor, targets: Tensor, loss: Loss, *, multi_label: bool) -> Tensor:
    """Return the mean error of scores float32 [N, K], see `ImagesTrainConfig.loss`.

    `targets` are bool [N, K]: exactly one per row, or any number with `multi_label`, which decides
    each class for itself.
    """
    if multi_label:
        if loss == "mantra":
            return mantra_multi_label(scores, targets)
        return functional.binary_cross_entropy_with_logits(scores, targets.float())
    labels = targets.long().argmax(dim=1)
    return mantra(scores, labels) if loss == "mantra" else functional.cross_entropy(scores, labels)


def mantra(scores: Tensor, labels: Tensor) -> Tensor:
    """Return the mean over pictures of max_y (D(y*, y) + s_y) - s_y*, where D = 1 for y != y*.

    Scores s are [N, K], labels y* int64 [N]. Durand et al. 2015, "MANTRA: Minimum maximum latent
    structural SVM", equation 4: the margin rescaled hinge, without its regulariser (here that is
    `weight_decay`). Their score of a class is the maximum plus the minimum over the places of its
    object: head `weldon(1, 1)`.
    """
    right = scores.gather(1, labels[:, None])
    rescaled = scores + 1 - functional.one_hot(labels, scores.shape[1])
    return (rescaled.amax(dim=1) - right[:, 0]).mean()


def mantra_multi_label(scores: Tensor, targets: Tensor) -> Tensor:
    """Return the mean over pictures and classes of max(0, 1 - y * s), y = 1 where shown, else -1.

    This is `mantra` for y in {-1, 1}^K, with score sum_k y_k * s_k / 2 and the Hamming distance as
    D: each class then has its maximum for itself.
    """
    signs = targets.to(scores.dtype) * 2 - 1
    return (1 - signs * scores).clamp_min(0).mean()
