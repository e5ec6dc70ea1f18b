"""The table of detectors."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from competitors import Variant


@dataclass(frozen=True)
class Speed:
    """CPU seconds per megapixel on one thread, and their ratio to ours in the same measurement."""

    seconds: float
    times_ours: float


@dataclass
class Row:
    """A line of the table.

    Attributes:
        variant: whose boxes.
        note: says which pictures it has seen, if not all.
        missing: why there are no numbers.
        sets: scores by name of the set.
        speed: where measured.
        about: what the detector said about itself.
    """

    variant: Variant
    note: str = ""
    missing: str = ""
    sets: dict[str, dict[str, Any]] = field(default_factory=dict)
    speed: Speed | None = None
    about: dict[str, Any] = field(default_factory=dict)


def table(rows: Sequence[Row]) -> str:
    """Return the Markdown table of all rows, rates in percent."""
    head = (
        "detector", "boxes", "IC13 IoU H", "IC13 DetEval P / R / **H**", "IC13 pixel F",
        "IC15 IoU H", "IC15 DetEval P / R / **H**", "IC15 pixel F", "TD500 IoU H (lines)",
        "false alarms", "CPU s/MP", "times ours", "weights",
    )  # fmt: skip
    lines = [f"| {' | '.join(head)} |", "|---" * len(head) + "|"]
    lines += [f"| {' | '.join(_cells(row))} |" for row in rows]
    return "\n".join(lines) + "\n"


def _cells(row: Row) -> list[str]:
    title = f"{row.variant.title}{f' ({row.note})' if row.note else ''}"
    if row.missing:
        return [title, row.variant.boxes, f"missing: {row.missing}", *[""] * 10]
    cells = [title, row.variant.boxes]
    for name in ("icdar2013_train", "icdar2015_train"):
        one = row.sets.get(name)
        cells += [_rates(one, "icdar2015"), _rates(one, "deteval", full=True), _rates(one, "pixel")]
    cells.append(_rates(row.sets.get("msra_td500_train"), "icdar2015"))
    backgrounds = row.sets.get("backgrounds")
    cells.append(f"{100 * backgrounds['false_alarms']:.1f} %" if backgrounds else "")
    cells += [f"{row.speed.seconds:.2f}", f"{row.speed.times_ours:.1f}"] if row.speed else ["", ""]
    size = row.about.get("weights_bytes")
    return [*cells, "" if size is None else f"{size / 1e6:.1f} MB"]


def _rates(one: Mapping[str, Any] | None, protocol: str, *, full: bool = False) -> str:
    if one is None:
        return ""
    score = one[protocol]["score"]
    h = f"**{100 * score['h']:.1f}**"
    if not full:
        return h
    return f"{100 * score['precision']:.1f} / {100 * score['recall']:.1f} / {h}"
