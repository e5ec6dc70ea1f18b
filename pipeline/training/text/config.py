"""The config of a training of the text network."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from ....stages.settings import Fraction, Positive, Section
from ...config.sections import UserPath
from ..scene_text.settings import Folders, Names, RenderSettings

Count = Annotated[int, Field(ge=1)]


class CropConfig(Section):
    """The crops of rendered pictures that the network sees."""

    side: Annotated[int, Field(ge=64, multiple_of=64)] = 384
    """Side of a crop as the network sees it, in pixels."""
    per_picture: Count = 4
    """Crops of each picture, in successive batches."""
    zoom: Annotated[tuple[Positive, Positive], Field(strict=False)] = (0.6, 2.4)
    """Least and largest enlargement of a crop, log-uniform."""
    on_words: Fraction = 0.7
    """Share of crops that contain a part of some word; the others lie anywhere."""


class ValidationConfig(Section):
    """Measurements during training. Rendered pictures decide, photographs are for the curve."""

    every: Count = 500
    """Steps."""
    pictures: Count = 48
    """Rendered pictures, from another seed than any that is trained on."""
    real: Annotated[tuple[UserPath, ...], Field(strict=False)] = ()
    """Folders of photographs with ground truth in `gt`, scored for the curve, never to choose."""
    real_every: Count = 2000
    """Steps."""
    real_pictures: Count = 40
    """Photographs of each folder, evenly spaced by name."""


class TextTrainConfig(Section):
    """A training of the text network."""

    kind: Literal["text"]
    """Tells this config from those of other networks."""
    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]+$")] = "text"
    """Name of the model."""
    output: UserPath = Path("out/models/text")
    """Folder of checkpoint, curve and model; created when missing."""
    architecture: str = "text"
    """A key of `stages.nets.NETWORKS` that classifies positions: `text`, `text-small` or `text-large`."""
    start: str | None = None
    """A model by name or folder, whose weights are the first; null: random. A `text` that starts a
    `text-small` is narrowed: the channels that explain most stay."""
    seed: Annotated[int, Field(ge=0)] = 1
    """Decides the first weights and the crops; pictures have their own, in `render`."""
    steps: Count = 100_000
    """Number of steps. A larger number later continues the same training."""
    batch_size: Count = 8
    """Crops per step."""
    learning_rate: Positive = 2e-3
    """Of AdamW, after the warm-up and before the decay."""
    warm_up: Count = 200
    """Steps until the learning rate has its full value."""
    half_life: Count = 5000
    """The learning rate is divided by sqrt(1 + step / half_life): good wherever it is stopped."""
    cool_down: Annotated[int, Field(ge=0)] = 2000
    """In the last so many steps the learning rate falls to 0, which is worth many more steps."""
    weight_decay: Annotated[float, Field(ge=0)] = 0.01
    """Of AdamW."""
    ema: Annotated[float, Field(gt=0, lt=1)] = 0.999
    """Decay per step of the average of the weights, which is what ships."""
    precision: Literal["fp32", "bf16"] = "bf16"
    """Of convolutions; weights, averages and the loss are always fp32."""
    device: Literal["auto", "cpu", "cuda"] = "auto"
    """`auto` takes a GPU where there is one."""
    threads: Count = 1
    """Torch threads. The same weights come out only with the same number, on a CPU."""
    workers: Annotated[int, Field(ge=0)] = 1
    """Processes that render; 0 renders in the training process."""
    checkpoint_minutes: Annotated[float, Field(ge=0)] = 4.0
    """Time between checkpoints."""
    crops: CropConfig = CropConfig()
    """What is cut from a rendered picture."""
    render: RenderSettings = RenderSettings(width=640, height=640)
    """Of the pictures trained on."""
    unlabelled: Folders = ()
    """Folders of photographs without truth. What teachers see on them is learned, and no file beside
    them is read."""
    teachers: Names = ("text", "text-large")
    """Models, by name or folder, whose mean answers for the unlabelled photographs."""
    taught: Fraction = 0.5
    """Share of crops of unlabelled photographs, where there are any; the rest is rendered."""
    validation: ValidationConfig = ValidationConfig()
    """What is measured while it trains."""
