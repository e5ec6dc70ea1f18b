"""The precision that convolutions are computed in: what is asked for, and what the processor has."""

import os
from functools import cache
from pathlib import Path

from .errors import ConfigError
from .settings import Precision, PrecisionChoice

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


def precision_used(asked: PrecisionChoice) -> Precision:
    """Return the precision that a processor computes convolutions in where a config asks for `asked`.

    It is `bfloat16` only where the config asks for that, the processor has it, and
    `LOCPIPE_PRECISION` does not forbid it.

    Raises:
        ConfigError: `LOCPIPE_PRECISION` has an unknown value.
    """
    allowed = not float32_only() and has_bfloat16()
    return "bfloat16" if allowed and asked == "bfloat16" else "float32"


def has_bfloat16() -> bool:
    """Say whether this processor multiplies bfloat16 itself: emulated it would be slower."""
    return not {"avx512_bf16", "amx_bf16"}.isdisjoint(processor_flags())


@cache
def processor_flags() -> frozenset[str]:
    """Return what the processor can do, in the words of Linux; nothing on other systems."""
    try:
        lines = Path("/proc/cpuinfo").read_text("utf-8").splitlines()
    except OSError:
        return frozenset()
    flags = next((line for line in lines if line.startswith("flags")), "")
    return frozenset(flags.partition(":")[2].split())
