"""`locpipe weigh` for digits: writes the tables of a model, and reports them."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch

from ....stages.errors import ModelError
from ....stages.heatmap import filter_weights
from ....stages.models.card import ModelCard
from ....stages.models.loading import Model, find_model, load_model, load_network, read_card
from ..ablation import weigh
from ..card import made_with, require_weights, write_tables
from ..watched import watched
from .loop import batch
from .mnist import CLASSES, Digits, read_mnist

_BATCH = 1000


def weigh_digits(name_or_path: str, data: Path | None) -> str:
    """Measure a model's tables on the MNIST training digits, write them, return the report.

    Raises:
        ModelError: there is no such model, or it is not one of digits.
        ConfigError: there is no MNIST.
        OutputError: the folder of the model cannot be written.
    """
    folder = find_model(name_or_path)
    card = read_card(folder)
    _require_digits(folder, card)
    # Otherwise the number of cores would change the order of additions, and so the last digits.
    torch.set_num_threads(1)
    network = load_network(folder)
    digits = read_mnist(data, train=True)
    tables = weigh(network, _batches(digits), len(card.classes))
    about = {"data": "MNIST, 60,000 training digits", **made_with("torch")}
    write_tables(folder, card, vars(tables), about)
    return report(load_model(folder))


def report(model: Model) -> str:
    """Return a table of dE[i, c] and the `paper` weight of every filter, and where signs differ."""
    paper = filter_weights(model, model.card.classes[0], weights="paper")[0][1]
    changes = sign_changes(model)
    names = model.card.classes
    lines = ["filter" + "".join(f"{name:>9}" for name in names) + "    paper  sign differs for"]
    for i, (row, weight) in enumerate(zip(model.tables.error, paper, strict=True)):
        cells = "".join(f"{value:9.4f}" for value in row)
        lines.append(f"{i:6}{cells}{weight:9.4f}  {' '.join(changes[i])}".rstrip())
    counts = f"{sum(map(bool, changes))} of {len(changes)} filters change sign"
    lines.append(f"{counts} between `paper` and `class` for at least one class")
    return "\n".join(lines)


def sign_changes(model: Model) -> tuple[tuple[str, ...], ...]:
    """Return for every filter the classes whose `class` and `paper` weights differ in sign."""
    names = model.card.classes
    paper = filter_weights(model, names[0], weights="paper")[0][1]
    by_class = [filter_weights(model, name, weights="class")[0][1] for name in names]
    differs = np.sign(np.stack(by_class, axis=1)) != np.sign(paper)[:, None]
    return tuple(
        tuple(name for name, other in zip(names, row, strict=True) if other) for row in differs
    )


def _require_digits(folder: Path, card: ModelCard) -> None:
    shape = (card.input.channels, card.input.height, card.input.width)
    if shape != (1, 28, 28) or card.classes != CLASSES:
        msg = (
            f"{folder} tells {len(card.classes)} classes apart on pictures of {shape}; "
            "`locpipe weigh` measures on MNIST, so it needs ten digits on (1, 28, 28); for another "
            "model give labelled pictures, one folder per class: --data DIR"
        )
        raise ModelError(msg)
    require_weights(folder, card)


def _batches(digits: Digits) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    order = torch.arange(len(digits.labels)).split(_BATCH)
    for index in watched(order, "weighing", len(order), "batches"):
        yield batch(digits, index)
