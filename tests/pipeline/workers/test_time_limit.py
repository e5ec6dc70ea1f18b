"""A process that works for too long on one picture is ended, and says at which stage it was."""

import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from locpipe.pipeline.output.layout import prepare_output
from locpipe.pipeline.workers.time_limit import (
    Ending,
    how_it_ended,
    running_file,
    time_limit,
    was_begun,
)
from locpipe.stages.clock import Clock

HANG = """
import os, re, sys, time
from pathlib import Path
from locpipe.pipeline.workers.time_limit import time_limit
from locpipe.stages.clock import Clock
with time_limit(0.5, Path(sys.argv[1]), "a.jpg") as limit:
    clock = Clock(limit.begin_stage, limit.begin_page)
    for page in range(int(sys.argv[3])):
        clock.begin_page(page + 1)
        time.sleep(0.3)
    with clock.stage("load"):
        pass
    with clock.stage("infer"):
        if sys.argv[2] == "die":
            os._exit(1)
        # Backtracks for ever in C, without ever giving up the interpreter lock.
        re.match(r"(a|a)*$", "a" * 60 + "b")
"""


LARGE = """
import sys, time
from pathlib import Path
from locpipe.pipeline.workers.time_limit import time_limit
from locpipe.stages.clock import Clock
with time_limit(0.5, Path(sys.argv[1]), "a.jpg") as limit:
    clock = Clock(limit.begin_stage, limit.begin_page, limit.restart)
    clock.begin_large(float(sys.argv[2]))
    time.sleep(1.5)
"""


@pytest.mark.parametrize(("times", "status"), [(1, 1), (20, 0)])
def test_a_large_page_has_more_time(output: Path, times: int, status: int) -> None:
    command: list[str | Path] = [sys.executable, "-c", LARGE, output, str(times)]
    assert subprocess.run(command, timeout=60, check=False).returncode == status


@pytest.fixture
def output(tmp_path: Path) -> Path:
    prepare_output(tmp_path)
    return tmp_path


@pytest.mark.parametrize(("how", "is_timeout"), [("hang", True), ("die", False)])
@pytest.mark.parametrize("pages", [0, 5])
def test_a_process_that_ends_leaves_the_page_the_stage_and_why(
    output: Path, how: str, pages: int, *, is_timeout: bool
) -> None:
    """Native code that never returns is ended, too; pages together may take longer than the limit."""
    command: list[str | Path] = [sys.executable, "-c", HANG, output, how, str(pages)]
    done = subprocess.run(command, timeout=60, check=False)
    assert done.returncode == 1
    assert how_it_ended(output, "other.jpg") is None
    expected = Ending("infer", is_timeout=is_timeout, page=pages or None)
    assert how_it_ended(output, "a.jpg") == expected
    assert how_it_ended(output, "a.jpg") is None


def test_before_the_first_stage_a_picture_is_loaded(output: Path) -> None:
    running_file(output, "a.jpg").touch()
    assert how_it_ended(output, "a.jpg") == Ending("load", is_timeout=False)
    running_file(output, "a.jpg").write_text("write\npage-3\n")
    assert how_it_ended(output, "a.jpg") == Ending("load", is_timeout=False, page=3)


def test_in_time_nothing_happens_and_nothing_is_left(output: Path) -> None:
    with time_limit(0.2, output, "a.jpg") as limit, Clock(limit.begin_stage).stage("infer"):
        assert running_file(output, "a.jpg").read_text() == "infer\n"
    with pytest.raises(ValueError, match="bad"), time_limit(0.2, output, "b.jpg"):
        raise ValueError(*["bad"])
    time.sleep(0.4)
    assert list((output / ".locpipe" / "tmp").iterdir()) == []


def test_a_picture_that_a_dead_worker_had_is_known_and_one_of_a_slow_worker_is_waited_for(
    output: Path,
) -> None:
    """A slow one goes on to the next stage, or is at its end; the other one may be stuck."""
    assert not was_begun(output, "a.jpg", 60)
    running_file(output, "a.jpg").write_text("infer\n")
    assert was_begun(output, "a.jpg", 60)
    how_it_ended(output, "a.jpg")

    found: list[bool] = []
    with time_limit(60, output, "a.jpg") as limit:
        asking = threading.Thread(target=lambda: found.append(was_begun(output, "a.jpg", 1)))
        asking.start()
        for stage in ("infer", "heatmap", "write"):
            time.sleep(0.6)
            limit.begin_stage(stage)
        assert found == []
    asking.join(10)
    assert found == [False]

    with time_limit(60, output, "b.jpg"):
        assert was_begun(output, "b.jpg", 0.3)
