"""`locpipe train` for the text network: makes a model folder and a report from a config."""

from collections.abc import Sequence

from ....stages.errors import ConfigError
from ..checkpoint import CHECKPOINT_FILE, Record
from .card import write_model
from .config import TextTrainConfig
from .loop import TrainedText, train
from .validate import Rendered


def train_text(config: TextTrainConfig, *, resume: bool) -> str:
    """Train; keep the model that was best on rendered pictures; return its measurements.

    If the settings of the renderer changed during training, only records on the present pictures
    count.

    Raises:
        ConfigError: fonts, words or backgrounds are missing, or the folder holds another training.
        OutputError: the output folder cannot be written.
    """
    folder = config.output
    if not resume and any((folder / name).exists() for name in (CHECKPOINT_FILE, "model.yaml")):
        msg = f"{folder} holds a training; go on with it by --resume, or choose another --output"
        raise ConfigError(msg)
    rendered = Rendered(config.render, config.validation.pictures)

    def keep(now: TrainedText) -> None:
        if now.curve[-1] is best_of(now.curve):
            write_model(config, now)

    best = best_of(train(config, rendered, resume=resume, keep=keep).curve)
    return (
        f"rendered pictures at step {best['step']}: IoU H of words {best['iou_h']:.3f}, "
        f"F of cores {best['core_f']:.3f}"
    )


def best_of(curve: Sequence[Record]) -> Record:
    """Return the best record that used the same rendered pictures as the last; of equals, the later."""
    same = [record for record in curve if record.get("rendered") == curve[-1].get("rendered")]
    return max(same, key=lambda record: (record["iou_h"], record["step"]))
