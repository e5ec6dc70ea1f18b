"""locpipe: AdGAP heatmaps, masks and boxes for directories of photographs."""

from importlib.metadata import version

__all__ = ["__version__"]

__version__ = version("locpipe")
