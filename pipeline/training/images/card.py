"""The model folder that a training on labelled pictures writes."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import torch
from safetensors.numpy import save as serialize_arrays
from torch import Tensor

from ....stages.models.card import Calibration, InputSpec, ModelCard
from ....stages.models.folder import TABLES_FILE
from ....stages.nets.head import takes_any_size
from ....stages.nets.pooling import PooledClassifier
from ....stages.paths import sha256_of
from ....stages.settings import Resolution
from ...config.defaults import CLASS_MAPS, uncalibrated
from ...output.atomic import write_whole
from ..ablation import weigh
from ..card import made_with, write_card, write_weights
from ..watched import watched
from .config import ImagesTrainConfig
from .data import Samples
from .loop import TrainedImages
from .measure import ImagesQuality
from .shown import Shown, shown

# Pictures per class for the AdGAP tables; `locpipe weigh` can use more.
_WEIGHED = 50
_BATCH = 10
_EXACT: tuple[Resolution, ...] = ("native", "atrous")  # both have the same values at the same cells


def write_model(config: ImagesTrainConfig, trained: TrainedImages, training: Samples) -> ModelCard:
    """Write weights, tables, calibrations of the class maps, and last the card.

    `training` are the samples of the training. If the network has one map per class, the table
    `linear` has the weights of these maps. Their calibration needs no fit: the training has made
    the maps logits.

    Raises:
        OutputError: the folder cannot be written.
    """
    network, folder = trained.network.requires_grad_(requires_grad=False), config.output
    files = write_weights(folder, network)
    tables = weigh(network, _batches(shown(training, config)), len(training.classes))
    calibrations: tuple[Calibration, ...] = ()
    if isinstance(network.classifier, PooledClassifier):
        linear, calibrations = _class_maps(network.classifier, training.classes, config)
        tables = replace(tables, linear=linear.double().numpy())
    write_whole(folder / TABLES_FILE, serialize_arrays(vars(tables)))
    card = ModelCard(
        schema="locpipe/model/1",
        name=config.name,
        description=f"{config.network}, trained on the labels of whole pictures",
        architecture=config.network,
        classes=training.classes,
        input=_input(config),
        files={**files, TABLES_FILE: sha256_of(folder / TABLES_FILE)},
        tables={"data": f"up to {_WEIGHED} training pictures of each class", **made_with("torch")},
        calibration={"data": "none: the logits of the class maps"} if calibrations else {},
        calibrations=calibrations,
        training=_training(config, training),
        quality={"validation": _quality(trained.quality, training.classes)},
        defaults=CLASS_MAPS if calibrations else uncalibrated(any_size=takes_any_size(network)),
    )
    write_card(folder, card)
    return card


def _class_maps(
    classifier: PooledClassifier, classes: tuple[str, ...], config: ImagesTrainConfig
) -> tuple[Tensor, tuple[Calibration, ...]]:
    """Return the weights [C, K] of the class maps, and how the maps become log-odds.

    With several labels, z is the log-odds of its class. With one label, the log-odds is z minus the
    mean z of the other classes. That is exact for two classes. For more it compares the class with
    a typical other class.
    """
    weights, biases = classifier.class_weights()
    slope = 1.0
    if not config.multi_label:
        weights, biases = weights - weights.mean(dim=1, keepdim=True), biases - biases.mean()
        slope = len(classes) / (len(classes) - 1)
    return weights, tuple(
        Calibration(
            weights="linear",
            resolution=resolution,
            polarity="normal",
            scale=1.0,
            label=name,
            slope=slope,
            intercept=slope * float(bias),
        )
        for resolution in _EXACT
        for name, bias in zip(classes, biases, strict=True)
    )


def _batches(pictures: Shown) -> Iterator[tuple[Tensor, Tensor]]:
    """Yield some samples of every class; a picture of several classes comes once per class."""
    some = [
        (index, label)
        for label in range(pictures.targets.shape[1])
        for index in torch.nonzero(pictures.targets[:, label])[:_WEIGHED, 0].split(_BATCH)
    ]
    for index, label in watched(some, "weighing", len(some), "batches"):
        yield pictures.batch(index), torch.full_like(index, label)


def _input(config: ImagesTrainConfig) -> InputSpec:
    return InputSpec(
        channels=1 if len(config.mean) == 1 else 3,
        width=config.size,
        height=config.size,
        object_size=config.size,
        mean=config.mean,
        std=config.std,
    )


def _training(config: ImagesTrainConfig, training: Samples) -> dict[str, Any]:
    """Return the settings of the training, without the private paths of this machine."""
    places = {"name", "output", "data", "validation", "weights"}
    counts = training.targets.sum(axis=0).tolist()
    return {
        "data": config.data.name,
        "pictures": dict(zip(training.classes, counts, strict=True)),
        "settings": config.model_dump(mode="json", exclude=places),
        **made_with("torch"),
    }


def _quality(quality: ImagesQuality, classes: tuple[str, ...]) -> dict[str, Any]:
    return {
        "pictures": len(quality.scores),
        "accuracy": quality.accuracy,
        "error": quality.error,
        "mean_average_precision": quality.mean_average_precision,
        "accuracy_per_class": dict(zip(classes, quality.per_class(), strict=True)),
    }
