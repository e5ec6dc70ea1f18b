"""A fully convolutional network for text, whose trunk was trained on photographs."""

from torch import nn

from .efficientnet_lite import EfficientNetLite0
from .network import Network, convolution
from .text import Pyramid, halved

FILTERS = 64
_WIDE = 64  # channels of the pyramid
_WIDTHS = (24, 40, 112, 160, 160)


class TextLarge(Network):
    """`TextNet` with the trunk of EfficientNet-lite0 down to stride 16.

    Strides 32 and 64, the pyramid and the head are not from EfficientNet. The trunk pads more below
    and on the right, so each of its levels lies in another frame. The training has moved the cells
    of F to where those of `TextNet` are.
    """

    def __init__(self, classes: int) -> None:
        trunk = EfficientNetLite0().features
        own = halved(112, 160, 3, 4), halved(160, 160, 3, 4)
        stages = (trunk[5:7], trunk[7:9], trunk[9:15], *own)
        last = nn.Sequential(*convolution(_WIDE, FILTERS, 3))
        features = Pyramid(trunk[:5], stages, _WIDTHS, _WIDE, last)
        super().__init__(features, nn.Conv2d(FILTERS, classes, 1), offset=2.0)
