"""What the program that measures a scheduler hands out goes the way of pictures."""

import sys
from pathlib import Path

import pytest
from no_op_tasks import measure


@pytest.mark.skipif(sys.platform != "linux", reason="processes are looked at as Linux shows them")
def test_tasks_that_do_nothing_are_counted_in_three_processes(tmp_path: Path) -> None:
    """`benchmarks/no_op_tasks.py` has thousands."""
    seen = measure(1, 200, 20, tmp_path)
    assert [each.name for each in seen] == ["scheduler", "parent", "worker"]
    for each in seen:
        assert each.tasks[-1] == 199
        assert each.cpu[-1] > each.cpu[0]
        assert len(each.cells().split(" | ")) == 3
