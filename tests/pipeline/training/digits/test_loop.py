import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors import safe_open

from locpipe.pipeline.training.checkpoint import CHECKPOINT_FILE, Checkpoint
from locpipe.pipeline.training.digits.config import DigitsTrainConfig
from locpipe.pipeline.training.digits.loop import TrainedDigits, measure, order_of, train
from locpipe.pipeline.training.digits.mnist import Digits
from locpipe.stages.errors import ConfigError
from locpipe.stages.models.loading import find_model, load_network, read_card
from locpipe.stages.nets import build

Start = Callable[..., subprocess.Popen[str]]


@pytest.fixture
def tiny(small_mnist: Path, tmp_path: Path) -> DigitsTrainConfig:
    return DigitsTrainConfig(
        data=small_mnist, output=tmp_path / "model", epochs=3, batches=4, batch_size=100
    )


def weights(trained: TrainedDigits) -> dict[str, bytes]:
    return {k: v.numpy().tobytes() for k, v in trained.network.state_dict().items()}


def test_a_training_learns(tiny: DigitsTrainConfig) -> None:
    trained = train(tiny, resume=False)
    errors = [record["train_error"] for record in trained.curve]
    assert errors[0] > errors[1] > errors[2]
    assert trained.curve[-1]["test_accuracy"] == trained.quality.accuracy > 0.3
    assert [record["epoch"] for record in trained.curve] == [1, 2, 3]


def test_the_seed_decides_the_weights(tiny: DigitsTrainConfig, tmp_path: Path) -> None:
    first = train(tiny, resume=False)
    again = train(tiny.model_copy(update={"output": tmp_path / "again"}), resume=False)
    other = train(tiny.model_copy(update={"output": tmp_path / "other", "seed": 2}), resume=False)
    assert weights(first) == weights(again) != weights(other)


def test_going_on_after_two_epochs_equals_three_in_one_go(
    tiny: DigitsTrainConfig, tmp_path: Path
) -> None:
    whole = train(tiny.model_copy(update={"output": tmp_path / "whole"}), resume=False)
    train(tiny.model_copy(update={"epochs": 2}), resume=False)
    resumed = train(tiny, resume=True)
    assert weights(resumed) == weights(whole)
    assert resumed.curve == whole.curve


# Long enough that a blow after the first epoch falls before the end on a busy machine too.
LONG = {"epochs": 20, "batches": 20, "batch_size": 20}


@pytest.fixture(scope="module")
def whole(small_mnist: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """Weights of a training that nobody disturbs."""
    output = tmp_path_factory.mktemp("whole") / "model"
    config = DigitsTrainConfig(data=small_mnist, output=output).model_copy(update=LONG)
    return weights(train(config, resume=False))


@pytest.mark.long
def test_a_training_killed_at_any_moment_goes_on(
    small_mnist: Path, tmp_path: Path, start_locpipe: Start,
    whole: dict[str, bytes],
) -> None:  # fmt: skip
    arguments = ["train", "digits", "--output", str(tmp_path / "model")]
    for setting in (f"data={small_mnist}", *(f"{name}={value}" for name, value in LONG.items())):
        arguments += ["--set", setting]
    process = start_locpipe(*arguments)
    while not (tmp_path / "model" / CHECKPOINT_FILE).exists() and process.poll() is None:
        time.sleep(0.02)
    process.kill()
    process.communicate(timeout=60)
    config = DigitsTrainConfig(data=small_mnist, output=tmp_path / "model").model_copy(update=LONG)
    assert weights(train(config, resume=True)) == whole


def test_the_learning_rate_decays_each_step(tiny: DigitsTrainConfig) -> None:
    train(tiny.model_copy(update={"decay": 0.5}), resume=False)
    with safe_open(tiny.output / CHECKPOINT_FILE, framework="pt") as stored:
        assert f'"lr": {1e-3 / (1 + 0.5 * 11)}' in stored.metadata()["locpipe"]


def test_every_sample_is_shown_once_a_round() -> None:
    order = order_of(7, 17)
    assert sorted(order[:7].tolist()) == sorted(order[7:14].tolist()) == list(range(7))
    assert len(order) == 17


def test_a_finished_model_is_not_overwritten(tiny: DigitsTrainConfig) -> None:
    tiny.output.mkdir()
    (tiny.output / "model.yaml").touch()
    with pytest.raises(ConfigError, match="already holds a finished model; remove it or choose"):
        train(tiny, resume=True)


def test_an_unfinished_training_is_not_overwritten(tiny: DigitsTrainConfig) -> None:
    tiny.output.mkdir()
    (tiny.output / CHECKPOINT_FILE).touch()
    with pytest.raises(ConfigError, match="unfinished training; go on with it by --resume"):
        train(tiny, resume=False)


def test_a_damaged_checkpoint_is_named(tiny: DigitsTrainConfig) -> None:
    tiny.output.mkdir()
    (tiny.output / CHECKPOINT_FILE).write_bytes(b"no safetensors")
    with pytest.raises(ConfigError, match=r"checkpoint\.safetensors is no checkpoint of ours"):
        train(tiny, resume=True)


@pytest.mark.parametrize("key", ["architecture", "seed"])
def test_a_checkpoint_of_another_training_is_refused(tiny: DigitsTrainConfig, key: str) -> None:
    network = build("lenet", 10)
    settings = tiny.model_dump(exclude={"name", "output", "data", "epochs"}) | {key: "other"}
    optimizer = torch.optim.Adam(network.parameters())
    Checkpoint(tiny.output, network, optimizer, settings).save([])
    expected = rf"belongs to a training with {key}: other, this one has {key}: (lenet|1);"
    with pytest.raises(ConfigError, match=expected):
        train(tiny, resume=True)


def test_the_shipped_network_is_as_good_as_its_card_says(digits: dict[str, Digits]) -> None:
    folder = find_model("digits")
    card = read_card(folder)
    quality = measure(load_network(folder), digits["test"])
    claimed = card.quality["mnist_test"]
    assert quality.accuracy == claimed["accuracy"] >= 0.9878
    assert quality.error == pytest.approx(claimed["error"], rel=1e-4)
    assert quality.per_class() == tuple(claimed["accuracy_per_class"].values())
    assert np.isclose(np.mean(quality.correct), quality.accuracy)
