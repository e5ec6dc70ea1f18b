"""Packages that some settings need and that are not installed by default."""

from importlib.util import find_spec

from .errors import ConfigError


def require_crf() -> None:
    """See that the package of `refine.method: crf` is there.

    Raises:
        ConfigError: it is missing; the message says how to install it.
    """
    if find_spec("pydensecrf") is None:
        msg = (
            "refine.method: crf needs the package pydensecrf2; install it with "
            "pip install 'locpipe[crf]', or choose grabcut"
        )
        raise ConfigError(msg)
