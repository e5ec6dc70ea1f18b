"""`locpipe doctor`."""

import json

import click

from ..run.doctor import examine
from .options import log_options, read_config, tell


@click.command(epilog="Example: locpipe doctor text")
@click.argument("config", required=False)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@log_options
@click.pass_context
def doctor(ctx: click.Context, config: str | None, *, as_json: bool) -> None:
    """Print what locpipe finds on this machine, and what is wrong.

    With CONFIG, it also tries the model, the workers and the output. The last line is the verdict.
    The exit code is 1 if something is wrong.
    """
    findings = examine(read_config(config, ()).config if config else None)
    wrong = [finding.what for finding in findings if not finding.ok]
    if as_json:
        click.echo(json.dumps([vars(finding) for finding in findings]))
    else:
        for finding in findings:
            say = tell if finding.ok else click.echo
            say(f"{'ok   ' if finding.ok else 'WRONG'} {finding.what}: {finding.found}")
        say = click.echo if wrong else tell
        say(
            f"{len(wrong)} wrong: {', '.join(wrong)}"
            if wrong
            else "all is well: locpipe can work here"
        )
    ctx.exit(1 if wrong else 0)
