"""`locpipe weigh` on labelled pictures: measures the tables of any classifier."""

import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ....stages.errors import ConfigError, ModelError
from ....stages.models.backbone import BackboneSource
from ....stages.models.card import Backbone, ModelCard
from ....stages.models.loading import find_model, load_network, read_card
from ....stages.models.tables import Tables
from ....stages.nets import Network
from ....stages.nets.backbones import backbone_names
from ....stages.nets.head import read_head, takes_any_size
from ...config.defaults import uncalibrated
from ..ablation import weigh
from ..card import made_with, write_config, write_tables
from .labelled import Sample, batches, find_samples

# Larger tables are stored in half precision: samples do not give more than three digits.
_LARGE = 100_000


def source_of(name: str, weights: str | None, layer: str | None) -> Path | Backbone:
    """Return the model folder or the backbone of a name on the command line.

    Raises:
        ConfigError: weights or a layer are given for a model folder, which has its own.
        ModelError: there is neither.
    """
    given = weights is not None or layer is not None
    try:
        folder = find_model(name)
    except ModelError:
        if name not in backbone_names():
            raise
        return Backbone(backbone=name, weights=weights or "DEFAULT", layer=layer)
    if given:
        msg = f"{folder} is a model with weights and layer of its own: leave out --weights, --layer"
        raise ConfigError(msg)
    return folder


def weigh_folder(source: Path | Backbone, data: Path | None, output: Path | None) -> str:
    """Measure a model's tables on labelled pictures, write them, return a report.

    The pictures are in `data`, see `find_samples`. A backbone needs an `output`, the model folder to
    write. A model folder takes its own tables.

    Raises:
        ConfigError: something about the pictures is wrong, or an output is given or missing.
        ModelError: the model is missing or does not fit.
        OutputError: the output cannot be written.
    """
    if data is None:
        msg = "give labelled pictures, one folder per class: --data DIR"
        raise ConfigError(msg)
    folder = _output(source, output)
    card = read_card(source)
    samples = find_samples(data, card)
    network = load_network(source)
    started = time.perf_counter()
    tables = weigh(network, batches(samples, card.input), len(card.classes), some=True)
    seconds = time.perf_counter() - started
    if isinstance(source, Backbone):
        known = source.model_copy(update={"sha256": BackboneSource(source).weights_sha256()})
        card = card.model_copy(update={"name": folder.name, "backbone": known})
    proposed = uncalibrated(any_size=takes_any_size(network))  # calibrations are dropped
    card = card.model_copy(update={"defaults": proposed})
    about = {"data": f"{data.name}: {int(tables.count.sum())} pictures", **made_with("torch")}
    write_tables(folder, card, _stored(tables, network, card), about)
    return f"{_report(tables, samples, seconds)}\n{write_config(folder)}"


def _output(source: Path | Backbone, output: Path | None) -> Path:
    if isinstance(source, Path):
        if output not in {None, source}:
            msg = f"the tables of a model folder go into it ({source}): leave out --output"
            raise ConfigError(msg)
        return source
    if output is None:
        msg = f"weighing {source.backbone} makes a model folder: say where with --output DIR"
        raise ConfigError(msg)
    return output


def _stored(tables: Tables, network: Network, card: ModelCard) -> dict[str, NDArray[np.generic]]:
    """Return the arrays to store: small, and without weights that are in the network."""
    arrays: dict[str, NDArray[np.generic]] = dict(vars(tables))
    head = read_head(network.classifier, network.channels())
    if card.backbone and head.weights is not None:
        del arrays["linear"]
    return {
        name: values.astype(np.float16) if values.size > _LARGE else values
        for name, values in arrays.items()
    }


def _report(tables: Tables, samples: Sequence[Sample], seconds: float) -> str:
    filters, classes = tables.error.shape
    weighed = int((tables.count > 0).sum())
    mean = float(tables.baseline @ tables.count / tables.count.sum())
    share = float((tables.error @ tables.count > 0).mean())
    return (
        f"{len(samples)} pictures of {weighed} of {classes} classes, {filters} filters: "
        f"{len(samples) * filters:,} classifications with a filter blocked, {seconds:.0f} s\n"
        f"mean error {mean:.3f}; it grows without {share:.0%} of the filters"
    )
