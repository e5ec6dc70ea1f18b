"""The command line: `locpipe`.

Modules are imported when a command needs them, so that help and completion are fast.
"""

import importlib
import logging
import os
import select
import sys
from pathlib import Path
from typing import Any, Final

import click

from ...stages.errors import ConfigError, ExitCode, LocpipeError
from .logs import set_up_logging

log = logging.getLogger(__name__)

COMMANDS: Final = {
    "run": (".run:run", "Find text or objects on pictures; write masks and boxes."),
    "status": (".status:status", "Print the progress of a run."),
    "merge": (".merge:merge", "Join the parts of --part into one run."),
    "fetch": (".fetch:fetch", "Copy a run from a bucket to a folder."),
    "read": (".read:read", "Read the text in the boxes of a run with OCR."),
    "report": (".report:report", "Write a page that shows a run in a browser."),
    "show": (".show:show", "Draw heatmap, mask and boxes of one picture."),
    "export": (".export:export", "Write results for OCR and annotation tools."),
    "prune": (".prune:prune", "Remove results of pictures that are gone."),
    "models": (".models:models", "List, show and verify the models."),
    "config": (".config:config", "Show and check a config, or print its schema."),
    "profile": (".profile:profile", "Measure where the time of a run goes; give advice."),
    "doctor": (".doctor:doctor", "Check what locpipe finds on this machine."),
    "evaluate": (".evaluate:evaluate", "Score boxes against ground truth."),
    "train": (".train:train", "Train the network of a model."),
    "weigh": (".weigh:weigh", "Measure the AdGAP weights of a classifier."),
    "calibrate": (".calibrate:calibrate", "Turn the maps of a model into probabilities."),
    "render": (".render:render", "Render scene text with its truth."),
}


class Commands(click.Group):
    """Imports a command when it is called, and turns our errors into messages and exit codes."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """Return the names in the order in which a newcomer needs them."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - the same
        """Import one command."""
        if cmd_name not in COMMANDS:
            return None
        module, name = COMMANDS[cmd_name][0].split(":")
        # Commands are slow to import, and only one is called.
        command = getattr(importlib.import_module(module, __package__), name)
        assert isinstance(command, click.Command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 - the same
        """List the commands without importing any."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in COMMANDS.items()])

    def invoke(self, ctx: click.Context) -> Any:  # noqa: ANN401 - click's signature
        """Run a command. Only this method decides which message people read when it fails."""
        _open_closed_streams()
        set_up_logging()
        try:
            _check_working_directory()
            return super().invoke(ctx)
        except (click.ClickException, click.exceptions.Exit, click.Abort):
            raise
        except KeyboardInterrupt:
            ctx.exit(ExitCode.INTERRUPTED)
        except LocpipeError as error:
            log.error("%s", error, exc_info=_with_traceback())  # noqa: TRY400 - only with -v
            ctx.exit(error.exit_code)
        except Exception as error:
            if isinstance(error, BrokenPipeError) and _is_nobody_reading():
                raise  # click ends quietly
            advice = "" if _with_traceback() else "; run again with -v to see where"
            log.error("internal error: %r%s", error, advice, exc_info=_with_traceback())  # noqa: TRY400 - only with -v
            ctx.exit(ExitCode.INTERNAL)


def _open_closed_streams() -> None:
    """Open missing stdin, stdout and stderr: daemons and schedulers may start us without them.

    Otherwise the next file would get the free number, and libraries would write to it as stderr.
    """
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            # The lowest free number is that of the stream. Workers inherit it.
            nowhere = os.open(os.devnull, os.O_RDWR)
            os.set_inheritable(nowhere, True)  # noqa: FBT003 - the one argument there is
            setattr(sys, name, os.fdopen(nowhere, mode))


def _check_working_directory() -> None:
    """Check that the working directory exists. Without it, libraries end the process silently.

    Raises:
        ConfigError: the directory was removed.
    """
    try:
        Path.cwd()
    except FileNotFoundError as error:
        msg = "the working directory was removed; change to a folder that exists (cd) and run again"
        raise ConfigError(msg) from error


def _is_nobody_reading() -> bool:
    """Say whether stdout is a pipe whose other end is closed, as by `head`."""
    stdout = select.poll()
    stdout.register(sys.stdout.fileno(), 0)  # poll reports errors without being asked for them
    return bool(stdout.poll(0))


def _with_traceback() -> bool:
    return log.isEnabledFor(logging.DEBUG)


@click.group(
    cls=Commands,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Example: locpipe run text --input photos --output results",
)
@click.version_option(None, "--version", package_name="locpipe", message="%(prog)s %(version)s")
def main() -> None:
    """Find text and objects in photographs of any size with AdGAP heatmaps."""
