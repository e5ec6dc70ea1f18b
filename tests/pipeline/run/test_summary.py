"""Counting outcomes, and quantiles without keeping what they are of."""

import time
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from locpipe.pipeline.run.summary import Durations, Tally, one_line, versions
from locpipe.pipeline.workers.messages import Outcome


@given(
    seconds=st.lists(st.floats(1e-6, 1e5), min_size=1), share=st.sampled_from([0.05, 0.5, 0.95, 1])
)
def test_quantiles_are_right_to_one_per_cent(seconds: list[float], share: float) -> None:
    durations = Durations()
    for each in seconds:
        durations.add(each)
    expected = np.quantile(seconds, share, method="inverted_cdf")
    assert durations.quantile(share) == pytest.approx(expected, rel=0.01)
    assert durations.summary()["total"] == pytest.approx(sum(seconds), abs=1e-6)


def test_nothing_measured_takes_no_time() -> None:
    assert Durations().summary() == {"p50": 0.0, "p95": 0.0, "total": 0.0}


def test_a_duration_of_zero_counts() -> None:
    durations = Durations()
    durations.add(0.0)
    assert durations.quantile(0.5) == pytest.approx(0, abs=1e-8)


def test_outcomes_add_up() -> None:
    tally = Tally()
    tally.add(Outcome("a", "done", "s", 1, 2, 100, {"infer": 1.0}, None, "w1", 5, "torch"))
    tally.add(Outcome("b", "done", "s", 1, 3, 200, {"infer": 3.0}, None, "w1", 4))
    tally.add(Outcome("c", "failed", failure=("load", "E", "m"), worker="w2", peak_memory=9))
    tally.add(Outcome("d", "failed", failure=("load", "WorkerDied", "m")))
    summary = tally.summary()
    assert tally.counts == {"done": 2, "failed": 2}
    assert (summary["boxes"], summary["pixels"]) == (5, 300)
    assert summary["engines"] == ["torch"]
    assert summary["peak_memory"] == {"w1": 5, "w2": 9}
    assert summary["stages"] == {"infer": {"p50": pytest.approx(1, rel=0.01), "p95": pytest.approx(3, rel=0.01), "total": 4.0}}  # fmt: skip


@pytest.mark.parametrize("jump", [1e6, -1e6])
def test_a_clock_that_jumps_changes_no_duration(
    jump: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    tally, now = Tally(), time.time
    monkeypatch.setattr(time, "time", lambda: now() + jump)
    time.sleep(0.01)
    assert 0.01 <= float(str(tally.summary()["seconds"])) < 60


def test_the_last_line_says_what_happened() -> None:
    counts = {"found": 8, "done": 3, "failed": 1, "kept": 1, "up_to_date": 2, "given_up": 1}
    report: dict[str, Any] = {
        "counts": counts,
        "boxes": 7,
        "seconds": 2.0,
        "pixels_per_second": 1_500_000,
        "ignored": {},
        "results_passed_over": [],
        "cut_by_boxes_max": {"pictures": 0, "boxes": 0},
        "filtered": {},
        "config": {"output": {"path": "out"}},
    }
    assert one_line(report) == (
        "3 pictures done, 1 failed, 3 were done before, 1 failed before and were left alone; "
        "7 boxes; 2.0 s, 1.5 megapixels/s: out"
    )
    report |= {"ignored": {".ppm": 1, "none": 2}, "cut_by_boxes_max": {"pictures": 1, "boxes": 9}}
    report["results_passed_over"] = ["/p/out"]
    report["config"] = {"output": {"path": "out"}, "boxes": {"max": 4}}
    report["filtered"] = {"min_contrast": 2, "min_height": 5}
    assert (
        "left alone; 3 files passed over: none 2, .ppm 1; results of runs passed over: /p/out; "
        "9 boxes of 1 pictures left out by boxes.max = 4 (raise it); "
        "boxes.keep turned boxes away: 2 by min_contrast, 5 by min_height; 7 boxes; 2.0 s"
    ) in one_line(report)


def test_the_last_line_of_a_run_with_nothing_to_do_counts_no_boxes() -> None:
    report: dict[str, Any] = {
        "counts": {"found": 2, "done": 0, "failed": 0, "kept": 0, "up_to_date": 2, "given_up": 0},
        "boxes": 0,
        "seconds": 0.1,
        "pixels_per_second": 0,
        "ignored": {},
        "results_passed_over": [],
        "cut_by_boxes_max": {"pictures": 0, "boxes": 0},
        "filtered": {},
        "config": {"output": {"path": "out"}},
    }
    assert one_line(report) == "0 pictures done, 0 failed, 2 were done before; 0.1 s: out"


def test_versions_name_what_may_change_a_result() -> None:
    assert {"locpipe", "python", "torch", "numpy", "opencv-python"} <= versions().keys()
