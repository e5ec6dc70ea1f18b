"""The environment variable that has locpipe compute in float32, whatever a config asks for."""

import os

from .errors import ConfigError

PRECISION = "LOCPIPE_PRECISION"
"""Environment variable: `float32` has runs and training compute in float32 on any processor."""


def float32_only() -> bool:
    """Say whether `LOCPIPE_PRECISION` asks for float32, whatever configs and processors allow.

    Raises:
        ConfigError: it is set to anything else.
    """
    asked = os.environ.get(PRECISION, "")
    if asked not in ("", "float32"):
        msg = f"${PRECISION} is {asked!r}; set it to float32, or unset it to follow the config"
        raise ConfigError(msg)
    return asked == "float32"
