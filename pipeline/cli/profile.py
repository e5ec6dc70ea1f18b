"""`locpipe profile`."""

import json
import logging
from typing import Any

import click

from ...stages.errors import ExitCode
from ..run.advice import Profile, advise
from ..run.profile import measure
from .options import config_argument, input_option, log_options, read_config, set_option, tell

log = logging.getLogger(__name__)

_SCHEMA = "locpipe/profile/1"
EPILOG = """\b
Examples:
  locpipe profile text --input photos
  locpipe profile my.yaml --limit 20 --json

\b
Exit codes: 0 measured, 2 usage or config, 3 some pictures failed, 4 no picture, 5 model, 1 internal
error."""


@click.command(epilog=EPILOG)
@config_argument
@set_option
@input_option
@click.option("--limit", type=click.IntRange(min=1), default=5, show_default=True, metavar="N", help="Process at most N pictures.")  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of a table.")
@log_options
@click.pass_context
def profile(
    ctx: click.Context,
    config: str,
    assignments: tuple[str, ...],
    input_: str | None,
    limit: int,
    *,
    as_json: bool,
) -> None:
    """Measure on a few pictures where the time of a run goes, and give advice.

    One process does the work of a worker of `locpipe run CONFIG`, but writes nothing. The command
    prints time and share of each stage. It compares the network with a matrix product on this
    processor. A run also hashes and writes files; these times are not measured.
    """
    settings = read_config(config, assignments, {"--input": input_}).config
    found, failed = measure(settings, limit)
    if found is None and not failed:
        log.error("no picture at %s; give another --input", settings.input.path)
        ctx.exit(ExitCode.NO_PICTURE)
    if found is not None and as_json:
        click.echo(json.dumps(document(found, failed)))
    elif found is not None:
        tell(table(found))
    ctx.exit(ExitCode.INCOMPLETE if failed else ExitCode.DONE)


def document(found: Profile, failed: int) -> dict[str, Any]:
    """Return what `--json` prints: shares in percent, memory in bytes, megapixels of the pages."""
    pixels = found.pixels
    return {
        "schema": _SCHEMA,
        "pages": found.pages,
        "failed": failed,
        "megapixels": pixels.own / 1e6,
        "megapixels_shown": pixels.shown / 1e6,
        "megapixels_computed": pixels.padded / 1e6,
        "engine": found.engine,
        "precision": found.precision,
        "threads": found.threads,
        "stages": [
            {
                "stage": stage,
                "seconds": seconds,
                "share": found.share(stage),
                "ms_per_megapixel": 1e9 * seconds / pixels.own,
            }
            for stage, seconds in found.seconds.items()
        ],
        "start_up_cpu_seconds": found.start_up,
        "gmac_per_megapixel_shown": found.macs / 1e3,
        "gmac_per_megapixel": found.macs / 1e3 * pixels.padded / pixels.own,
        "gflop_per_second": found.flops / 1e9,
        "ceiling_gflop_per_second": found.ceiling / 1e9,
        "share_of_ceiling": 100 * found.flops / found.ceiling,
        "peak_memory": found.peak,
        "advice": advise(found),
    }


def table(found: Profile) -> str:
    """Return the same as a table for people."""
    pixels, per_megapixel = found.pixels, 1e9 / found.pixels.own
    lines = [f"{'stage':<10} {'seconds':>9} {'share':>8} {'ms per megapixel':>18}"]
    lines += [
        f"{stage:<10} {seconds:>9.3f} {found.share(stage):>6.1f} % {seconds * per_megapixel:>18.1f}"
        for stage, seconds in found.seconds.items()
    ]
    outside = found.total - found.seconds["infer"]
    threads = "1 thread" if found.threads == 1 else f"{found.threads} threads"
    facts = {
        "pages": f"{found.pages}, {pixels.own / 1e6:.2f} megapixels; shown to the network: {pixels.shown / 1e6:.2f}, with padding {pixels.padded / 1e6:.2f}",
        "network": f"{found.macs / 1e3:.2f} GMAC per megapixel that it computes, {found.macs / 1e3 * pixels.padded / pixels.own:.2f} per megapixel of the pages",
        "inference": f"{found.engine}, {found.precision}, {threads}: {found.flops / 1e9:.1f} GFLOP/s, {100 * found.flops / found.ceiling:.0f} % of a matrix product ({found.ceiling / 1e9:.1f} GFLOP/s)",
        "outside": f"{outside * per_megapixel:.1f} ms per megapixel",
        "start-up": f"{found.start_up:.1f} CPU s before the first picture",
        "memory": f"{found.peak / 2**20:.0f} MiB at the peak of this process",
    }
    lines += ["", *(f"{name:<10} {fact}" for name, fact in facts.items())]
    return "\n".join([*lines, "", *(f"- {line}" for line in advise(found))])
