"""Finished runs to read, and an output to write to."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from mnist_fixtures import digits, mnist, small_mnist
from run_fixtures import finished, finished_once, make_run, words

from locpipe.pipeline.output.layout import prepare_output

__all__ = [
    "digits",
    "finished",
    "finished_once",
    "make_run",
    "mnist",
    "output",
    "small_mnist",
    "words",
]


@pytest.fixture
def output(tmp_path: Path) -> Iterator[Path]:
    """A folder that is gone again before all JSON is held against the schema."""
    prepare_output(tmp_path / "out")
    yield tmp_path / "out"
    shutil.rmtree(tmp_path / "out")
