"""A finished run to look at."""

from run_fixtures import finished, finished_once

__all__ = ["finished", "finished_once"]
