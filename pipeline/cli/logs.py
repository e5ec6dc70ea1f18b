"""Log lines on stderr, for people or for machines."""

import json
import logging
import sys
from contextlib import nullcontext
from datetime import UTC, datetime
from typing import Literal, TextIO

LogFormat = Literal["text", "json"]

STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "taskName"}


class _JsonLines(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        """Return one JSON object: time, level, message, and the fields of the event."""
        line = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "message": record.getMessage(),
            **{name: value for name, value in vars(record).items() if name not in STANDARD},
        }
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        return json.dumps(line)


class _Lines(logging.StreamHandler[TextIO]):
    def emit(self, record: logging.LogRecord) -> None:
        """Write a line above all progress bars."""
        bars = sys.modules.get("tqdm")  # not loaded if there are no bars
        with bars.tqdm.external_write_mode(self.stream) if bars else nullcontext():
            super().emit(record)


def set_up_logging(level: int = logging.INFO, log_format: LogFormat = "text") -> None:
    """Send only the log of locpipe to stderr, and allow or forbid progress bars."""
    handler = _Lines(sys.stderr)
    handler.setFormatter(_JsonLines() if log_format == "json" else logging.Formatter())
    logger = logging.getLogger(__package__.partition(".")[0])
    logger.handlers = [handler]
    logger.propagate = False
    logger.setLevel(level)
    if level > logging.INFO or log_format == "json":
        # Bars are only for terminals. Every bar asks this function.
        sys.stderr.isatty = lambda: False  # type: ignore[method-assign]


def is_quiet() -> bool:
    """Say whether only warnings and errors are wanted."""
    return not logging.getLogger(__package__.partition(".")[0]).isEnabledFor(logging.INFO)
