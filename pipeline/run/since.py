"""`locpipe run --since WHEN`: reads the time."""

import re
from datetime import UTC, datetime, timedelta
from typing import Final

from ...stages.errors import ConfigError

_UNITS: Final = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


def moment_of(text: str, now: datetime) -> int:
    """Return a time in nanoseconds since 1970, the unit of file times.

    Args:
        text: a date or time in ISO 8601, in the local time zone unless it names one; or an age: a
            number followed by m, h, d or w.
        now: the present time.

    Raises:
        ConfigError: the text has another form.
    """
    try:
        if ago := re.fullmatch(r"(\d{1,6})([mhdw])", text):
            then = now - timedelta(**{_UNITS[ago[2]]: int(ago[1])})
        else:
            then = datetime.fromisoformat(text)
        return int(then.astimezone(UTC).timestamp()) * 10**9
    except (ValueError, OverflowError) as error:
        msg = f"--since {text}: write a date, a time such as 2026-11-28T14:00, or how long ago, such as 2d or 90m"
        raise ConfigError(msg) from error
