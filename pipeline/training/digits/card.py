"""The model folder that a training on digits writes."""

from ....stages.models.card import InputSpec, ModelCard
from ..card import made_with, write_card, write_weights
from ..checkpoint import CHECKPOINT_FILE
from .config import DigitsTrainConfig
from .loop import TrainedDigits
from .mnist import CLASSES


def write_model(config: DigitsTrainConfig, trained: TrainedDigits) -> ModelCard:
    """Write the result of a training as a model folder, the card last, and drop the checkpoint.

    Raises:
        OutputError: the folder cannot be written.
    """
    quality = trained.quality
    card = ModelCard(
        schema="locpipe/model/1",
        name=config.name,
        description="The network of the AdGAP paper (Table 1), trained on the digits of MNIST",
        architecture=config.architecture,
        classes=CLASSES,
        groups={"text": CLASSES},
        input=InputSpec(
            channels=1, width=28, height=28, object_size=20, mean=(0,), std=(1,), stretch=True
        ),
        files=write_weights(config.output, trained.network),
        training={
            "data": "MNIST, 60,000 training digits",
            "settings": config.model_dump(mode="json", exclude={"name", "output", "data"}),
            **made_with("torch"),
        },
        quality={
            "mnist_test": {
                "samples": len(quality.labels),
                "accuracy": quality.accuracy,
                "error": quality.error,
                "accuracy_per_class": dict(zip(CLASSES, quality.per_class(), strict=True)),
            }
        },
    )
    write_card(config.output, card)
    (config.output / CHECKPOINT_FILE).unlink(missing_ok=True)
    return card
