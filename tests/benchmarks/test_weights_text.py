"""Six kinds of weights on the text model."""

import json
import shutil
from dataclasses import astuple
from pathlib import Path

import pytest
from picture_sets import Set
from weights_text import KINDS, H, Sums, all_counts, counts_of, table, totals, with_weights

import locpipe
from locpipe.pipeline.config.file import find_config, read_settings
from locpipe.pipeline.config.sections import Config
from locpipe.pipeline.evaluation.evaluate import evaluate
from locpipe.stages.models.loading import Model, find_model, load_model

SAMPLES = Path(__file__).parents[2] / "data" / "samples"
NAME = "circuit_board"


@pytest.fixture(scope="module")
def model() -> Model:
    return load_model(find_model("text"))


@pytest.fixture(scope="module")
def config() -> Config:
    return read_settings(find_config("text"), Config).config


def sums(recalled: float, truth: float, precise: float, detected: float) -> Sums:
    counts = (recalled, truth, precise, detected)
    return {kind: {"icdar2015": counts, "deteval": counts} for kind in KINDS}


def test_counts_are_those_of_a_run_scored_by_evaluate(
    model: Model, config: Config, tmp_path: Path
) -> None:
    picture, output = SAMPLES / f"{NAME}.jpg", tmp_path / "out"
    settings = with_weights(config, "linear")
    settings = settings.model_copy(
        update={
            "input": settings.input.model_copy(update={"path": picture}),
            "output": settings.output.model_copy(update={"path": output, "overlays": False}),
            "run": settings.run.model_copy(update={"workers": 0}),
        }
    )
    assert locpipe.run(settings).exit_code == 0
    (output / "gt").mkdir()
    shutil.copy(SAMPLES / "gt" / f"{NAME}.txt", output / "gt")
    for lines in (False, True):
        one = Set("samples", SAMPLES, (picture,), "stored", lines)
        report = evaluate(output, output / "gt", lines=lines)
        for protocol, counts in counts_of(picture, one, model, config)["linear"].items():
            assert tuple(counts) == astuple(report.totals[protocol].counts)


def test_a_stopped_run_goes_on_after_its_last_whole_line(
    model: Model, config: Config, tmp_path: Path
) -> None:
    pictures = (Path("seen_before.jpg"), SAMPLES / f"{NAME}.jpg")
    kept = tmp_path / "kept.jsonl"
    known = json.dumps(["seen_before.jpg", sums(1, 2, 3, 4)])
    kept.write_text(f'{known}\n["{NAME}.jpg", {{"paper"')
    # The first does not exist: it is not looked at again.
    first, second = all_counts(Set("s", SAMPLES, pictures), model, config, kept)
    assert first["class"]["deteval"] == [1, 2, 3, 4]
    assert set(second) == set(KINDS)
    assert [json.loads(line)[0] for line in kept.read_text().splitlines()] == [
        "seen_before.jpg",
        f"{NAME}.jpg",
    ]
    again = all_counts(Set("s", SAMPLES, pictures), model, config, kept)
    assert json.dumps(again) == json.dumps([first, second])


def test_totals_are_of_counts_summed_over_pictures() -> None:
    found = totals([sums(1, 2, 1, 1), sums(2, 2, 2, 5)])
    h = found["paper"]["deteval"]
    assert h.value == pytest.approx(2 * (3 / 4) * (3 / 6) / (3 / 4 + 3 / 6))
    assert h[1:] == (0, 0, 0)  # the same pictures are drawn for both


def test_the_interval_is_of_the_difference() -> None:
    better: Sums = {**sums(1, 2, 1, 2), "class": sums(2, 2, 2, 2)["class"]}
    ahead = totals([better] * 20 + [sums(1, 2, 1, 2)] * 20)["class"]["icdar2015"]
    assert ahead.ahead == pytest.approx(0.25)
    assert 0.15 < ahead.low < 0.2
    assert 0.3 < ahead.high < 0.35


def test_the_table_says_how_far_each_is_from_linear() -> None:
    h: dict[str, dict[str, H]] = {
        kind: {"icdar2015": H(0.5, 0, 0, 0), "deteval": H(0.6, 0, 0, 0)} for kind in KINDS
    }
    h["class"] = {"icdar2015": H(0.51, 0.01, -0.01, 0.03), "deteval": H(0.58, -0.02, -0.04, 0)}
    head, rule, *lines = table({"a_set": h}).splitlines()
    assert head == "| weights | a_set IoU H | a_set DetEval H |"
    assert rule == "|---|---|---|"
    assert [line.split("`")[1] for line in lines] == list(KINDS)
    assert lines[1] == "| `class` | 51.0 (+1.0: -1.0 to +3.0) | 58.0 (-2.0: -4.0 to +0.0) |"
    assert lines[-1] == "| `linear` | 50.0 | 60.0 |"
