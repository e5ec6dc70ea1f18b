"""What libraries in C write to stderr is caught, and nothing else changes."""

import os
import subprocess
import sys

import pytest

from locpipe.stages.decoding.lines import caught_lines


def test_lines_are_caught_once_each(capfd: pytest.CaptureFixture[str]) -> None:
    with caught_lines() as lines:
        os.write(2, b"bad code\n  bad code\n\nlibpng warning: so what\nworse \xff\n")
    assert lines == ["bad code", "worse \N{REPLACEMENT CHARACTER}"]
    os.write(2, b"after\n")
    assert capfd.readouterr().err == "after\n"


def test_stderr_comes_back_after_an_error(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(ZeroDivisionError), caught_lines():
        os.write(2, b"during\n" * (1 // 0))
    os.write(2, b"after\n")
    assert capfd.readouterr().err == "after\n"


def test_many_lines_stop_nothing() -> None:
    """A pipe holds 64 KB; what does not fit is lost, as C's streams lose it."""
    with caught_lines() as lines:
        for number in range(100_000):
            try:
                os.write(2, f"line {number}\n".encode())
            except BlockingIOError:
                break
    assert 1000 < len(lines) < 100_000


def test_a_closed_stderr_stays_closed() -> None:
    program = """
import os
from locpipe.stages.decoding.lines import caught_lines
with caught_lines() as lines:
    pass
try:
    os.fstat(2)
except OSError:
    print("closed", lines)
"""
    command = f'"{sys.executable}" - 2>&-'
    done = subprocess.run(command, input=program, shell=True, capture_output=True, text=True, check=True)  # fmt: skip
    assert done.stdout == "closed []\n"
