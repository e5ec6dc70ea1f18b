"""`locpipe run --since`: pictures that were changed before are left alone."""

import os
from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner
from PIL import Image
from run_fixtures import quick
from runs import counts, run

from locpipe.pipeline.cli.main import main
from locpipe.pipeline.config.sections import Config
from locpipe.pipeline.output.failures import read_failures
from locpipe.pipeline.run.options import Options
from locpipe.pipeline.run.preview import preview
from locpipe.pipeline.run.since import moment_of
from locpipe.pipeline.run.summary import one_line
from locpipe.stages.errors import ConfigError

NOW = datetime(2026, 11, 28, 12, tzinfo=UTC)
DAY = 86_400


def seconds(text: str) -> float:
    """Return how many seconds ago a moment was."""
    return NOW.timestamp() - moment_of(text, NOW) / 1e9


def test_a_moment_is_a_date_a_time_or_how_long_ago() -> None:
    assert [seconds(text) for text in ("90m", "12h", "2d", "3w")] == [5400, DAY / 2, 2 * DAY, 21 * DAY]  # fmt: skip
    assert seconds("2026-11-27T12:00+00:00") == DAY
    assert moment_of("2026-11-27", NOW) == datetime(2026, 11, 27).astimezone().timestamp() * 1e9


@pytest.mark.parametrize("text", ["", "yesterday", "2d ago", "-2d", "2026-13-01", "999999w"])
def test_another_text_is_refused_with_what_to_write(text: str) -> None:
    with pytest.raises(ConfigError, match=r"--since .*: write a date, a time such as"):
        moment_of(text, NOW)


@pytest.fixture
def config(tmp_path: Path) -> Config:
    """Of an old picture, an old one that is damaged, and a new one."""
    folder = tmp_path / "in"
    folder.mkdir()
    for name, days in {"old.png": 9, "new.png": 1}.items():
        Image.effect_noise((60, 40), 90).save(folder / name)
        os.utime(folder / name, (NOW.timestamp() - days * DAY,) * 2)
    (folder / "damaged.png").write_bytes(b"no picture")
    os.utime(folder / "damaged.png", (NOW.timestamp() - 9 * DAY,) * 2)
    return quick(folder, tmp_path / "out")


def test_older_pictures_are_left_alone_and_what_is_known_of_them_is_kept(config: Config) -> None:
    since = moment_of("2d", NOW)
    assert dict(preview(config, Options(since=since))) == {
        "damaged.png": "leave: older than --since",
        "new.png": "process: new",
        "old.png": "leave: older than --since",
    }
    report = run(config, since=since)
    assert counts(report)["done"] == 1
    assert ", 2 left for another run; " in one_line(report)
    report = run(config)
    assert counts(report)["done"] == 1
    assert "another run" not in one_line(report)
    forced = run(config, since=since, force=True)
    assert (counts(forced)["done"], counts(forced)["up_to_date"]) == (1, 1)
    (failure,) = read_failures(config.output.path / "failures.jsonl")
    assert failure.path == "damaged.png"


def test_the_command_takes_it(config: Config) -> None:
    words = [
        "run",
        "digits",
        "--input",
        str(config.input.path),
        "--output",
        str(config.output.path),
    ]
    told = CliRunner().invoke(main, [*words, "--dry-run", "--since", "2026-11-27"])
    assert told.stdout.count("older than --since") == 2
    refused = CliRunner().invoke(main, [*words, "--since", "soon"])
    assert refused.exit_code == 2
    assert "--since soon: write a date" in refused.stderr
