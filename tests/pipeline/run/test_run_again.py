"""One run after another, or beside it: what is skipped, redone, left alone."""

import json
import os
import shutil
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from filelock import FileLock
from runs import boxes, counts, run, with_

from locpipe.pipeline.config.sections import Config
from locpipe.pipeline.output.layout import prepare_output
from locpipe.pipeline.output.lock import LockedError
from locpipe.pipeline.run.options import Options
from locpipe.pipeline.run.preview import preview
from locpipe.pipeline.run.summary import one_line
from locpipe.stages.errors import OutputError
from locpipe.stages.models.card import ModelCard

Tree = Callable[[Path], dict[str, bytes]]


def test_a_second_run_has_nothing_to_do(config: Config, tree: Tree) -> None:
    run(config)
    before = tree(config.output.path)
    times = {file: file.stat().st_mtime_ns for file in config.output.path.rglob("boxes/**/*")}
    report = run(config)
    assert (report["exit_code"], counts(report)) == (0, {"found": 4, "up_to_date": 4})
    assert tree(config.output.path) == before
    assert {file: file.stat().st_mtime_ns for file in times} == times


def test_a_model_is_asked_once_what_it_supports(
    config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Cron starts many runs with nothing to do; to know a network's structure takes torch."""
    tried = []
    monkeypatch.setattr(ModelCard, "supports", lambda card, _: tried.append(card.name))
    for changed in (config, config, with_(config, "boxes", min_area=50.0)):
        run(changed)
    assert tried == ["digits", "digits"]
    (config.output.path / "run.json").write_text("[]")
    run(config)
    assert len(tried) == 3


def test_without_the_state_finished_pictures_are_known_by_their_content(
    config: Config, tree: Tree
) -> None:
    run(config)
    before = tree(config.output.path)
    shutil.rmtree(config.output.path / ".locpipe")
    assert counts(run(config)) == {"found": 4, "kept": 4}
    assert counts(run(config)) == {"found": 4, "up_to_date": 4}
    assert tree(config.output.path) == before


def test_a_result_of_another_version_of_locpipe_is_kept_as_the_config_says_the_same(
    config: Config,
) -> None:
    run(config)
    shutil.rmtree(config.output.path / ".locpipe")
    file = config.output.path / "boxes" / "coffee.jpg.json"
    document = json.loads(file.read_bytes())
    document["made_by"]["locpipe"] = "9.9"
    file.write_text(json.dumps(document))
    assert counts(run(config)) == {"found": 4, "kept": 4}
    assert boxes(config, "coffee.jpg") == document


def test_a_touched_picture_is_not_done_again_a_changed_one_is(config: Config) -> None:
    run(config)
    os.utime(config.input.path / "coffee.jpg", (1, 1))
    shutil.copy(config.input.path / "page.webp", config.input.path / "signs" / "camera.bmp")
    assert counts(run(config)) == {"found": 4, "up_to_date": 2, "kept": 1, "done": 1}
    assert boxes(config, "signs/camera.bmp")["image"]["width"] == 384


def test_another_config_or_force_does_everything_again(config: Config) -> None:
    run(config)
    assert counts(run(with_(config, "boxes", min_area=50.0))) == {"found": 4, "done": 4}
    assert counts(run(config, force=True)) == {"found": 4, "done": 4}


def test_what_is_asked_for_later_is_added(config: Config) -> None:
    run(config)
    assert counts(run(with_(config, "output", overlays=True))) == {"found": 4, "done": 4}


def test_a_limit_does_a_part_and_the_next_run_the_rest(config: Config) -> None:
    report = run(config, limit=1)
    assert counts(report) == {"found": 4, "done": 1}
    assert ", 3 left for another run; " in one_line(report)
    assert (config.output.path / "boxes" / "coffee.jpg.json").exists()
    assert counts(run(config)) == {"found": 4, "done": 3, "up_to_date": 1}


def test_results_below_the_pictures_are_not_taken_for_pictures(config: Config) -> None:
    inside = with_(config, "output", path=config.input.path / "out", overlays=True)
    assert counts(run(inside)) == {"found": 4, "done": 4}
    assert counts(run(inside)) == {"found": 4, "up_to_date": 4}


def test_two_runs_do_not_write_to_one_output(config: Config) -> None:
    (config.output.path / ".locpipe").mkdir(parents=True)
    with (
        FileLock(config.output.path / ".locpipe" / "lock"),
        pytest.raises(LockedError, match="another run is at work here"),
    ):
        run(config)
    assert LockedError.exit_code == 75
    assert run(config)["exit_code"] == 0
    with FileLock(config.output.path / ".locpipe" / "lock").acquire(timeout=0):
        pass


def test_a_run_that_starts_at_the_same_moment_touches_nothing_of_the_first(config: Config) -> None:
    """The holder of the lock empties the folder of unfinished files, at any moment of the other."""
    prepare_output(config.output.path)
    tmp = config.output.path / ".locpipe" / "tmp"
    over = threading.Event()

    def empty() -> None:
        while not over.is_set():
            for file in tmp.iterdir():
                file.unlink(missing_ok=True)

    emptying = threading.Thread(target=empty)
    with FileLock(config.output.path / ".locpipe" / "lock"):
        emptying.start()
        try:
            for _ in range(50):
                with pytest.raises(LockedError):
                    run(config)
        finally:
            over.set()
            emptying.join()
    assert not (config.output.path / "run.json").exists()


def test_a_lock_that_cannot_be_taken_is_told(config: Config) -> None:
    (config.output.path / ".locpipe" / "lock").mkdir(parents=True)
    with pytest.raises(OutputError, match=r"output.path: .*out cannot be written"):
        run(config)


def test_a_preview_tells_what_a_run_would_do_and_changes_nothing(
    config: Config, tree: Tree
) -> None:
    assert dict(preview(config, Options(limit=2))) == {
        "coffee.jpg": "process: new",
        "page.webp": "process: new",
        "signs/camera.bmp": "leave: over --limit",
        "signs/text.PNG": "leave: over --limit",
    }
    assert not config.output.path.exists()
    run(config, limit=1)
    before = tree(config.output.path)
    assert dict(preview(config, Options()))["coffee.jpg"] == "leave: done"
    assert tree(config.output.path) == before
