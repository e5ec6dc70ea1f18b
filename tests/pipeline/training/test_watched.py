"""Long steps tell how far they are, on a terminal and elsewhere; a training, what is kept of it."""

import logging
import time
from pathlib import Path

import pytest
from click.testing import CliRunner
from tqdm import tqdm

from locpipe.pipeline.cli.main import main
from locpipe.pipeline.training import watched as module
from locpipe.pipeline.training.checkpoint import CHECKPOINT_FILE, tell_where
from locpipe.pipeline.training.text.teaching import ANSWERS_FOLDER
from locpipe.pipeline.training.watched import watched
from locpipe.stages.clock import lasting


@pytest.fixture
def said(caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    for name in ("locpipe.pipeline.training.watched", "locpipe.pipeline.training.checkpoint"):
        monkeypatch.setattr(logging.getLogger(name), "level", logging.INFO)
        logging.getLogger(name).addHandler(caplog.handler)
    return caplog.messages


def test_a_log_hears_soon_and_then_ever_more_seldom(
    caplog: pytest.LogCaptureFixture, said: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert said == []
    now = 0.0
    monkeypatch.setattr(time, "monotonic", lambda: now)
    for _ in watched(range(60), "weighing", 60):
        now += 1
    lines = list(dict.fromkeys(caplog.messages))
    assert lines[0] == "weighing: 5 of 60 pictures, 55 s left"
    assert [line.split()[1] for line in lines] == ["5", "15", "35"]


def test_a_short_step_says_nothing(caplog: pytest.LogCaptureFixture, said: list[str]) -> None:
    assert said == []
    assert list(watched("abc", "reading", 3)) == ["a", "b", "c"]
    assert caplog.messages == []


def test_a_terminal_has_a_bar(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:  # fmt: skip
    monkeypatch.setattr(module, "tqdm", lambda *a, **k: _SHOWN(*a, **{**k, "disable": False}))
    assert list(watched(range(3), "weighing", 3)) == [0, 1, 2]
    assert "weighing" in capsys.readouterr().err


_SHOWN = tqdm


@pytest.mark.parametrize(
    ("seconds", "words"), [(8, "8 s"), (300, "5 min"), (9000, "2.5 h")]
)  # fmt: skip
def test_how_long_is_told_for_people(seconds: float, words: str) -> None:
    assert lasting(seconds) == words


def test_a_training_says_where_it_begins(
    caplog: pytest.LogCaptureFixture, said: list[str], tmp_path: Path
) -> None:
    assert said == []
    tell_where(tmp_path, 0, 40, resume=False)
    tell_where(tmp_path, 0, 40, resume=True)
    tell_where(tmp_path, 7, 40, resume=True)
    assert list(dict.fromkeys(caplog.messages)) == [
        "40 steps to train",
        f"{tmp_path} has no checkpoint: beginning with the first of 40 steps",
        "going on after 7 of 40 steps",
    ]


@pytest.mark.parametrize(
    ("there", "kept"),
    [
        ("", "before the first checkpoint, so nothing is kept"),
        (ANSWERS_FOLDER, "before the first checkpoint, so only what the teachers said is kept"),
        (CHECKPOINT_FILE, "what was done is kept"),
    ],
)
def test_a_training_that_is_stopped_says_what_is_kept(
    there: str,
    kept: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The signal comes as from Ctrl-C while the pictures are read."""

    def stop(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("locpipe.pipeline.cli.train.train_images", stop)
    if there == CHECKPOINT_FILE:
        (tmp_path / there).touch()
    else:
        (tmp_path / there).mkdir(exist_ok=True)
    done = CliRunner().invoke(main, ["train", "heads", "--output", str(tmp_path)])
    assert done.exit_code == 130
    assert kept in done.stderr
    assert ("--resume" in done.stderr) == (there == CHECKPOINT_FILE)
