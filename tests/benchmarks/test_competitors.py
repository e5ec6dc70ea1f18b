"""Detectors as processes in environments of their own."""

from pathlib import Path

import pytest
from competitors import COMPETITORS, OURS, PROGRAM, Detector, Unavailable, environment, running
from detectors.detector import DETECTORS

import locpipe

SAMPLE = Path(__file__).parents[2] / "data" / "samples" / "photographer_grey.png"


def test_every_detector_of_the_table_is_one_of_the_program_and_has_its_requirements() -> None:
    assert {one.name for one in (OURS, *COMPETITORS)} == set(DETECTORS)
    for one in COMPETITORS:
        lines = (PROGRAM.parent / (one.requirements or "craft.txt")).read_text().splitlines()
        assert all("==" in line for line in lines if not line.startswith("#"))


def test_an_environment_is_made_once_and_again_for_other_requirements(tmp_path: Path) -> None:
    wanted = tmp_path / "nothing.txt"
    wanted.write_text("# nothing\n")
    python = environment(str(wanted), tmp_path)
    assert python.exists()
    trace = python.parent / "trace"
    trace.touch()
    assert environment(str(wanted), tmp_path) == python
    assert trace.exists()
    wanted.write_text("this is no requirement\n")
    with pytest.raises(Unavailable, match=r"requirement|ERROR"):
        environment(str(wanted), tmp_path)
    assert not trace.exists()


def test_ours_answers_as_the_library_does(tmp_path: Path) -> None:
    with running(OURS, tmp_path) as process:
        answer = process.ask(SAMPLE)
    boxes = locpipe.localize(SAMPLE, "text").boxes.items
    assert answer.found["text"] == [[list(point) for point in box.polygon] for box in boxes]
    assert answer.seconds > 0
    assert process.about["weights_bytes"] > 1e6
    assert (tmp_path / "about" / "text.json").exists()


def test_a_detector_that_does_not_start_says_why(tmp_path: Path) -> None:
    with (
        pytest.raises(Unavailable, match="unheard-of"),
        running(Detector("unheard-of", ()), tmp_path),
    ):
        pass


def test_a_detector_that_dies_says_why(tmp_path: Path) -> None:
    with running(OURS, tmp_path) as process:
        for _ in range(2):  # the second question meets a closed pipe
            with pytest.raises(Unavailable, match=r"no_such\.jpg"):
                process.ask(tmp_path / "no_such.jpg")
