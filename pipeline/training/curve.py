"""The training curve, Figure 1 of the AdGAP paper: numbers as JSON lines and a picture."""

import io
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ...stages.errors import ConfigError
from ..output.atomic import write_whole

__all__ = ["require_matplotlib", "write_curve"]


def require_matplotlib() -> None:
    """Fail now rather than after the training.

    Raises:
        ConfigError: matplotlib is not installed.
    """
    try:
        import matplotlib as mpl  # noqa: F401, PLC0415 - an optional extra
    except ImportError as error:
        msg = "the training curve needs matplotlib: pip install 'locpipe[train]'"
        raise ConfigError(msg) from error


def write_curve(folder: Path, curve: Sequence[dict[str, Any]]) -> None:
    """Write `curve.jsonl` and `curve.png`: error and accuracy over the epochs.

    Args:
        folder: where to.
        curve: one record an epoch with `epoch` and, for both of `train` and `test`, mean negative
            log-likelihood `<part>_error` and `<part>_accuracy` in 0..1.

    Raises:
        OutputError: one cannot be written.
    """
    # Not pyplot: that keeps global state and looks for a screen.
    from matplotlib.figure import Figure  # noqa: PLC0415 - slow, an optional extra

    lines = "".join(json.dumps(record) + "\n" for record in curve)
    write_whole(folder / "curve.jsonl", lines.encode())
    figure = Figure(figsize=(8, 3.2), layout="constrained")
    epochs = [record["epoch"] for record in curve]
    titles = {"error": "mean negative log-likelihood", "accuracy": "accuracy"}
    for axes, (measure, title) in zip(figure.subplots(1, 2), titles.items(), strict=True):
        for data in ("train", "test"):
            axes.plot(epochs, [record[f"{data}_{measure}"] for record in curve], "o-", label=data)
        axes.set(title=title, xlabel="epoch")
        axes.grid(alpha=0.3)
        axes.legend()
    picture = io.BytesIO()
    figure.savefig(picture, format="png", dpi=100)
    write_whole(folder / "curve.png", picture.getvalue())
