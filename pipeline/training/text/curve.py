"""The learning curve of a text training: numbers as JSON lines and a picture."""

from collections.abc import Sequence
from pathlib import Path

from ..checkpoint import Record
from ..curve import blank, save_curve


def write_curve(folder: Path, curve: Sequence[Record]) -> None:
    """Write `curve.jsonl` and `curve.png`.

    There is one record per validation, with `step`, `error`, `core_f`, `iou_h` and `rendered`,
    which tells its pictures from others. Some records also have H by protocol, under the name of
    each folder of photographs.

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
    folders = {name for record in curve for name in record if isinstance(record[name], dict)}
    for name in sorted(folders):
        found = [record for record in curve if name in record]
        heights = [record[name]["icdar2015"] for record in found]
        right.plot([record["step"] for record in found], heights, "o--", label=f"{name}, IoU H")
    right.set(title="found, averaged weights", xlabel="step", ylim=(0, 1))
    for axes in (left, right):
        axes.grid(alpha=0.3)
        axes.legend(fontsize="small")
    save_curve(folder, curve, figure)
