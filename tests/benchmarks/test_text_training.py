"""Ways to a text network, in seconds: small pictures in the fonts that matplotlib brings."""

import argparse
import json
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pytest
import text_training
import torch
from text_arms import ARMS, Arm, distillation, network_of, pretrained, started
from text_training import SETS, kept_seconds, scaled, table, trained, write

from locpipe.pipeline.training.scene_text.settings import FontSettings, RenderSettings
from locpipe.pipeline.training.text.config import CropConfig, TextTrainConfig, ValidationConfig
from locpipe.pipeline.training.text.labels import CLASSES
from locpipe.pipeline.training.text.loop import complete
from locpipe.pipeline.training.text.samples import batches
from locpipe.pipeline.training.text.validate import Rendered
from locpipe.stages.nets.cost import cost


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> TextTrainConfig:
    words = tmp_path_factory.mktemp("words") / "words"
    words.write_text("open\nstreet\nsign\n")
    fonts = FontSettings(folders=(Path(mpl.get_data_path()) / "fonts" / "ttf",))
    return TextTrainConfig(
        kind="text",
        output=tmp_path_factory.mktemp("text") / "model",
        batch_size=2,
        workers=0,
        precision="fp32",
        device="cpu",
        crops=CropConfig(side=64, per_picture=2),
        render=RenderSettings(width=192, height=192, words=words, fonts=fonts),
        validation=ValidationConfig(pictures=1),
    )


def of(config: TextTrainConfig, arm: str, steps: int, work: Path) -> TextTrainConfig:
    return scaled(config, arm, minutes=steps / 60, seconds=1, work=work)


def test_the_trimmed_trunk_is_the_published_one_and_ends_as_the_text_network_does() -> None:
    torch.manual_seed(1)
    network = pretrained(len(CLASSES))
    stem = network.get_submodule("features.stem.1")
    # Edges and colours, learned on ImageNet: far greater than first weights ever are.
    assert float(next(stem.parameters()).detach().abs().max()) > 1
    assert network(torch.zeros(1, 3, 64, 128)).shape == (1, len(CLASSES), 16, 32)
    assert network.channels() == 48
    parameters, mac = cost(network, 3)
    assert parameters < 1_000_000
    assert mac < 5_000


def test_first_weights_are_the_same_with_every_call(config: TextTrainConfig) -> None:
    for arm in ARMS:
        one, other = (network_of(arm, config).state_dict() for _ in range(2))
        assert all(torch.equal(one[name], other[name]) for name in one)


def test_the_pretrained_trunk_is_kept_and_finetuned_trains_it(config: TextTrainConfig) -> None:
    steps = of(config, "pretrained", 2, Path("none"))
    fresh = pretrained(len(CLASSES))
    changed = {}
    for arm in ("pretrained", "finetuned"):
        run = Arm(steps, network_of(arm, config), resume=False)
        for batch in batches(steps, 0):
            run.learn(batch)
        trunks = [one.get_submodule("features.stages.2") for one in (fresh, run.network)]
        first, now = (next(trunk.parameters()) for trunk in trunks)
        changed[arm] = not torch.equal(first, now)
    assert changed == {"pretrained": False, "finetuned": True}


def test_who_answers_like_the_teacher_has_nothing_to_learn() -> None:
    random = torch.Generator().manual_seed(1)
    logits, answers = torch.randn(2, 2, 3, 4, 4, generator=random)
    assert float(distillation(answers, answers)) == pytest.approx(0, abs=1e-6)
    assert float(distillation(answers + 3, answers)) == pytest.approx(0, abs=1e-6)
    assert float(distillation(logits, answers)) > 0


def test_the_mean_is_of_the_tenth_with_the_most_to_learn() -> None:
    logits, answers = torch.zeros(2, 1, 2, 2, 10)
    answers[0, 0, 0, :2] = 4.0  # both of the tenth of 20 positions
    p = np.exp(2) / (np.exp(2) + 1)
    expected = 4 * (p * np.log(2 * p) + (1 - p) * np.log(2 * (1 - p)))
    assert float(distillation(logits, answers)) == pytest.approx(expected, rel=1e-5)


def test_the_pupil_learns_from_truth_and_teacher(config: TextTrainConfig) -> None:
    teacher = network_of("pretrained", config)
    pupil, alone = started("distilled", config, teacher), started("scratch", config)
    batch = next(batches(config, 0))
    x = torch.randn(2, 3, 64, 64, generator=torch.Generator().manual_seed(1))
    logits = alone.answers(network_of("scratch", config), x)
    with torch.no_grad():
        extra = distillation(logits, teacher(x))
        taught = pupil.loss(x, logits, batch) - alone.loss(x, logits, batch)
    assert float(taught) == pytest.approx(float(extra), rel=1e-4)


def test_seconds_of_an_arm_go_on_from_its_checkpoint(
    config: TextTrainConfig, tmp_path: Path
) -> None:
    rendered = Rendered(config.render, 1)
    short = of(config, "scratch", 2, tmp_path)
    first = complete(started("scratch", short), rendered, keep=lambda _: None).curve
    assert [record["step"] for record in first] == [1, 2]
    assert 0 < first[0]["cpu"] < first[1]["cpu"]
    resumed = started("scratch", of(config, "scratch", 3, tmp_path))
    assert (resumed.step, resumed.spent) == (2, first[1]["cpu"])


def test_the_schedule_has_one_shape_whatever_the_budget(config: TextTrainConfig) -> None:
    rates = []
    for steps in (400, 1200):
        run = Arm(
            of(config, "scratch", steps, Path("none")),
            network_of("scratch", config),
            resume=False,
        )
        shape = []
        for share in (0.25, 0.5, 0.75, 0.9):
            run.average.n_averaged.fill_(int(share * steps))
            shape.append(run.learning_rate_now())
        rates.append(shape)
    assert rates[0] == pytest.approx(rates[1])


def test_steps_are_timed_once_for_a_folder(config: TextTrainConfig, tmp_path: Path) -> None:
    seconds = kept_seconds(config, tmp_path, turns=1)
    assert set(seconds) == set(ARMS)
    assert min(seconds.values()) > 0
    assert kept_seconds(config, tmp_path, turns=1) == seconds


def test_every_arm_is_trained_and_none_twice(
    config: TextTrainConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(text_training, "SETS", ())
    given = argparse.Namespace(minutes=2 / 60, work=tmp_path / "work")
    seconds = {**dict.fromkeys(ARMS, 1.0), "scratch": 0.5}
    rendered = Rendered(config.render, 1)
    done = {arm: trained(arm, config, rendered, seconds, given) for arm in ARMS}
    assert [one["crops"] for one in done.values()] == [8, 4, 4, 4]
    assert done["scratch"]["parameters"] == done["distilled"]["parameters"]
    assert trained("distilled", config, rendered, seconds, given) == done["distilled"]
    write(done, given.minutes, tmp_path / "out")
    assert json.loads((tmp_path / "out/text_training.json").read_text()) == done
    assert (tmp_path / "out/text_training.png").read_bytes().startswith(b"\x89PNG")
    assert len(table(done).splitlines()) == 2 + len(ARMS)


def test_the_table_gives_percent() -> None:
    scores = {"icdar2015": 0.25, "deteval": 0.5, "pixel": 0.9}
    last = {"step": 5, "cpu": 90.0, "core_f": 0.625, "iou_h": 0.125, **dict.fromkeys(SETS, scores)}
    one = {"parameters": 1234, "gmac_per_megapixel": 2.957, "seconds_a_step": 0.3, "crops": 5000}
    row = table({"scratch": {**one, "curve": [last]}}).splitlines()[-1]
    assert row.endswith(
        "| 1,234 | 2.96 | 0.30 | 5,000 | 1.5 | 62.5 | 12.5 | 25.0 | 50.0 | 25.0 | 50.0 |"
    )
