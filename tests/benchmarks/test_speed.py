"""The arithmetic of the benchmark of whole processes."""

import sys
from pathlib import Path

import pytest
from competitors import Unavailable
from speed import _cpu, _measured


def test_a_picture_is_told_apart_from_the_start() -> None:
    pictures = [Path(f"{number}.jpg") for number in range(4)]
    assert _measured(lambda shown: 2 + 3 * len(shown), pictures) == (3.5, 3)


def test_what_a_process_starts_counts_too() -> None:
    busy = "sum(number * number for number in range(2_000_000))"
    child = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {busy!r}])"
    alone = _cpu([sys.executable, "-c", "pass"])
    assert _cpu([sys.executable, "-c", child]) > alone + 0.05


def test_a_process_that_fails_says_why() -> None:
    with pytest.raises(Unavailable, match="it is gone"):
        _cpu([sys.executable, "-c", "raise SystemExit('it is gone')"])
