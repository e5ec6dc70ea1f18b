"""Network in Network: small perceptrons slide over the picture and give one map per class."""

from functools import partial

from torch import nn

from .network import Network, convolution
from .pooling import PooledClassifier, parse_pooling

# Kernel and widths of the layers of each block; Lin et al. use 192, 160, 96 and the like on CIFAR.
_BLOCKS = ((5, (32, 32, 24)), (5, (48, 48, 48)), (3, (48, 48)))


class NetworkInNetwork(Network):
    """Lin et al. 2013, "Network in Network": three mlpconv blocks and global average pooling.

    An mlpconv block is a convolution and two 1x1 convolutions, each with ReLU (their equation 2).
    Between blocks there is 2x2 max pooling and dropout 0.5. Batch norm, which the paper did not
    have yet, makes careful first weights unnecessary. The last 1x1 convolution gives one map per
    class. It has no ReLU, so that it can also speak against a class. Another head can replace it.
    Pictures have three `channels`, those of MNIST one.
    """

    def __init__(self, classes: int, channels: int = 3) -> None:
        layers: list[nn.Module] = []
        before = channels
        for kernel, widths in _BLOCKS:
            if layers:
                layers += nn.MaxPool2d(2), nn.Dropout()
            for index, width in enumerate(widths):
                layers += convolution(before, width, 1 if index else kernel)
                before = width
        head = PooledClassifier(before, classes, parse_pooling("gap"))
        super().__init__(nn.Sequential(*layers), head)


grey = partial(NetworkInNetwork, channels=1)
