"""The config of a training on labelled pictures."""

from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, field_validator, model_validator

from ....stages.errors import ModelError
from ....stages.nets.pooling import parse_pooling
from ....stages.settings import Fraction, Positive, Section
from ...config.sections import UserPath

Count = Annotated[int, Field(ge=1)]
Channels = Annotated[tuple[float, ...], Field(strict=False, min_length=1, max_length=3)]


class AugmentConfig(Section):
    """How training pictures are varied. Validation pictures are never varied."""

    flip: Fraction = 0.0
    """Chance that a picture is mirrored."""
    crop: Annotated[float, Field(gt=0, le=1)] = 1.0
    """Least share of the area that is cut out and enlarged to the whole; 1: never."""
    colour: Fraction = 0.0
    """Largest change of brightness, contrast and saturation."""


class ImagesTrainConfig(Section):
    """A training on pictures with known classes and without boxes."""

    kind: Literal["images"]
    """Tells this config from those of other networks."""
    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]+$")] = "images"
    """Name of the model."""
    output: UserPath = Path("out/models/images")
    """Folder of checkpoint, curve and model; created when missing."""
    data: UserPath
    """A folder with a folder of pictures for each class; a CSV file with the columns `file`
    (relative to it) and `labels` (separated by ;); or the idx files of MNIST, `mnist` for those at
    $LOCPIPE_DATA/mnist."""
    validation: UserPath | None = None
    """The same, for validation; null: every fifth picture of each class, sorted by name."""
    multi_label: bool = False
    """A picture may show several classes or none: each class is decided independently."""
    architecture: str = "nin"
    """A key of `stages.nets.NETWORKS`, or a backbone that `locpipe models backbones` lists."""
    head: str | None = None
    """A head on class maps that replaces the classifier: max, gap, lse(beta), weldon(k_max, k_min)
    or wildcat(maps, alpha, k); null: keep the classifier."""
    weights: str | None = None
    """First weights of a backbone, which needs a head: DEFAULT, another name of torchvision, or a
    file; null: random."""
    freeze: bool = False
    """Train the head only."""
    loss: Literal["log", "mantra"] = "log"
    """log: cross entropy (with `multi_label` one per class); mantra: a structured hinge, made for
    head weldon(1, 1)."""
    size: Count = 224
    """Pixels on both sides of the pictures that the network sees."""
    fit: Literal["stretch", "crop"] = "crop"
    """How a picture becomes square: stretched, or cut to its middle."""
    mean: Channels = (0.485, 0.456, 0.406)
    """A picture in 0..1 becomes (picture - mean) / std; as many as the network has channels."""
    std: Channels = (0.229, 0.224, 0.225)
    """See mean."""
    augment: AugmentConfig = AugmentConfig()
    """How training pictures are varied."""
    seed: Annotated[int, Field(ge=0)] = 1
    """Decides the first weights, the order of the pictures and how they are varied."""
    epochs: Count = 20
    """How often every picture is shown."""
    batch_size: Count = 32
    """Pictures per step; a remainder waits for the next epoch."""
    learning_rate: Positive = 1e-3
    """Of AdamW, at the first step."""
    schedule: Literal["constant", "cosine"] = "constant"
    """cosine: the learning rate falls to 0 over all epochs (Loshchilov and Hutter 2017)."""
    weight_decay: Annotated[float, Field(ge=0)] = 0.0
    """Of AdamW."""
    precision: Literal["fp32", "bf16"] = "fp32"
    """Of convolutions; weights and the loss are always fp32."""
    threads: Count = 1
    """Torch threads. The same weights come out only with the same number."""
    checkpoint_minutes: Annotated[float, Field(ge=0)] = 4.0
    """Minutes between checkpoints. A stop, and the end, always write one."""

    @field_validator("head")
    @classmethod
    def _known_head(cls, value: str | None) -> str | None:
        try:
            if value is not None:
                parse_pooling(value)
        except ModelError as error:
            raise ValueError(str(error)) from error
        return value

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if len(self.mean) != len(self.std) or len(self.mean) == 2:
            msg = f"mean has {len(self.mean)} and std {len(self.std)} values; give both 1 or 3"
            raise ValueError(msg)
        if not min(self.std) > 0:
            msg = f"std has {min(self.std)}, which pictures cannot be divided by; give numbers > 0"
            raise ValueError(msg)
        if self.weights is not None and self.head is None:
            msg = (
                f"weights ({self.weights}) of a backbone need a head, such as gap, for the classes"
            )
            raise ValueError(msg)
        return self

    @property
    def network(self) -> str:
        """The argument of `stages.nets.build`."""
        return f"{self.architecture} + {self.head}" if self.head else self.architecture
