import json
import subprocess
import time
from collections.abc import Callable
from itertools import islice
from pathlib import Path

import pytest
import torch
from safetensors import safe_open

from locpipe.pipeline.training.checkpoint import CHECKPOINT_FILE
from locpipe.pipeline.training.text.config import TextTrainConfig
from locpipe.pipeline.training.text.labels import CLASSES
from locpipe.pipeline.training.text.loop import TextTraining, TrainedText, train, untrained
from locpipe.pipeline.training.text.samples import batches
from locpipe.pipeline.training.text.train import best_of, train_text
from locpipe.pipeline.training.text.validate import Rendered
from locpipe.stages.errors import ConfigError, ModelError
from locpipe.stages.models.loading import find_model, load_network, read_card
from locpipe.stages.nets.text_large import TextLarge

pytestmark = pytest.mark.computes

Start = Callable[..., subprocess.Popen[str]]


def weights(folder: Path) -> dict[str, bytes]:
    with safe_open(folder / CHECKPOINT_FILE, framework="pt") as stored:
        return {name: stored.get_tensor(name).numpy().tobytes() for name in stored.keys()}  # noqa: SIM118 - no dict


def moved(config: TextTrainConfig, folder: Path, **changes: object) -> TextTrainConfig:
    return config.model_copy(update={"output": folder, **changes})


def started(config: TextTrainConfig) -> TextTraining:
    return TextTraining(config, untrained(config), resume=False)


def go(config: TextTrainConfig, *, resume: bool) -> TrainedText:
    rendered = Rendered(config.render, config.validation.pictures)
    return train(config, rendered, resume=resume, keep=lambda _: None)


def test_a_training_learns(tiny: TextTrainConfig, tmp_path: Path) -> None:
    run = started(moved(tiny, tmp_path))
    batch = next(batches(tiny, 0))
    run.learn(batch)
    first = float(run.error)
    for _ in range(11):
        run.learn(batch)
    assert run.step == 12
    assert float(run.error) < first


def test_a_larger_network_learns_by_the_same_config(tiny: TextTrainConfig, tmp_path: Path) -> None:
    run = started(moved(tiny, tmp_path, architecture="text-large"))
    run.learn(next(batches(tiny, 0)))
    assert run.step == 1
    assert isinstance(run.averaged, TextLarge)


@pytest.mark.parametrize(
    ("architecture", "complaint"),
    [("lenet", "LeNet does not classify positions"), ("large", "text-large")],
)
def test_a_network_that_cannot_learn_from_positions_is_refused(
    tiny: TextTrainConfig, architecture: str, complaint: str
) -> None:
    with pytest.raises(ModelError, match=complaint):
        untrained(tiny.model_copy(update={"architecture": architecture}))


def test_a_training_starts_from_the_weights_of_a_model(tiny: TextTrainConfig) -> None:
    config = tiny.model_copy(update={"architecture": "text-large", "start": "text-large"})
    shipped = load_network(find_model("text-large"))
    given, random = untrained(config), untrained(config.model_copy(update={"start": None}))
    weights = [network.classifier.state_dict()["weight"] for network in (shipped, given, random)]
    assert torch.equal(weights[0], weights[1])
    assert not torch.equal(weights[0], weights[2])
    assert given.classifier.weight.requires_grad
    with pytest.raises(
        ModelError, match=r"start: .*text has the architecture text-small, not text-large"
    ):
        untrained(config.model_copy(update={"start": "text"}))


def test_the_model_folder_says_how_it_came_to_be(model_folder: Path, tiny: TextTrainConfig) -> None:
    card = read_card(model_folder)
    assert (card.name, card.architecture, card.classes) == ("tiny", "text", CLASSES)
    assert card.training["crops"] == card.training["steps"] * 3
    assert card.training["settings"]["render"]["words"] == str(tiny.render.words)
    assert card.quality["size"]["mac_per_pixel"] <= 3000
    assert set(card.quality["rendered"]) == {
        *("pictures", "seed", "core_f", "iou_h", "threshold"),
    }
    assert load_network(model_folder)(torch.zeros(1, 3, 64, 64)).shape == (1, 3, 16, 16)
    curve = [json.loads(line) for line in (model_folder / "curve.jsonl").read_text().splitlines()]
    assert [record["step"] for record in curve] == [5, 10]
    assert (model_folder / "curve.png").read_bytes().startswith(b"\x89PNG")


def test_the_average_is_what_ships(tiny: TextTrainConfig, tmp_path: Path) -> None:
    run = started(moved(tiny, tmp_path))
    for batch in islice(batches(tiny, 0), 3):
        run.learn(batch)
    name = "features.stem.0.weight"
    shipped = run.trained().network.state_dict()[name]
    assert torch.equal(shipped, run.average.state_dict()[f"module.{name}"])
    assert not torch.equal(shipped, run.network.state_dict()[name])


@pytest.mark.parametrize("stopped_after", [4, pytest.param(6, marks=pytest.mark.long)])
def test_going_on_equals_one_go(
    tiny: TextTrainConfig, model_folder: Path, tmp_path: Path, stopped_after: int
) -> None:
    go(moved(tiny, tmp_path, steps=stopped_after), resume=False)
    resumed = go(moved(tiny, tmp_path), resume=True)
    assert weights(tmp_path) == weights(model_folder)
    assert resumed.curve[-1] == json.loads(
        (model_folder / "curve.jsonl").read_text().splitlines()[-1]
    )


def test_finished_is_finished(tiny: TextTrainConfig, model_folder: Path) -> None:
    before = weights(model_folder)
    assert "at step" in train_text(tiny, resume=True)
    assert weights(model_folder) == before


def written(config: TextTrainConfig, folder: Path) -> tuple[str, ...]:
    """The arguments that train by a config file of these settings."""
    file = folder / "tiny.yaml"
    file.write_text(json.dumps(config.model_dump(mode="json")))
    return ("train", str(file))


@pytest.mark.long
def test_a_training_ended_at_any_moment_goes_on(
    tiny: TextTrainConfig, tmp_path: Path, start_locpipe: Start
) -> None:
    seldom = tiny.validation.model_copy(update={"every": 1000, "pictures": 1})
    config = moved(
        tiny, tmp_path / "a", steps=8, checkpoint_minutes=0, workers=1, validation=seldom
    )
    arguments = written(config, tmp_path)
    process = start_locpipe(*arguments)
    while not (config.output / CHECKPOINT_FILE).exists() and process.poll() is None:
        time.sleep(0.02)
    process.terminate()
    message = process.communicate(timeout=60)[1]
    assert process.returncode == 143
    assert "--resume" in message
    assert "Traceback" not in message
    go(config, resume=True)
    whole = moved(config, tmp_path / "b", workers=0, checkpoint_minutes=60)
    go(whole, resume=False)
    assert weights(tmp_path / "a") == weights(tmp_path / "b")


def test_another_training_is_not_gone_on_with(
    tiny: TextTrainConfig, model_folder: Path, tmp_path: Path
) -> None:
    with pytest.raises(ConfigError, match="--resume"):
        train_text(tiny, resume=False)
    (tmp_path / CHECKPOINT_FILE).write_bytes((model_folder / CHECKPOINT_FILE).read_bytes())
    with pytest.raises(ConfigError, match="seed: 1, this one has seed: 2"):
        train_text(moved(tiny, tmp_path, seed=2), resume=True)
    (tmp_path / CHECKPOINT_FILE).write_bytes(b"no checkpoint")
    with pytest.raises(ConfigError, match="damaged"):
        train_text(moved(tiny, tmp_path), resume=True)


def test_lessons_may_change_on_the_way(
    tiny: TextTrainConfig, model_folder: Path, tmp_path: Path
) -> None:
    (tmp_path / CHECKPOINT_FILE).write_bytes((model_folder / CHECKPOINT_FILE).read_bytes())
    harder = tiny.render.model_copy(update={"any_angle": 0.5})
    trained = go(moved(tiny, tmp_path, steps=12, render=harder), resume=True)
    assert trained.curve[-1]["step"] == 12
    assert trained.curve[-1]["rendered"] != trained.curve[0]["rendered"]


def test_the_best_is_of_those_measured_on_the_pictures_of_today() -> None:
    easy = {"step": 5, "iou_h": 0.9, "rendered": "a"}
    hard = [{"step": step, "iou_h": h, "rendered": "b"} for step, h in ((10, 0.5), (15, 0.5))]
    assert best_of([easy]) is easy
    assert best_of([easy, *hard]) is hard[1]
    assert best_of([easy, *hard, {"step": 20, "iou_h": 0.4, "rendered": "b"}]) is hard[1]
    assert best_of([{"step": 1, "iou_h": 0.9}, {"step": 2, "iou_h": 0.1}])["step"] == 1


def test_the_learning_rate_rises_and_decays(tiny: TextTrainConfig, tmp_path: Path) -> None:
    config = moved(tiny, tmp_path, warm_up=4, half_life=2)
    run = started(config)
    rates = []
    for step in (0, 1, 3, 6, 16):
        run.average.n_averaged.fill_(step)
        rates.append(run.learning_rate_now() / config.learning_rate)
    expected = [1 / 4, 2 / 4 / 1.5**0.5, 1 / 2.5**0.5, 1 / 4**0.5, 1 / 9**0.5]
    assert rates == pytest.approx(expected)


def test_the_learning_rate_falls_to_nothing_at_the_end(
    tiny: TextTrainConfig, tmp_path: Path
) -> None:
    run = started(moved(tiny, tmp_path, steps=100, cool_down=40, warm_up=1))
    decay = [(1 + step / run.config.half_life) ** 0.5 for step in (59, 60, 80, 99)]
    rates = []
    for step, divisor in zip((59, 60, 80, 99), decay, strict=True):
        run.average.n_averaged.fill_(step)
        rates.append(run.learning_rate_now() * divisor / run.config.learning_rate)
    assert rates == pytest.approx([1, 1, 0.5, 1 / 40])


def test_the_average_looks_back_further_as_it_ages(tiny: TextTrainConfig, tmp_path: Path) -> None:
    run = started(moved(tiny, tmp_path, ema=0.99))
    old, new = torch.zeros(1), torch.ones(1)
    assert float(run.averaged_with(old, new, 0)) == 1
    assert float(run.averaged_with(old, new, 10)) == pytest.approx(0.5)
    assert float(run.averaged_with(old, new, 10**6)) == pytest.approx(0.01)
    assert int(run.averaged_with(torch.tensor(3), torch.tensor(7), 50)) == 7
