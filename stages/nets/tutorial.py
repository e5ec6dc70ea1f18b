"""The small networks of the tutorial on global average pooling: one trunk, four classifiers."""

from functools import partial
from typing import Literal

from torch import Tensor, nn
from torch.nn import functional

from .network import Network, convolution

SIDE = 100
"""Pixels on both sides of the pictures that the fully connected classifiers fit."""
_WIDTHS = (32, 32, 64)
_DENSE = 100
_CELLS = SIDE // 2**3  # cells of the last block after its pooling, per side

Ending = Literal["fc", "dropout", "pool", "gap"]


class TutorialNet(Network):
    """Three blocks of 3x3 convolution, batch norm, ReLU, 2x2 max pool; then one of four endings.

    - `fc`: flatten, two dense layers of 100 units with batch norm and ReLU, output;
    - `dropout`: the same, dropout 0.5 after each dense layer;
    - `pool`: 2x2 average pool, flatten, output; the tutorial's code calls this GAP;
    - `gap`: true global average pooling, output (Lin et al. 2013, "Network in Network").

    The output has one unit less than there are classes, and the first class has the logit 0. For
    two classes, that is the one sigmoid unit of the tutorial, and cross entropy is its binary cross
    entropy. Pictures in training are `[N, 3, 100, 100]`; `gap` takes any size.
    """

    def __init__(self, classes: int, ending: Ending = "gap") -> None:
        super().__init__(
            features=nn.Sequential(
                *convolution(3, _WIDTHS[0], 3),
                nn.MaxPool2d(2),
                *convolution(_WIDTHS[0], _WIDTHS[1], 3),
                nn.MaxPool2d(2),
                *convolution(_WIDTHS[1], _WIDTHS[2], 3),
            ),
            classifier=nn.Sequential(nn.MaxPool2d(2), *_ENDINGS[ending](classes)),
        )


def _dense(before: int) -> tuple[nn.Module, ...]:
    return nn.Linear(before, _DENSE, bias=False), nn.BatchNorm1d(_DENSE), nn.ReLU()


def _fc(classes: int) -> tuple[nn.Module, ...]:
    layers = *_dense(_WIDTHS[-1] * _CELLS**2), *_dense(_DENSE)
    return nn.Flatten(), *layers, _Output(_DENSE, classes)


def _dropout(classes: int) -> tuple[nn.Module, ...]:
    flatten, *layers, output = _fc(classes)
    return flatten, *layers[:3], nn.Dropout(), *layers[3:], nn.Dropout(), output


def _pool(classes: int) -> tuple[nn.Module, ...]:
    cells = (_CELLS // 2) ** 2
    return nn.AvgPool2d(2), nn.Flatten(), _Output(_WIDTHS[-1] * cells, classes)


def _gap(classes: int) -> tuple[nn.Module, ...]:
    return nn.AdaptiveAvgPool2d(1), nn.Flatten(), _Output(_WIDTHS[-1], classes)


_ENDINGS = {"fc": _fc, "dropout": _dropout, "pool": _pool, "gap": _gap}


fc, dropout, pool = (partial(TutorialNet, ending=ending) for ending in ("fc", "dropout", "pool"))


class _Output(nn.Linear):
    """Logits of the classes; that of the first class is 0."""

    def __init__(self, before: int, classes: int) -> None:
        super().__init__(before, classes - 1)

    def forward(self, x: Tensor) -> Tensor:
        return functional.pad(super().forward(x), (1, 0))
