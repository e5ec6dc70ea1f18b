"""The learning curve of a text training: numbers as JSON lines and a picture."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ..curve import blank, save_curve


def write_curve(folder: Path, curve: Sequence[dict[str, Any]]) -> None:
    """Write `curve.jsonl` and `curve.png`.

    Args:
        folder: where to.
        curve: one record per validation with `step`, `error`, `core_f` and `iou_h`, and `rendered`,
            by which its pictures are told from others; at some, under the name of a folder of
            photographs, a mapping from protocol to H.

    Raises:
        ConfigError: matplotlib is not installed.
        OutputError: a file cannot be written.
    """
    figure = blank(10, 3.6)
    left, right = figure.subplots(1, 2)
    steps = [record["step"] for record in curve]
    left.plot(steps, [record["error"] for record in curve], label="error")
    left.set(title="training error", xlabel="step")
    for name, title in (("core_f", "rendered, F of cores"), ("iou_h", "rendered, IoU H")):
        right.plot(steps, [record[name] for record in curve], label=title)
    real = [(record["step"], *item) for record in curve for item in record.items() if _real(item)]
    for name in sorted({name for _, name, _ in real}):
        points = [(step, scores["icdar2015"]) for step, other, scores in real if other == name]
        right.plot(*zip(*points, strict=True), "o--", label=f"{name}, IoU H")
    right.set(title="found, averaged weights", xlabel="step", ylim=(0, 1))
    for axes in (left, right):
        axes.grid(alpha=0.3)
        axes.legend(fontsize="small")
    save_curve(folder, curve, figure)


def _real(item: tuple[str, Any]) -> bool:
    return isinstance(item[1], dict)
