"""The AdGAP tables: how much the error of each class grows when each filter is blocked."""

from collections.abc import Iterable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from ...stages.errors import ConfigError
from ...stages.models.tables import Tables
from ...stages.nets import Network
from ...stages.nets.head import Head, read_head

# Values of F repeated at once for several blocked filters: 64 MiB as float32.
AT_ONCE = 2**24
# Keeps the linear classifier finite if a filter separates a class perfectly.
_RIDGE = 1e-4


def weigh(
    network: Network,
    batches: Iterable[tuple[Tensor, Tensor]],
    classes: int,
    *,
    some: bool = False,
) -> Tables:
    """Measure the tables of `docs/methods.md` on labelled samples.

    The features are computed once per batch. Only the classifier runs again for each blocked
    filter, several filters at a time. Blocking commutes with global average pooling, so a
    classifier that starts with it runs on the means of F. If only a linear layer follows, blocking
    filter i subtracts w_ic * mean(F_i) from the logits, and nothing runs.

    Args:
        network: the network, in evaluation mode.
        batches: pictures float32 [N, C_in, H, W] as the network wants them, labels int64 [N].
        classes: number of classes.
        some: allow classes without a sample; their columns are zero.

    Raises:
        ConfigError: a class has no sample.
    """
    sums = None
    head = read_head(network.classifier, network.channels())
    means, labels = [], []
    # Not inference mode, as the linear classifier is fitted on the result.
    with torch.no_grad():
        for pictures, target in batches:
            maps = network.features(pictures)
            sums = sums or _PictureSums(maps.shape[1], classes)
            sums.add(network, head, maps, target)
            means.append(maps.mean(dim=(2, 3)).double())
            labels.append(target)
    if sums is None or not (some or sums.count.all()):
        missing = list(range(classes)) if sums is None else np.flatnonzero(sums.count == 0).tolist()
        msg = f"the data has no sample of class {missing[0]}; every class needs some to be weighed"
        raise ConfigError(msg)
    if head.weights is not None:  # the weights of the classifier itself (CAM)
        return sums.tables(head.weights.double().numpy())
    linear = _linear_classifier(torch.cat(means), torch.cat(labels), classes)
    return sums.tables(np.where(sums.count > 0, linear, 0))


class Sums:
    """Sums over the samples of each class, float64 so that the order of adding hardly matters.

    Attributes:
        error: growth of the error when a filter is blocked, [C, K].
        energy: the same divided by the energy of the filter's map, [C, K].
        excitation: of the maps, [C, K].
        baseline: the error of the whole network, [K].
        count: samples, int64 [K].
    """

    def __init__(self, filters: int, classes: int) -> None:
        self.error = torch.zeros(filters, classes, dtype=torch.float64)
        self.energy = torch.zeros_like(self.error)
        self.excitation = torch.zeros_like(self.error)
        self.baseline = torch.zeros(classes, dtype=torch.float64)
        self.count = torch.zeros(classes, dtype=torch.int64)


class _PictureSums(Sums):
    """Sums whose samples are pictures."""

    def add(self, network: Network, head: Head, maps: Tensor, labels: Tensor) -> None:
        """Add a batch: F float32 [N, C, h, w], labels int64 [N]."""
        logits = network.classifier(maps)
        error = functional.cross_entropy(logits, labels, reduction="none")
        if head.weights is not None:
            blocked = _errors_less(logits, maps.mean(dim=(2, 3)), head.weights, labels)
        else:
            means = maps.mean(dim=(2, 3), keepdim=True)
            blocked = _errors_blocked(network, means if head.pooled else maps, labels)
        growth = blocked - error
        squares = maps.double().square().sum(dim=(2, 3)).T
        # If a filter is silent on a sample, blocking it changes nothing: 0 / 0 is 0.
        per_energy = torch.where(squares > 0, growth / squares.clamp_min(1e-300), 0)
        self.error.index_add_(1, labels, growth.double())
        self.energy.index_add_(1, labels, per_energy)
        self.excitation.index_add_(1, labels, maps.double().mean(dim=(2, 3)).T)
        self.baseline.index_add_(0, labels, error.double())
        self.count.index_add_(0, labels, torch.ones_like(labels))

    def tables(self, linear: NDArray[np.float64]) -> Tables:
        """Return the means."""
        count = self.count.clamp_min(1)
        return Tables(
            error=(self.error / count).numpy(),
            baseline=(self.baseline / count).numpy(),
            energy=(self.energy / count).numpy(),
            excitation=(self.excitation / count).numpy(),
            linear=linear,
            count=self.count.numpy(),
        )


def _errors_blocked(network: Network, maps: Tensor, labels: Tensor) -> Tensor:
    """Return the error of each sample with each filter blocked, float32 [C, N]."""
    at_once = max(1, AT_ONCE // maps.numel())
    rows = []
    for some in torch.arange(maps.shape[1]).split(at_once):
        blocked = maps.repeat(len(some), 1, 1, 1, 1)
        blocked[torch.arange(len(some)), :, some] = 0
        logits = network.classifier(blocked.flatten(0, 1))
        target = labels.repeat(len(some))
        rows.append(functional.cross_entropy(logits, target, reduction="none"))
    return torch.cat(rows).view(maps.shape[1], -1)


def _errors_less(logits: Tensor, means: Tensor, weights: Tensor, labels: Tensor) -> Tensor:
    """Return the same for logits [N, K] that are means [N, C] times weights [C, K], plus a bias."""
    at_once = max(1, AT_ONCE // logits.numel())
    rows = []
    for some in torch.arange(means.shape[1]).split(at_once):
        less = logits - means.T[some, :, None] * weights[some, None]
        target = labels.repeat(len(some))
        rows.append(functional.cross_entropy(less.flatten(0, 1), target, reduction="none"))
    return torch.cat(rows).view(means.shape[1], -1)


def _linear_classifier(means: Tensor, labels: Tensor, classes: int) -> NDArray[np.float64]:
    """Fit multinomial logistic regression on spatial means; return its weights float64 [C, K].

    Zhou et al. 2016, "Learning deep features for discriminative localization" (CAM).
    """
    spread = means.std(dim=0).clamp_min(1e-12)
    inputs = (means - means.mean(dim=0)) / spread
    weight = torch.zeros(means.shape[1], classes, dtype=torch.float64, requires_grad=True)
    bias = torch.zeros(classes, dtype=torch.float64, requires_grad=True)
    solver = torch.optim.LBFGS(
        [weight, bias], max_iter=1000, tolerance_grad=1e-8, line_search_fn="strong_wolfe"
    )

    def loss() -> Tensor:
        solver.zero_grad()
        error = functional.cross_entropy(inputs @ weight + bias, labels)
        total = error + 0.5 * _RIDGE * weight.square().sum()
        total.backward()
        return total

    solver.step(loss)
    fitted: NDArray[np.float64] = (weight.detach() / spread[:, None]).numpy()
    return fitted
