"""The precision of convolutions: what a config asks for, and what the processor has."""

import os
from functools import cache
from pathlib import Path

from .errors import ConfigError
from .settings import Precision, PrecisionChoice

PRECISION = "LOCPIPE_PRECISION"
"""Environment variable: with `float32`, runs and training compute in float32 on any processor."""


def float32_only() -> bool:
    """Say whether `LOCPIPE_PRECISION` forces float32.

    Raises:
        ConfigError: the variable has any other value.
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
    """Say whether this processor multiplies bfloat16 in hardware. Emulation would be slower."""
    return not {"avx512_bf16", "amx_bf16"}.isdisjoint(processor_flags())


@cache
def processor_flags() -> frozenset[str]:
    """Return the flags of the processor, as Linux names them; none on other systems."""
    try:
        lines = Path("/proc/cpuinfo").read_text("utf-8").splitlines()
    except OSError:
        return frozenset()
    flags = next((line for line in lines if line.startswith("flags")), "")
    return frozenset(flags.partition(":")[2].split())
