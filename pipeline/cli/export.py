"""`locpipe export`."""

import logging
from pathlib import Path

import click

from ...stages.errors import ExitCode
from ..config.exports import EXPORTS
from ..export.formats import FOLDER
from ..export.source import MaskOptions
from ..export.write import export as write
from ..output.archive import open_run
from ..output.layout import prepare_output, sweep
from ..output.lock import locked
from .options import RunFolder, incomplete_option, log_options, moved_option, tell

log = logging.getLogger(__name__)

EPILOG = (
    "\b\nFormats:\n"
    + "".join(f"  {name:<12} {text}\n" for name, text in EXPORTS.items())
    + """
\b
Examples:
  locpipe export results --to uzn
  locpipe export results --to page,alto --to crops
  locpipe export results --to masks --dilation 0.3 --bits 1
  locpipe export results --to coco --input where/the/pictures/are/now

\b
Exit codes: 0 all exported, 2 not a run, unfinished, or of another version, 3 some pictures are left
out (they failed, moved or changed; see the warnings), 6 not writable, 75 a run is at work."""
)


def _names(ctx: click.Context, param: click.Parameter, values: tuple[str, ...]) -> tuple[str, ...]:
    names = tuple(name for value in values for name in value.split(","))
    for name in names:
        if name not in EXPORTS:
            msg = f"{name!r} is none of {', '.join(EXPORTS)}"
            raise click.BadParameter(msg, ctx, param)
    return names


@click.command(epilog=EPILOG)
@click.argument("run", type=RunFolder())
@click.option("--to", "formats", callback=_names, multiple=True, required=True, metavar="FORMAT[,FORMAT]", help="What to write; repeatable.")  # fmt: skip
@moved_option
@click.option("--dilation", type=click.FloatRange(0, 10), help="Widen the masks by this share of the height of the text.  [default: 0.15]")  # fmt: skip
@click.option(
    "--bits", type=click.Choice(["1", "8"]), help="Bits per pixel of a mask.  [default: 8]"
)
@incomplete_option
@log_options
@click.pass_context
def export(
    ctx: click.Context,
    run: Path,
    formats: tuple[str, ...],
    pictures: Path | None,
    dilation: float | None,
    bits: str | None,
    *,
    incomplete: bool,
) -> None:
    """Write results for OCR and annotation tools.

    RUN is the output folder of `locpipe run`. The exports go to RUN/exports and replace earlier ones.
    """
    if "masks" not in formats and (dilation is not None or bits is not None):
        msg = f"--{'bits' if dilation is None else 'dilation'} is about masks; add --to masks"
        raise click.UsageError(msg)
    plain = MaskOptions()
    masks = MaskOptions(plain.dilation if dilation is None else dilation, int(bits or plain.bits))
    opened = open_run(run, pictures, incomplete=incomplete)
    with locked(run):
        prepare_output(run)
        sweep(run)
        left_out = write(opened, formats, masks=masks)
    for name in dict.fromkeys(formats):
        tell(f"{run / FOLDER / name}\t{EXPORTS[name]}")
    if opened.failures:
        failed = len({failure.path for failure in opened.failures})
        log.warning("%d pictures failed in the run and are %s (%s)", failed, "exported without the pages that failed" if incomplete else "not exported", run / "failures.jsonl")  # fmt: skip
    ctx.exit(ExitCode.INCOMPLETE if left_out or opened.failures else ExitCode.DONE)
