"""`locpipe evaluate`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from .evaluate import Frame
    from .score import Report, Score, Total

__all__ = ["evaluate"]

_PROTOCOLS = ("icdar2015", "deteval", "pixel")
_SCHEMA = "locpipe/evaluation/1"


@click.command(
    epilog="Example: locpipe evaluate results --truth icdar2015_train -o scores.json",
    context_settings={"help_option_names": ["-h", "--help"]},
)
@click.argument("run", type=click.Path(path_type=Path))
@click.option(
    "--truth",
    type=click.Path(path_type=Path),
    required=True,
    metavar="DIR",
    help="Ground truth: DIR/gt/NAME.txt or DIR/NAME.txt for every picture.",
)
@click.option(
    "--protocol",
    "protocols",
    type=click.Choice(_PROTOCOLS),
    multiple=True,
    default=_PROTOCOLS,
    help="May be given several times; all of them if not given.",
)
@click.option(
    "--frame",
    type=click.Choice(["upright", "stored"]),
    default="upright",
    show_default=True,
    help="Pixel grid that the ground truth refers to: EXIF orientation applied or not.",
)
@click.option("--join-lines", is_flag=True, help="Join the boxes of each text line first.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of a table.")
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Write totals and every picture's scores as JSON.",
)
def evaluate(
    run: Path,
    truth: Path,
    protocols: tuple[str, ...],
    frame: Frame,
    output: Path | None,
    *,
    join_lines: bool,
    as_json: bool,
) -> None:
    """Score the boxes that RUN, the output folder of `locpipe run`, holds against ground truth.

    Prints precision, recall and their harmonic mean H in percent over all pictures, with 95 %
    bootstrap intervals over pictures.
    """
    from dataclasses import asdict  # noqa: PLC0415 - start-up time

    from .evaluate import evaluate as score_run  # noqa: PLC0415 - start-up time

    report = score_run(run, truth, protocols=protocols, frame=frame, lines=join_lines)
    document = {
        "schema": _SCHEMA,
        "run": str(run),
        "truth": str(truth),
        "frame": frame,
        "join_lines": join_lines,
        **asdict(report),
    }
    if output is not None:
        _write(output, document)
    click.echo(json.dumps(document) if as_json else table(report))


def _write(file: Path, document: dict[str, Any]) -> None:
    from ...stages.errors import OutputError  # noqa: PLC0415 - start-up time

    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(document, indent=1) + "\n", encoding="ascii")
    except OSError as error:
        message = f"{file}: cannot write the scores ({error}); choose another -o"
        raise OutputError(message) from error


def table(report: Report) -> str:
    """The totals for people, in percent."""
    head = f"{len(report.pictures)} pictures"
    lines = [f"{head:<14}{'precision':^21}{'recall':^21}{'H':^21}".rstrip()]
    lines += [f"{name:<14}{_cells(total)}" for name, total in report.totals.items()]
    return "\n".join(lines)


def _cells(total: Total) -> str:
    return "".join(
        f"{_percent(total.score, rate)} [{_percent(total.low, rate)}, {_percent(total.high, rate)}]  "
        for rate in ("precision", "recall", "h")
    ).rstrip()


def _percent(score: Score, rate: str) -> str:
    return f"{100 * getattr(score, rate):5.1f}"
