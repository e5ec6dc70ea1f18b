"""What a run says while it is at work."""

import io
import logging
import sys
import time
from collections.abc import Iterator
from dataclasses import replace

import pytest

from locpipe.pipeline.cli.logs import set_up_logging
from locpipe.pipeline.run import progress
from locpipe.pipeline.run.progress import Progress
from locpipe.pipeline.workers.messages import Outcome

DONE = Outcome("a.jpg", "done", pixels=2_000_000)
FAILED = Outcome("b.jpg", "failed", failure=("load", "ImageError", "cut short"))


class Listener(logging.Handler):
    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(record.getMessage())


@pytest.fixture
def said() -> Iterator[list[str]]:
    listener = Listener()
    before = progress.log.level
    progress.log.setLevel(logging.INFO)  # whatever a command set before
    progress.log.addHandler(listener)
    yield listener.lines
    progress.log.removeHandler(listener)
    progress.log.setLevel(before)


def test_a_failure_is_told_at_once(said: list[str]) -> None:
    with Progress(2, shown=False) as bar:
        bar.add(FAILED)
        bar.add(DONE)
    assert said == ["failed: 'b.jpg': cut short"]


def test_what_is_the_same_for_all_pictures_is_said_once(said: list[str]) -> None:
    of_all, own = "the graphics card is full", ("a.jpg is dark", "b.jpg is dark")
    with Progress(2, shown=False) as bar:
        for warning in own:
            bar.add(replace(DONE, warnings=(of_all, warning)))
    assert said == [of_all, *own]


def test_a_log_hears_now_and_then_how_far_it_is(
    said: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 1000.0
    monkeypatch.setattr(time, "monotonic", lambda: now)
    with Progress(10_000, shown=False) as bar:
        for _ in range(100):
            now += 10
            bar.add(DONE)
        for _ in range(2):
            now += 3600
            bar.add(DONE)
    assert len(said) == 18
    assert "102 of 10000 pictures, 0.7 pictures/min, " in said[-1]
    assert said[0] == "6 of 10000 pictures, 0.1 pictures/s, 0.2 MP/s, 0 failed, 27.8 h left"


def test_a_terminal_has_the_bar_instead(
    said: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(progress, "LINE_SECONDS", 0)
    with Progress(1, shown=True) as bar:
        bar.add(DONE)
    assert said == []
    assert "1/1" in capsys.readouterr().err


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_warning_under_the_bar_has_a_line_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    logger = logging.getLogger("locpipe")
    before = (logger.handlers, logger.propagate, logger.level)
    set_up_logging()
    try:
        with Progress(3, shown=True) as bar:
            bar.add(DONE)
            bar.add(Outcome("c.png", "done", warnings=("'c.png': nearly black",)))
            bar.add(FAILED)
    finally:
        logger.handlers, logger.propagate, logger.level = before
    # What is to be seen: a carriage return goes back to the beginning of a line.
    seen = [line.rpartition("\r")[2] for line in terminal.getvalue().split("\n")]
    assert seen[:2] == ["'c.png': nearly black", "failed: 'b.jpg': cut short"]
    assert seen[2].startswith("100%")
