"""A process that works for too long on one picture is ended, and says where it hung."""

import subprocess
import sys
import time
from pathlib import Path

import pytest

from locpipe.pipeline.output.layout import prepare_output
from locpipe.pipeline.workers.time_limit import stage_where_it_hung, time_limit

HANG = """
import re, sys
from pathlib import Path
from locpipe.pipeline.watchdog import time_limit
with time_limit(0.3, Path(sys.argv[1]), "a.jpg"):
    # Backtracks for ever in C, without ever giving up the interpreter lock.
    re.match(r"(a|a)*$", "a" * 60 + "b")
"""


@pytest.fixture
def output(tmp_path: Path) -> Path:
    prepare_output(tmp_path)
    return tmp_path


def test_native_code_that_never_returns_is_ended(output: Path) -> None:
    done = subprocess.run([sys.executable, "-c", HANG, output], timeout=30, check=False)
    assert done.returncode == 1
    assert stage_where_it_hung(output, "other.jpg") is None
    assert stage_where_it_hung(output, "a.jpg") == "load"
    assert stage_where_it_hung(output, "a.jpg") is None


def test_the_innermost_frame_does_not_count_but_the_stage_does(output: Path) -> None:
    trace = 'Timeout (0:00:01)!\n  File "/x/numpy/load.py", line 3 in f\n  File "/x/stages/grid.py"'
    trace += (
        ', line 1 in g\n  File "/x/stages/infer.py", line 3 in h\n  File "/x/pipeline/bench.py"'
    )
    with time_limit(60, output, "a.jpg"):
        (file,) = (output / ".locpipe" / "tmp").iterdir()
    file.write_text(trace)
    assert stage_where_it_hung(output, "a.jpg") == "infer"


def test_in_time_nothing_happens_and_nothing_is_left(output: Path) -> None:
    with time_limit(0.2, output, "a.jpg"):
        pass
    with pytest.raises(ValueError, match="bad"), time_limit(0.2, output, "b.jpg"):
        raise ValueError(*["bad"])
    time.sleep(0.4)
    assert list((output / ".locpipe" / "tmp").iterdir()) == []
