"""Starts a narrower network from a wider one: channels are left out, the rest is fitted."""

from collections.abc import Callable, Iterable
from contextlib import ExitStack
from functools import partial

import torch
from torch import Tensor, nn

from ....stages.errors import ModelError
from ....stages.nets.text import Residual, TextNet

_EACH = 40_000  # positions per batch in a fit
_DAMPING = 1e-6
_AT_ONCE = 0.1  # share of the surplus channels that is left out before the next fit


@torch.no_grad()
def narrowed(wide: TextNet, narrow: TextNet, batches: Iterable[Tensor]) -> None:
    """Set the weights of a network so that it imitates a wider one of the same kind.

    Layers of the same shape are copied. An inverted residual that is wider inside loses channels, a few
    at a time: those that its output needs least (backward elimination). Least squares then fit its last
    convolution anew (He et al. 2017, channel pruning). A dense convolution before F is parted into one per channel, its best approximation of
    rank 1, and a 1x1 convolution, fitted as well (Jaderberg et al. 2014).

    Args:
        wide: the network that is imitated, in evaluation mode.
        narrow: the network whose weights are set, in evaluation mode.
        batches: pictures float32 [N, 3, H, W] as the networks want them.

    Raises:
        ModelError: the networks have other stages.
    """
    pairs = list(zip(_residuals(wide), _residuals(narrow), strict=False))
    if len(_residuals(wide)) != len(_residuals(narrow)):
        msg = "start: the model has other stages; name one of a network with the same blocks"
        raise ModelError(msg)
    known, state = wide.state_dict(), narrow.state_dict()
    shapes = {name: values.shape for name, values in known.items()}
    same = {name: known[name] for name in state if shapes.get(name) == state[name].shape}
    narrow.load_state_dict(state | same)
    dense, parted = _last(wide), _last(narrow)
    seen = _inputs([*(one for one, _ in pairs), dense], wide, batches)
    for (one, other), inputs in zip(pairs, seen[:-1], strict=True):
        if _convolution(one.branch, 0).out_channels > _convolution(other.branch, 0).out_channels:
            _narrow(one.branch, other.branch, inputs)
    if len(dense) != len(parted):
        _part(dense, parted, seen[-1])


def _residuals(network: nn.Module) -> list[Residual]:
    return [layer for layer in network.modules() if isinstance(layer, Residual)]


def _last(network: nn.Module) -> nn.Sequential:
    """Return the layers that give F."""
    *_, last = network.get_submodule("features.merges").children()
    assert isinstance(last, nn.Sequential)
    return last


def _convolution(layers: nn.Sequential, number: int) -> nn.Conv2d:
    layer = layers[number]
    assert isinstance(layer, nn.Conv2d)
    return layer


def _norm(layers: nn.Sequential, number: int) -> nn.BatchNorm2d:
    layer = layers[number]
    assert isinstance(layer, nn.BatchNorm2d)
    return layer


def _inputs(
    layers: list[nn.Module], network: nn.Module, batches: Iterable[Tensor]
) -> list[list[Tensor]]:
    """Return the input of each layer, one tensor per batch."""
    seen: list[list[Tensor]] = [[] for _ in layers]

    def note(kept: list[Tensor], _: nn.Module, given: tuple[Tensor, ...]) -> None:
        kept.append(given[0].detach().clone())

    with ExitStack() as hooks:
        for layer, kept in zip(layers, seen, strict=True):
            hooks.callback(layer.register_forward_pre_hook(partial(note, kept)).remove)
        for batch in batches:
            network(batch)
    return seen


def _positions(
    inputs: list[Tensor], first: Callable[[Tensor], Tensor], second: Callable[[Tensor], Tensor]
) -> tuple[Tensor, Tensor]:
    """Return the outputs of two layers at the same positions, float64 [n, C]."""
    random = torch.Generator().manual_seed(1)
    found: tuple[list[Tensor], list[Tensor]] = [], []
    for x in inputs:
        chosen: Tensor | None = None
        for layer, kept in zip((first, second), found, strict=True):
            rows = layer(x).movedim(1, -1).flatten(0, 2)
            if chosen is None:
                chosen = torch.randperm(len(rows), generator=random)[:_EACH]
            kept.append(rows[chosen].double())
    return torch.cat(found[0]), torch.cat(found[1])


def _narrow(wide: nn.Sequential, narrow: nn.Sequential, inputs: list[Tensor]) -> None:
    """Keep the inner channels of a branch that explain its output best."""
    inner, output = _positions(inputs, wide[:6], wide)
    kept = _explaining(inner, output, _convolution(narrow, 0).out_channels)
    known, state = wide.state_dict(), narrow.state_dict()
    for name, values in state.items():
        if name.split(".")[0] in ("0", "1", "3", "4") and values.ndim:
            values.copy_(known[name][kept])
    _fit(_convolution(narrow, 6), _norm(narrow, 7), inner[:, kept], output)


def _part(dense: nn.Sequential, parted: nn.Sequential, inputs: list[Tensor]) -> None:
    """Approximate a dense convolution by one per channel and a 1x1 convolution."""
    norm = _norm(dense, 1)
    assert norm.running_var is not None
    scale = norm.weight / (norm.running_var + norm.eps).sqrt()
    scaled = _convolution(dense, 0).weight * scale[:, None, None, None]
    weights = scaled.movedim(1, 0).flatten(2)  # [in, out, 9]
    _, strength, right = torch.linalg.svd(weights, full_matrices=False)
    kernels = right[:, 0] * strength[:, :1].sqrt()
    apart = _convolution(parted, 0)
    apart.weight.copy_(kernels.reshape(apart.weight.shape))
    _fit(_convolution(parted, 1), _norm(parted, 2), *_positions(inputs, apart, dense[:2]))


def _explaining(given: Tensor, wanted: Tensor, count: int) -> Tensor:
    """Return the indices of the `count` columns that predict the wanted ones best."""
    with_one = torch.cat([given, torch.ones(len(given), 1, dtype=given.dtype)], dim=1)
    inner, outer = with_one.T @ with_one / len(given), with_one.T @ wanted / len(given)
    inner += _DAMPING * torch.eye(len(inner), dtype=inner.dtype)
    kept = torch.arange(len(inner))
    while (excess := len(kept) - 1 - count) > 0:
        inverse = torch.linalg.inv(inner[kept][:, kept])
        lost = (inverse @ outer[kept]).square().sum(dim=1) / inverse.diagonal()
        lost[-1] = torch.inf  # the constant stays
        dropped = lost.argsort()[: max(1, int(_AT_ONCE * excess))]
        mask = torch.ones(len(kept), dtype=torch.bool)
        mask[dropped] = False
        kept = kept[mask]
    return kept[:-1]


def _fit(layer: nn.Conv2d, norm: nn.BatchNorm2d, given: Tensor, wanted: Tensor) -> None:
    """Set a 1x1 convolution and its batch norm so that they map `given` to `wanted`."""
    with_one = torch.cat([given, torch.ones(len(given), 1, dtype=given.dtype)], dim=1)
    solution = torch.linalg.lstsq(with_one, wanted, driver="gelsd").solution
    weights, constant = solution[:-1].T, solution[-1]
    answers = given @ weights.T
    assert norm.running_mean is not None
    assert norm.running_var is not None
    layer.weight.copy_(weights[:, :, None, None])
    norm.running_mean.copy_(answers.mean(dim=0))
    norm.running_var.copy_(answers.var(dim=0))
    norm.weight.copy_((answers.var(dim=0) + norm.eps).sqrt())
    norm.bias.copy_(answers.mean(dim=0) + constant)
