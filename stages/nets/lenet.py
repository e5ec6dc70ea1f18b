"""The network of the AdGAP paper, its Table 1."""

from torch import nn

from .network import Network


class LeNet(Network):
    """LeNet as in Table 1 of Ghosh et al., "AdGAP: Advanced Global Average Pooling".

    conv 5x5 1->6, max pool 2x2, conv 5x5 6->16, max pool 2x2, FC 784->120->84->classes, ReLU
    between; both convolutions keep the size. Trained on `[N, 1, 28, 28]`.
    """

    def __init__(self, classes: int) -> None:
        super().__init__(
            features=nn.Sequential(
                nn.Conv2d(1, 6, 5, padding=2),
                nn.ReLU(inplace=True),
                nn.MaxPool2d(2),
                nn.Conv2d(6, 16, 5, padding=2),
                nn.ReLU(inplace=True),
            ),
            classifier=nn.Sequential(
                nn.MaxPool2d(2),
                nn.Flatten(),
                nn.Linear(16 * 7 * 7, 120),
                nn.ReLU(),
                nn.Linear(120, 84),
                nn.ReLU(),
                nn.Linear(84, classes),
            ),
        )
