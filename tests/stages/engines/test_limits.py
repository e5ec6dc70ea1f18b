"""Calls from Python leave the libraries' threads as they found them."""

from collections.abc import Iterator

import cv2
import pytest
import torch
from runs import run

import locpipe
from locpipe.pipeline.config.sections import Config
from locpipe.stages.engines.limits import computing_with


@pytest.fixture(autouse=True)
def as_found() -> Iterator[None]:
    before = torch.get_num_threads(), cv2.getNumThreads()
    yield
    torch.set_num_threads(before[0])
    cv2.setNumThreads(before[1])


def threads() -> tuple[int, int]:
    return torch.get_num_threads(), cv2.getNumThreads()


def test_inside_there_are_as_many_as_asked_for_and_one_of_opencv() -> None:
    cv2.setNumThreads(2)
    with computing_with(3):
        assert threads() == (3, 1)
    assert cv2.getNumThreads() == 2


def test_an_error_leaves_them_as_they_were_too() -> None:
    torch.set_num_threads(2)
    cv2.setNumThreads(2)
    with pytest.raises(ZeroDivisionError), computing_with(1):
        raise ZeroDivisionError
    assert threads() == (2, 2)


def test_neither_localize_nor_a_run_in_this_process_changes_them(config: Config) -> None:
    torch.set_num_threads(2)
    cv2.setNumThreads(2)
    locpipe.localize(config.input.path / "coffee.jpg", config)
    assert threads() == (2, 2)
    assert run(config, limit=1)["counts"]["done"] == 1
    assert threads() == (2, 2)
