"""`locpipe evaluate`."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from ..evaluation.evaluate import Frame
from ..evaluation.evaluate import evaluate as score_run
from ..evaluation.marks import evaluate_marks
from ..evaluation.protocols import TEXT_PROTOCOLS
from ..evaluation.score import Report, Score, Total
from ..evaluation.wsol.evaluate import evaluate_wsol
from ..evaluation.wsol.levels import Normalize
from ..evaluation.wsol.report import table as wsol_table
from ..output.atomic import write_named
from .options import RunFolder, log_options, tell

_WSOL = "wsol"
_SCHEMA = "locpipe/evaluation/1"


@click.command(
    epilog="Example: locpipe evaluate results --truth icdar2015_train -o scores.json",
    context_settings={"help_option_names": ["-h", "--help"]},
)
@click.argument("run", type=RunFolder())
@click.option(
    "--truth",
    "truths",
    type=click.Path(path_type=Path),
    multiple=True,
    metavar="PLACE",
    help="Ground truth; repeatable. Text: a folder with gt/NAME.txt or NAME.txt for every picture. wsol: a "
    "CSV (image,xmin,ymin,xmax,ymax[,label]), a folder of Pascal VOC XML, or a folder of masks.",
)
@click.option(
    "--marks",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Instead of ground truth, the marks.json that the report of the run saved.",
)
@click.option(
    "--protocol",
    "protocols",
    type=click.Choice([*TEXT_PROTOCOLS, _WSOL]),
    multiple=True,
    help="Repeatable; without it, all protocols for text. "
    + "".join(f"{name}: {counts}. " for name, counts in TEXT_PROTOCOLS.items())
    + "wsol: heatmaps, boxes and masks of objects, beside two baselines that have not seen the picture.",
)
@click.option(
    "--frame",
    type=click.Choice(["upright", "stored"]),
    default="upright",
    show_default=True,
    help="Pixel grid of the ground truth: with the EXIF orientation applied, or as stored.",
)
@click.option("--subset", is_flag=True, help="Score what was run, and say how many pictures of the truth were not.")  # fmt: skip
@click.option("--join-lines", is_flag=True, help="Text: join the boxes of each line first.")
@click.option(
    "--normalize",
    type=click.Choice(["minmax", "none"]),
    default="minmax",
    show_default=True,
    help="wsol: stretch the heat of every picture to 0..1, as is usual, or take it as it is.",
)
@click.option("--label", metavar="NAME", help="wsol: look only at boxes of this name.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of a table.")
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Write totals and every picture's scores as JSON.",
)
@log_options
def evaluate(
    run: Path,
    truths: tuple[Path, ...],
    marks: Path | None,
    protocols: tuple[str, ...],
    frame: Frame,
    normalize: Normalize,
    label: str | None,
    output: Path | None,
    *,
    join_lines: bool,
    subset: bool,
    as_json: bool,
) -> None:
    """Score the results of a run against ground truth, or by the marks of a person.

    RUN is the output folder of `locpipe run`. For text, the command prints precision, recall and
    their harmonic mean H of the boxes. For wsol, it prints MaxBoxAcc, MaxBoxAccV2, PxAP, pixel IoU
    and the pointing game, and mAP if both sides use the same labels. Boxes that a person has marked
    right or wrong in a report give precision. Together with places marked as missed, they give
    recall. All numbers are percent over all pictures, with 95 % bootstrap intervals over pictures.
    """
    _only(bool(truths) != bool(marks), "give either --truth or --marks")
    if marks is not None:
        _only(not (protocols or join_lines or label), "--marks needs no option but --json and -o")
        document, shown = _marks(run, marks)
    elif _WSOL in protocols:
        _only(
            protocols == (_WSOL,),
            "--protocol wsol stands alone: give the others to a second command",
        )
        _only(not join_lines, "--join-lines is not for --protocol wsol")
        document, shown = _wsol(run, truths, frame, normalize, label, subset=subset)
    else:
        _only(len(truths) == 1, "--truth can be given several times for --protocol wsol only")
        _only(label is None, "--label is for --protocol wsol only")
        _only(normalize == "minmax", "--normalize is for --protocol wsol only")
        document, shown = _text(
            run,
            truths[0],
            protocols or tuple(TEXT_PROTOCOLS),
            frame,
            lines=join_lines,
            subset=subset,
        )
    if output is not None:
        _write(output, document)
    if as_json:
        click.echo(json.dumps(document))
    else:
        tell(shown)


def _only(allowed: bool, otherwise: str) -> None:  # noqa: FBT001 - what is checked
    if not allowed:
        raise click.UsageError(otherwise)


def _text(
    run: Path, truth: Path, protocols: Sequence[str], frame: Frame, *, lines: bool, subset: bool
) -> tuple[dict[str, Any], str]:
    report = score_run(run, truth, protocols=protocols, frame=frame, lines=lines, subset=subset)
    document = {
        "schema": _SCHEMA,
        "run": str(run),
        "truth": str(truth),
        "frame": frame,
        "join_lines": lines,
        **asdict(report),
    }
    return document, table(report)


def _wsol(
    run: Path,
    truths: Sequence[Path],
    frame: Frame,
    normalize: Normalize,
    label: str | None,
    *,
    subset: bool,
) -> tuple[dict[str, Any], str]:
    report, left_out = evaluate_wsol(
        run, truths, frame=frame, normalize=normalize, label=label, subset=subset
    )
    document = {
        "schema": _SCHEMA,
        "run": str(run),
        "truth": [str(truth) for truth in truths],
        "frame": frame,
        "normalize": normalize,
        "label": label,
        "left_out": left_out,
        **asdict(report),
    }
    return document, wsol_table(report, left_out)


def _marks(run: Path, marks: Path) -> tuple[dict[str, Any], str]:
    report, counts = evaluate_marks(run, marks)
    document = {
        "schema": _SCHEMA,
        "run": str(run),
        "marks": str(marks),
        "counts": asdict(counts),
        **asdict(report),
    }
    return document, f"{table(report)}\n{counts}"


def _write(file: Path, document: dict[str, Any]) -> None:
    write_named(file, json.dumps(document, indent=1).encode("ascii") + b"\n")


def table(report: Report) -> str:
    """Return the totals for people, in percent."""
    head = f"{len(report.pictures)} pictures"
    lines = [f"{head:<14}{'precision':^21}{'recall':^21}{'H':^21}".rstrip()]
    lines += [f"{name:<14}{_cells(total)}" for name, total in report.totals.items()]
    if report.not_run:
        lines.append(f"not run, and so not scored: {report.not_run} pictures of the truth")
    return "\n".join(lines)


def _cells(total: Total) -> str:
    return "".join(
        f"{_percent(total.score, rate)} [{_percent(total.low, rate)}, {_percent(total.high, rate)}]  "
        for rate in ("precision", "recall", "h")
    ).rstrip()


def _percent(score: Score, rate: str) -> str:
    return f"{100 * getattr(score, rate):5.1f}"
