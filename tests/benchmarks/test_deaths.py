"""Workers may die in a run, and no picture is lost or done twice."""

import sys
from dataclasses import replace
from pathlib import Path

import pytest
from deaths import die, report


@pytest.mark.skipif(sys.platform != "linux", reason="workers are found as Linux names them")
def test_two_deaths_lose_and_double_nothing(tmp_path: Path) -> None:
    """`benchmarks/deaths.py` has fifty."""
    ended = die(tmp_path, 2, 10)
    assert ended.whole, ended
    assert ended.deaths == 2
    assert "| exit code | 0 |" in report(ended, 2)
    lost = {**ended.counts, "done": ended.counts["done"] - 1}
    for other in (replace(ended, counts=lost), replace(ended, same=False), replace(ended, code=3)):
        assert not other.whole
