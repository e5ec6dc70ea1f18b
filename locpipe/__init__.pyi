# The public names and where they live: for type checkers, and for lazy_loader at run time.
from .pipeline.api import RunReport, boxes, localize, read, run
from .pipeline.config.sections import Config
from .pipeline.output.failures import Failure
from .pipeline.training.module import WeighedModel, load, weigh
from .stages.errors import ConfigError, ImageError, LocpipeError, ModelError, OutputError
from .stages.geometry.box import Box, Boxes
from .stages.heatmap import Heatmap
from .stages.load import Image
from .stages.localize import Result
from .stages.threshold import Mask
from .stages.version import __version__

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
    "WeighedModel",
    "__version__",
    "boxes",
    "load",
    "localize",
    "read",
    "run",
    "weigh",
]
