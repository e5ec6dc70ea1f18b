"""Heads that pool one map per class into a score, so that labels of whole pictures train the map.

A head is a 1x1 convolution from the trunk's filters to `maps` maps per class, and a pooling of
these maps. z `[N, K * maps, h, w]` are the maps, those of a class one after the other. s `[N, K]`
are the scores.
"""

import ast
import inspect
from collections.abc import Callable

import torch
from torch import Tensor, nn

from ..errors import ModelError
from .network import Network


class Pooling(nn.Module):
    """Pools z `[N, K * maps, h, w]` to s `[N, K]`."""

    maps = 1
    """Maps per class."""

    def class_map(self, z: Tensor) -> Tensor:
        """Return the mean of the maps of each class, `[N, K, h, w]` (WILDCAT, equation 1)."""
        together: Tensor = z.unflatten(1, (-1, self.maps)).mean(dim=2)
        return together

    def forward(self, z: Tensor) -> Tensor:
        """Return the scores `[N, K]` of z."""
        return self._pool(self.class_map(z).flatten(2))

    def _pool(self, z: Tensor) -> Tensor:
        """Return the score `[N, K]` of values `[N, K, positions]`."""
        raise NotImplementedError


class Max(Pooling):
    """s = max z: Oquab et al. 2015, "Is object localization for free?"."""

    def _pool(self, z: Tensor) -> Tensor:
        return z.amax(dim=2)


class Mean(Pooling):
    """s = mean z: global average pooling, Lin et al. 2013, CAM by Zhou et al. 2016."""

    def _pool(self, z: Tensor) -> Tensor:
        return z.mean(dim=2)


class LogSumExp(Pooling):
    """s = 1/beta * log(mean(exp(beta * z))): Pinheiro and Collobert 2015, equation 3.

    It lies between the mean (beta to 0) and the maximum (beta to infinity).
    """

    def __init__(self, beta: float = 5.0) -> None:
        super().__init__()
        _require(beta > 0, f"beta={beta}", "a number above 0")
        self.beta = beta

    def _pool(self, z: Tensor) -> Tensor:
        # In float32: the 8 bits of bfloat16 are too few for the mean of many exponentials.
        z = z.float()
        count = torch.tensor(float(z.shape[2]), device=z.device)
        return (torch.logsumexp(self.beta * z, dim=2) - count.log()) / self.beta


class Weldon(Pooling):
    """s = mean of the k_max highest + mean of the k_min lowest: Durand et al. 2016, equation 3.

    `weldon(1, 1)` is the score of MANTRA (Durand et al. 2015, equation 1). A k below 1 is a share
    of the positions, and 0 leaves that side out.
    """

    def __init__(self, k_max: float = 3, k_min: float = 3) -> None:
        super().__init__()
        for name, k in (("k_max", k_max), ("k_min", k_min)):
            _require(k >= 0 and (k < 1 or k == int(k)), f"{name}={k}", _SHARE)
        _require(k_max > 0, f"k_max={k_max}", _SHARE)
        self.k_max, self.k_min = k_max, k_min

    def _pool(self, z: Tensor) -> Tensor:
        return _top_mean(z, self.k_max) - _top_mean(-z, self.k_min)


class Wildcat(Pooling):
    """s = mean of the k highest + alpha * mean of the k lowest of the mean of a class's maps.

    Durand et al. 2017, "WILDCAT", equations 1 and 2; the defaults are those of their training on
    VOC 2007. Their code halves the sum, their equation does not. A k below 1 is a share of the
    positions.
    """

    def __init__(self, maps: int = 8, alpha: float = 0.7, k: float = 0.2) -> None:
        super().__init__()
        _require(maps >= 1 and maps == int(maps), f"maps={maps}", "a whole number above 0")
        _require(0 <= alpha <= 1, f"alpha={alpha}", "a number from 0 to 1")
        _require(k > 0 and (k < 1 or k == int(k)), f"k={k}", _SHARE)
        self.maps, self.alpha, self.k = maps, alpha, k

    def _pool(self, z: Tensor) -> Tensor:
        return _top_mean(z, self.k) - self.alpha * _top_mean(-z, self.k)


POOLINGS: dict[str, Callable[..., Pooling]] = {
    "max": Max,
    "gap": Mean,
    "lse": LogSumExp,
    "weldon": Weldon,
    "wildcat": Wildcat,
}
_SHARE = "a number of positions, or a share of them below 1"


def parse_pooling(text: str) -> Pooling:
    """Return the pooling of a text such as `max` or `wildcat(maps=4, alpha=0.7, k=0.2)`.

    Raises:
        ModelError: there is no pooling of that name, or it does not take these arguments.
    """
    try:
        tree = ast.parse(text.strip(), mode="eval").body
        call = tree if isinstance(tree, ast.Call) else ast.Call(tree, [], [])
        name = call.func.id if isinstance(call.func, ast.Name) else ""
        given = [ast.literal_eval(argument) for argument in call.args]
        named = {str(word.arg): ast.literal_eval(word.value) for word in call.keywords}
        return POOLINGS[name](*given, **named)
    except (SyntaxError, ValueError, TypeError, KeyError) as error:
        msg = f"head {text!r} is unknown; there are: {', '.join(map(_usage, POOLINGS))}"
        raise ModelError(msg) from error


class PooledClassifier(nn.Sequential):
    """F `[N, C, h, w]` to scores `[N, K]` by a 1x1 convolution and a pooling."""

    def __init__(self, filters: int, classes: int, pooling: Pooling) -> None:
        super().__init__(nn.Conv2d(filters, classes * pooling.maps, 1), pooling)

    def class_weights(self) -> tuple[Tensor, Tensor]:
        """Return W `[C, K]` and b `[K]` of the class maps: z_c = sum_i W_ic * F_i + b_c."""
        convolution, pooling = self
        assert isinstance(convolution, nn.Conv2d)
        assert convolution.bias is not None
        both = torch.cat([convolution.weight[:, :, 0, 0], convolution.bias[:, None]], dim=1)
        of_class = both.unflatten(0, (-1, pooling.maps)).mean(dim=1)
        return of_class[:, :-1].T.contiguous(), of_class[:, -1].contiguous()


def with_head(trunk: Network, classes: int, head: str) -> Network:
    """Return a network with the features of `trunk` and a new head.

    Raises:
        ModelError: there is no such head.
    """
    classifier = PooledClassifier(trunk.channels(), classes, parse_pooling(head))
    return Network(trunk.features, classifier, offset=trunk.offset).eval()


def _top_mean(z: Tensor, k: float) -> Tensor:
    """Return the mean of the k highest of `[N, K, positions]`: at least one, unless k is 0."""
    positions = z.shape[2]
    if k == 0:
        return z.new_zeros(z.shape[:2])
    count = max(1, round(k * positions)) if k < 1 else min(int(k), positions)
    return z.topk(count, dim=2, sorted=False).values.mean(dim=2)


def _require(holds: bool, given: str, wanted: str) -> None:  # noqa: FBT001 - it reads as an assert
    if not holds:
        msg = f"head: {given} is not allowed; give {wanted}"
        raise ModelError(msg)


def _usage(name: str) -> str:
    parameters = inspect.signature(POOLINGS[name]).parameters.values()
    names = [one.name for one in parameters if one.kind is one.POSITIONAL_OR_KEYWORD]
    return f"{name}({', '.join(names)})" if names else name
