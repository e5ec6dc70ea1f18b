"""Finished runs to read."""

from run_fixtures import _finished, finished, make_run, words

__all__ = ["_finished", "finished", "make_run", "words"]
