"""The training curve, Figure 1 of the AdGAP paper: numbers as JSON lines and a picture."""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ...stages.errors import ConfigError
from ..output.atomic import write_whole
from .checkpoint import Record

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def blank(width: float = 8, height: float = 3.2) -> Figure:
    """Return an empty figure; its width and height are in inches of 100 pixels.

    Call it before a training, so that it fails before any work is done.

    Raises:
        ConfigError: matplotlib is not installed.
    """
    try:
        # Late: slow and optional. Not pyplot, which has global state and looks for a screen.
        from matplotlib.figure import Figure  # noqa: PLC0415
    except ImportError as error:
        msg = "the training curve needs matplotlib: pip install 'locpipe[train]'"
        raise ConfigError(msg) from error
    return Figure(figsize=(width, height), layout="constrained")


def epoch_record(
    epoch: int, train: tuple[float, float], test: tuple[float, float]
) -> dict[str, float]:
    """Return the record of an epoch: mean error and accuracy in 0..1 of both parts."""
    values = {"train_error": train[0], "train_accuracy": train[1]}
    return {"epoch": epoch, **values, "test_error": test[0], "test_accuracy": test[1]}


def save_curve(folder: Path, curve: Sequence[Record], figure: Figure) -> None:
    """Write `curve.jsonl`, one line per record, and `curve.png`, its figure.

    Raises:
        OutputError: one of them cannot be written.
    """
    lines = "".join(json.dumps(record) + "\n" for record in curve)
    write_whole(folder / "curve.jsonl", lines.encode())
    picture = io.BytesIO()
    figure.savefig(picture, format="png", dpi=100)
    write_whole(folder / "curve.png", picture.getvalue())


def write_curve(folder: Path, curve: Sequence[Record]) -> None:
    """Write `curve.jsonl` and `curve.png`: error and accuracy over the epochs, as `epoch_record`.

    Raises:
        ConfigError: matplotlib is not installed.
        OutputError: a file cannot be written.
    """
    figure = blank()
    epochs = [record["epoch"] for record in curve]
    titles = {"error": "mean negative log-likelihood", "accuracy": "accuracy"}
    for axes, (measure, title) in zip(figure.subplots(1, 2), titles.items(), strict=True):
        for data in ("train", "test"):
            axes.plot(epochs, [record[f"{data}_{measure}"] for record in curve], "o-", label=data)
        axes.set(title=title, xlabel="epoch")
        axes.grid(alpha=0.3)
        axes.legend()
    save_curve(folder, curve, figure)
