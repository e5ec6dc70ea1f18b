"""The version of locpipe, as installed."""

from importlib.metadata import version

__version__ = version("locpipe")
