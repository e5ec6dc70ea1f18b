"""The config of a training on digits."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from ....stages.settings import Section
from ...config.sections import UserPath

Count = Annotated[int, Field(ge=1)]


class DigitsTrainConfig(Section):
    """The config of `locpipe train` for digits; the defaults are those of the AdGAP paper."""

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]+$")] = "digits"
    """Name of the model."""
    output: UserPath = Path("out/models/digits")
    """Folder of the model; created when missing."""
    data: UserPath | None = None
    """Folder with the four idx files of MNIST; null: $LOCPIPE_DATA/mnist, else a download."""
    architecture: Literal["lenet"] = "lenet"
    """The network of the paper's Table 1."""
    seed: Annotated[int, Field(ge=0)] = 1
    """Decides the first weights and the order of the samples."""
    epochs: Count = 10
    """Number of epochs, of `batches` batches each."""
    batches: Count = 200
    """Batches per epoch."""
    batch_size: Count = 300
    """Samples per batch."""
    learning_rate: Annotated[float, Field(gt=0)] = 1e-3
    """Learning rate of Adam at the first step."""
    decay: Annotated[float, Field(ge=0)] = 1e-5
    """The learning rate at a step is learning_rate / (1 + decay * step)."""
    threads: Count = 1
    """Torch threads. The same weights come out only with the same number."""
