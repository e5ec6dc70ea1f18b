"""`locpipe train` for the text network: a config in, a model folder and a report out."""

from __future__ import annotations

from pathlib import Path

from ....stages.errors import ConfigError
from ..train import CHECKPOINT_FILE
from .card import write_model
from .config import TextTrainConfig
from .train import Trained, train
from .validate import Rendered

__all__ = ["train_text"]


def train_text(config: TextTrainConfig, *, resume: bool) -> str:
    """Train; keep the model that was best on rendered pictures; return what was measured of it.

    Raises:
        ConfigError: fonts, words or backgrounds are missing, or the folder holds another training.
        OutputError: the output folder cannot be written.
    """
    _require_room(config.output, resume=resume)

    rendered = Rendered(config.render, config.validation.pictures)

    def keep(now: Trained) -> None:
        if now.curve[-1]["iou_h"] >= max(record["iou_h"] for record in now.curve):
            write_model(config, now)

    curve = train(config, rendered, resume=resume, keep=keep).curve
    best = max(curve, key=lambda record: (record["iou_h"], record["step"]))
    return (
        f"rendered pictures at step {best['step']}: IoU H of words {best['iou_h']:.3f}, "
        f"F of cores {best['core_f']:.3f}"
    )


def _require_room(folder: Path, *, resume: bool) -> None:
    if not resume and any((folder / name).exists() for name in (CHECKPOINT_FILE, "model.yaml")):
        msg = f"{folder} holds a training; go on with it by --resume, or choose another --output"
        raise ConfigError(msg)
