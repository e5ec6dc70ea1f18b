"""Packages that some settings need and that are not installed by default."""

import importlib
from importlib.util import find_spec
from typing import Any

from .errors import ConfigError, ImageError, LocpipeError


def plugin(module: str, extra: str, what: str, error: type[LocpipeError] = ImageError) -> Any:  # noqa: ANN401 - of any module
    """Import the module of an optional package.

    Raises:
        LocpipeError: the package is not installed; the class is `error`, and the message says what
            needs it (`what`).
    """
    try:
        return importlib.import_module(module)  # optional and large
    except ImportError as missing:
        msg = f"{what}, which needs an extra: pip install 'locpipe[{extra}]'"
        raise error(msg) from missing


def require_crf() -> None:
    """Check that the package of `refine.method: crf` is installed.

    Raises:
        ConfigError: it is missing; the message says how to install it.
    """
    if find_spec("pydensecrf") is None:
        msg = (
            "refine.method: crf needs the package pydensecrf2; install it with "
            "pip install 'locpipe[crf]', or choose grabcut"
        )
        raise ConfigError(msg)
