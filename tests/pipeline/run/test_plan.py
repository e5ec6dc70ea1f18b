"""What there is to do, and why."""

from dataclasses import replace
from pathlib import Path

import pytest

from locpipe.pipeline.config.sections import OutputConfig
from locpipe.pipeline.output.atomic import write_atomically
from locpipe.pipeline.output.failures import PageFailure
from locpipe.pipeline.output.layout import prepare_output, result_path
from locpipe.pipeline.run.plan import PLANNED_AT_ONCE, Terms, make_plan
from locpipe.pipeline.run.state import State
from locpipe.pipeline.sources.pictures import Picture
from locpipe.pipeline.workers.messages import Outcome

DONE = Outcome("a.jpg", "done", sha256="s", pages=1)
FAILED = Outcome("a.jpg", "failed", failure=("load", "ImageError", "cut short"))


@pytest.fixture
def picture(tmp_path: Path) -> Picture:
    (tmp_path / "a.jpg").write_bytes(b"some bytes")
    return Picture("a.jpg", str(tmp_path / "a.jpg"))


@pytest.fixture
def terms(tmp_path: Path) -> Terms:
    prepare_output(tmp_path / "out")
    mask = result_path(tmp_path / "out", "masks", "a.jpg", 1)
    write_atomically(tmp_path / "out", mask, b"")
    output = OutputConfig(path=tmp_path / "out")
    (tmp_path / "out" / "boxes").mkdir()
    return Terms(output, config_sha256="c", model_sha256="m", max_attempts=3)


def have(terms: Terms, picture: Picture, outcome: Outcome, *, finish: bool = True) -> None:
    """Let a run end with this outcome."""
    with State(terms.output.path) as state:
        state.begin()
        make_plan(state, [picture], terms)
        state.record(outcome, terms.config_sha256, terms.model_sha256)
        if finish:
            state.finish()


def decision(terms: Terms, picture: Picture) -> tuple[bool, str]:
    with State(terms.output.path) as state:
        make_plan(state, [picture], terms)
        (planned,) = state.planned()
        return planned.todo, planned.reason


@pytest.fixture
def json_there(terms: Terms) -> Path:
    """An empty file where the box JSON would be; gone before all JSON is checked."""
    return result_path(terms.output.path, "boxes", "a.jpg", 1)


def test_a_picture_never_seen_is_new(terms: Terms, picture: Picture) -> None:
    assert decision(terms, picture) == (True, "new")


def test_what_is_done_is_left_until_something_changes(
    terms: Terms, picture: Picture, json_there: Path
) -> None:
    json_there.touch()
    have(terms, picture, DONE)
    assert decision(terms, picture) == (False, "done")
    assert decision(replace(terms, force=True), picture) == (True, "forced")
    assert decision(replace(terms, model_sha256="n"), picture) == (True, "model changed")
    assert decision(replace(terms, config_sha256="d"), picture) == (True, "config changed")
    overlays = terms.output.model_copy(update={"overlays": True})
    assert decision(replace(terms, output=overlays), picture) == (True, "result missing")
    Path(picture.path).write_bytes(b"other bytes")
    assert decision(terms, picture) == (True, "picture changed")
    json_there.unlink()


def test_what_another_config_began_to_replace_is_no_longer_done(
    terms: Terms, picture: Picture, json_there: Path
) -> None:
    """It may have been killed after its results took their place, before the state knew of them."""
    json_there.touch()
    have(terms, picture, DONE)
    with State(terms.output.path) as state:
        make_plan(state, [picture], replace(terms, config_sha256="d"))
        state.begin()
    assert decision(terms, picture) == (True, "begun by a run that did not finish it")
    have(terms, picture, DONE)
    assert decision(terms, picture) == (False, "done")
    json_there.unlink()


def test_a_result_that_was_deleted_is_made_again(terms: Terms, picture: Picture) -> None:
    have(terms, picture, DONE)
    assert decision(terms, picture) == (True, "result missing")


def test_a_failure_is_tried_in_three_runs_and_then_left(terms: Terms, picture: Picture) -> None:
    for _ in range(2):
        have(terms, picture, FAILED)
        assert decision(terms, picture) == (True, "failed before")
    have(terms, picture, FAILED)
    assert decision(terms, picture) == (False, "given up after 3 failures")
    assert decision(replace(terms, retry_failed=True), picture) == (True, "failed before, told to retry")  # fmt: skip
    assert decision(replace(terms, max_attempts=4), picture) == (True, "failed before")
    Path(picture.path).write_bytes(b"mended bytes")
    assert decision(terms, picture) == (True, "picture changed")


def test_an_interrupted_run_does_not_repeat_its_failures(terms: Terms, picture: Picture) -> None:
    have(terms, picture, FAILED, finish=False)
    assert decision(terms, picture) == (False, "failed in this run, before it was interrupted")


def test_a_picture_that_is_gone_may_fail_by_name(terms: Terms, tmp_path: Path) -> None:
    gone = Picture("a.jpg", str(tmp_path / "gone.jpg"))
    assert decision(terms, gone) == (True, "new")
    have(terms, gone, FAILED)
    assert decision(terms, gone) == (True, "failed before")


def test_a_page_that_failed_too_often_is_left_alone_while_another_is_tried(
    terms: Terms, picture: Picture
) -> None:
    def failing(*pages: int) -> Outcome:
        failed = tuple(PageFailure(page, "load", "ImageError", "cut short") for page in pages)
        return Outcome("a.jpg", "failed", sha256="s", pages=4, failed_pages=failed)

    def planned(terms: Terms) -> tuple[bool, int, tuple[int, ...]]:
        with State(terms.output.path) as state:
            make_plan(state, [picture], terms)
            (each,) = state.planned()
            return each.todo, each.pages, each.left_alone

    for pages in ((2,), (2,), (2, 3)):
        have(terms, picture, failing(*pages))
    assert planned(terms) == (True, 4, (2,))
    assert planned(replace(terms, retry_failed=True)) == (True, 4, ())
    assert planned(replace(terms, config_sha256="other")) == (True, 4, ())
    for _ in range(2):
        have(terms, picture, failing(3))  # the worker does not say what it has left alone
    assert planned(terms) == (False, 4, (2, 3))
    with State(terms.output.path) as state:
        make_plan(state, [picture], terms)
        told = [(failure.page, failure.attempts) for failure in state.failures()]
    assert told == [(2, 3), (3, 3)]


def test_the_state_is_asked_about_many_pictures_at_once(terms: Terms, picture: Picture) -> None:
    """A question each took most of the time of a run with nothing to do for millions of pictures."""
    have(terms, picture, DONE)
    shards = replace(terms, output=OutputConfig(path=terms.output.path, layout="shards"))
    others = [Picture(f"{number}.jpg", "", (1, 1)) for number in range(2 * PLANNED_AT_ONCE)]
    asked: list[str] = []
    with State(terms.output.path) as state:
        state._db.set_trace_callback(asked.append)
        make_plan(state, [*others, picture], shards)
        assert sum(text.startswith("SELECT") for text in asked) <= 3
        reasons = {each.picture.key: each.reason for each in state.planned()}
    assert reasons == {"a.jpg": "done", **dict.fromkeys((each.key for each in others), "new")}
