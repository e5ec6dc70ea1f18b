from collections.abc import Callable
from pathlib import Path

import pytest

from locpipe.pipeline.evaluation.counts import Counts
from locpipe.pipeline.evaluation.evaluate import evaluate
from locpipe.stages.errors import ConfigError

WriteBoxes = Callable[..., Path]
WriteTruth = Callable[[str, str], Path]

WORD = [[10, 20], [110, 20], [110, 50], [10, 50]]
WORD_LINE = "10,20,110,20,110,50,10,50,word\n"


def test_a_run_is_scored_against_its_ground_truth(
    run: Path, truth: Path, write_boxes: WriteBoxes, write_truth: WriteTruth
) -> None:
    """Two words in a, one found and one not to be cared for; an empty picture with a false alarm."""
    write_boxes("a.jpg", [(WORD, 0)])
    write_boxes("b.jpg", [(WORD, 0)])
    write_truth("a", WORD_LINE + "0,60,50,60,50,80,0,80,###\n")
    write_truth("b", "")
    report = evaluate(run, truth)
    assert report.totals["icdar2015"].counts == Counts(1, 1, 1, 2)
    assert report.totals["deteval"].counts == Counts(1, 1, 1, 2)
    assert report.totals["pixel"].counts == Counts(3000, 3000, 3000, 6000)
    assert [picture.name for picture in report.pictures] == ["a", "b"]


def test_only_the_protocols_asked_for(
    run: Path, truth: Path, write_boxes: WriteBoxes, write_truth: WriteTruth
) -> None:
    write_boxes("a.jpg")
    write_truth("a", WORD_LINE)
    assert list(evaluate(run, truth, protocols=["deteval"]).totals) == ["deteval"]


def test_ground_truth_of_the_stored_grid(
    run: Path, truth: Path, write_boxes: WriteBoxes, write_truth: WriteTruth
) -> None:
    """A camera held upright (6): stored x, y is upright 200 - y, x, the stored height being 200."""
    rotated = {"exif_orientation": 6, "stored_width": 100, "stored_height": 200}
    write_boxes("a.jpg", [(WORD, 0)], **rotated)
    write_truth("a", "20,90,50,90,50,190,20,190,word\n")
    stored = evaluate(run, truth, frame="stored").totals
    assert stored["icdar2015"].counts == Counts(1, 1, 1, 1)
    assert stored["pixel"].counts == Counts(3000, 3000, 3000, 3000)
    assert evaluate(run, truth).totals["icdar2015"].counts == Counts(0, 1, 0, 1)


def test_do_not_care_regions_move_along(
    run: Path, truth: Path, write_boxes: WriteBoxes, write_truth: WriteTruth
) -> None:
    rotated = {"exif_orientation": 6, "stored_width": 100, "stored_height": 200}
    write_boxes("a.jpg", [(WORD, 0)], **rotated)
    write_truth("a", "20,90,50,90,50,190,20,190,###\n")
    totals = evaluate(run, truth, frame="stored").totals
    assert totals["icdar2015"].counts == Counts(0, 0, 0, 0)


def test_words_joined_to_lines(
    run: Path, truth: Path, write_boxes: WriteBoxes, write_truth: WriteTruth
) -> None:
    halves = [([[x, 20], [x + 48, 20], [x + 48, 50], [x, 50]], 0) for x in (10, 62)]
    write_boxes("a.jpg", halves)
    write_truth("a", WORD_LINE)
    joined = evaluate(run, truth, lines=True).totals["icdar2015"].counts
    assert joined == Counts(1, 1, 1, 1)
    words = evaluate(run, truth).totals["icdar2015"].counts
    assert words == Counts(0, 1, 0, 2)


def test_pictures_without_ground_truth_are_named(
    run: Path, truth: Path, write_boxes: WriteBoxes, write_truth: WriteTruth
) -> None:
    for name in "abcde":
        write_boxes(f"{name}.jpg")
    write_truth("a", "")
    with pytest.raises(ConfigError) as caught:
        evaluate(run, truth)
    assert "no ground truth for b, c, d and 1 more" in str(caught.value)
    assert str(truth) in str(caught.value)


def test_ground_truth_without_pictures_is_named(
    run: Path, truth: Path, write_boxes: WriteBoxes, write_truth: WriteTruth
) -> None:
    write_boxes("a.jpg")
    for name in "abc":
        write_truth(name, "")
    with pytest.raises(ConfigError, match=r"no boxes for b, c of .*failures\.jsonl, or .* alone"):
        evaluate(run, truth)


def test_a_malformed_line_of_any_file_is_named(
    run: Path, truth: Path, write_boxes: WriteBoxes, write_truth: WriteTruth
) -> None:
    write_boxes("a.jpg")
    write_boxes("b.jpg")
    write_truth("a", WORD_LINE)
    write_truth("b", WORD_LINE + "oops\n")
    with pytest.raises(ConfigError, match=r"b\.txt, line 2: .*'oops'"):
        evaluate(run, truth)
