"""locpipe: AdGAP heatmaps, masks and boxes for directories of photographs.

The names below are loaded when they are first used: `import locpipe` alone takes no time.

    import locpipe

    result = locpipe.localize("bus_stop.jpg")
    for box in result.boxes.items:
        print(box.rect, box.score)
"""

from importlib import import_module
from importlib.metadata import version
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .pipeline.api import RunReport, localize, read, run
    from .pipeline.config.sections import Config
    from .pipeline.output.failures import Failure
    from .stages.errors import ConfigError, ImageError, LocpipeError, ModelError, OutputError
    from .stages.geometry.box import Box, Boxes
    from .stages.heatmap import Heatmap
    from .stages.load import Image
    from .stages.localize import Result
    from .stages.threshold import Mask

__all__ = [
    "Box",
    "Boxes",
    "Config",
    "ConfigError",
    "Failure",
    "Heatmap",
    "Image",
    "ImageError",
    "LocpipeError",
    "Mask",
    "ModelError",
    "OutputError",
    "Result",
    "RunReport",
    "__version__",
    "localize",
    "read",
    "run",
]

__version__ = version("locpipe")

_HOMES = {
    ".pipeline.api": ("RunReport", "localize", "read", "run"),
    ".pipeline.config.sections": ("Config",),
    ".pipeline.output.failures": ("Failure",),
    ".stages.geometry.box": ("Box", "Boxes"),
    ".stages.errors": ("ConfigError", "ImageError", "LocpipeError", "ModelError", "OutputError"),
    ".stages.heatmap": ("Heatmap",),
    ".stages.localize": ("Result",),
    ".stages.load": ("Image",),
    ".stages.threshold": ("Mask",),
}
_HOME_OF = {name: module for module, names in _HOMES.items() for name in names}


def __getattr__(name: str) -> object:
    """Load a public name on first use (PEP 562)."""
    if name not in _HOME_OF:
        msg = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(msg)
    value = getattr(import_module(_HOME_OF[name], __name__), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
