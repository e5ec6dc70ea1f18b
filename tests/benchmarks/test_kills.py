"""Runs that are killed at random moments end with the bytes of an undisturbed run."""

import random
import shutil
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from kills import WAYS, Trial, plan, report, run_trials
from power_loss import compiler

pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="LD_PRELOAD is of Linux"),
    pytest.mark.skipif(compiler() is None, reason="there is no C compiler"),
    pytest.mark.skipif(shutil.which("tesseract") is None, reason="tesseract is not installed"),
]


def test_five_kills_are_survived_with_identical_bytes(tmp_path: Path) -> None:
    """One of each way; `benchmarks/kills.py` does hundreds."""
    trials = plan(5, random.Random(1))
    assert {trial.way for trial in trials} == set(WAYS)
    assert {trial.config for trial in trials} == {"text", "digits", "multi-page"}
    assert any(trial.reading for trial in trials)
    done = run_trials(trials, tmp_path)
    assert [trial for trial in done if not trial.same] == []
    assert len(done) == 5


def test_most_moments_lie_among_the_results_and_the_report_says_so() -> None:
    trials = plan(200, random.Random(0))
    assert sum(trial.moment > 0 for trial in trials) >= 0.7 * len(trials)
    assert {(trial.config, trial.way) for trial in trials} == {
        (config, way) for config in ("text", "digits", "multi-page") for way in WAYS
    }
    done = [replace(trial, same=True, starts=2) for trial in trials]
    told = report([*done[:-1], Trial("text", "SIGINT", 0.5)], 200)
    assert "identical" in told
    assert "in 199 of 200" in told
