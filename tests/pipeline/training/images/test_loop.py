import json
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors import safe_open

from locpipe.pipeline.config.file import read_settings
from locpipe.pipeline.training.checkpoint import CHECKPOINT_FILE
from locpipe.pipeline.training.images.config import AugmentConfig, ImagesTrainConfig
from locpipe.pipeline.training.images.data import read_samples
from locpipe.pipeline.training.images.loop import ImagesTraining, TrainedImages, network_of, train
from locpipe.pipeline.training.images.shown import features_of, shown
from locpipe.stages.errors import ConfigError, ModelError
from locpipe.stages.nets.torchvision_shim import declare_operators

pytestmark = pytest.mark.computes

Start = Callable[..., subprocess.Popen[str]]


def changed(config: ImagesTrainConfig, **changes: object) -> ImagesTrainConfig:
    return config.model_copy(update=changes)


def go(config: ImagesTrainConfig, *, resume: bool = False) -> TrainedImages:
    samples = read_samples(config)
    training, others = (shown(part, config) for part in samples)
    network = network_of(config, len(samples[0].classes))
    return train(config, network, (training, others), resume=resume)


def run_of(config: ImagesTrainConfig, *, resume: bool = False) -> ImagesTraining:
    samples = read_samples(config)
    training, others = (shown(part, config) for part in samples)
    return ImagesTraining(config, network_of(config, 2), (training, others), resume=resume)


def weights(trained: TrainedImages) -> dict[str, bytes]:
    return {k: v.contiguous().numpy().tobytes() for k, v in trained.network.state_dict().items()}


@pytest.mark.parametrize("head", ["gap", "max", "lse(5)", "weldon(2, 2)", "wildcat(2, 0.5, 0.2)"])
def test_every_head_learns_from_labels_of_whole_pictures(
    tiny: ImagesTrainConfig, head: str
) -> None:
    trained = go(changed(tiny, head=head, epochs=4))
    errors = [record["train_error"] for record in trained.curve]
    assert errors[-1] < errors[0]
    assert trained.curve[-1]["train_accuracy"] > 0.7
    assert [record["epoch"] for record in trained.curve] == [1, 2, 3, 4]
    assert trained.curve[-1]["test_accuracy"] == trained.quality.accuracy


def test_it_learns_several_labels(tiny: ImagesTrainConfig, listed: Path) -> None:
    config = changed(tiny, data=listed, multi_label=True, head="max", epochs=6)
    trained = go(config)
    assert trained.quality.scores.shape[1] == 3
    assert trained.curve[-1]["train_error"] < trained.curve[0]["train_error"]


@pytest.mark.parametrize("multi_label", [False, True])
def test_mantra_learns(tiny: ImagesTrainConfig, multi_label: bool) -> None:  # noqa: FBT001 - a parameter
    trained = go(changed(tiny, head="weldon(1, 1)", loss="mantra", multi_label=multi_label))
    errors = [record["train_error"] for record in trained.curve]
    assert errors[-1] < errors[0]


def test_the_seed_decides_the_weights(tiny: ImagesTrainConfig, tmp_path: Path) -> None:
    first = go(tiny)
    again = go(changed(tiny, output=tmp_path / "again"))
    other = go(changed(tiny, output=tmp_path / "other", seed=2))
    assert weights(first) == weights(again) != weights(other)


@pytest.mark.parametrize(
    "done", [pytest.param(3, marks=pytest.mark.long), 4, pytest.param(7, marks=pytest.mark.long)]
)
def test_going_on_after_any_step_equals_one_go(
    tiny: ImagesTrainConfig, tmp_path: Path, done: int
) -> None:
    """Four steps per epoch; dropout and augmentation draw random numbers."""
    config = changed(
        tiny,
        architecture="nin",
        head="wildcat(2, 0.5, 0.2)",
        epochs=2,
        schedule="cosine",
        augment=AugmentConfig(flip=0.5, crop=0.5),
        precision="bf16",
    )
    whole = go(changed(config, output=tmp_path / "whole"))
    stopped = run_of(config)
    for _, index in zip(range(done), stopped.remaining(), strict=False):
        stopped.learn(index)
        if stopped.step % stopped.steps == 0:
            stopped.validate()
    stopped.checkpoint.save(stopped.curve)
    torch.manual_seed(99)
    resumed = go(config, resume=True)
    assert weights(resumed) == weights(whole)
    assert resumed.curve == whole.curve


def test_a_training_interrupted_at_any_moment_goes_on(
    folders: Path, tmp_path: Path, start_locpipe: Start
) -> None:
    file = tmp_path / "tiny.yaml"
    file.write_text(
        f"kind: images\ndata: {folders}\narchitecture: tutorial-gap\nhead: gap\nsize: 24\n"
        "epochs: 40\ncheckpoint_minutes: 0\n"
    )
    arguments = ["train", str(file), "--output", str(tmp_path / "model")]
    process = start_locpipe(*arguments)
    while not (tmp_path / "model" / CHECKPOINT_FILE).exists() and process.poll() is None:
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    message = process.communicate(timeout=100)[1]
    assert process.returncode == 130
    assert f"go on with: locpipe {' '.join(arguments)} --resume" in message
    config = read_settings(file, ImagesTrainConfig).config
    config = changed(config, output=tmp_path / "model", checkpoint_minutes=60.0)
    resumed = go(config, resume=True)
    assert weights(resumed) == weights(go(changed(config, output=tmp_path / "whole")))


def test_the_learning_rate_falls_along_a_cosine(tiny: ImagesTrainConfig) -> None:
    go(changed(tiny, schedule="cosine", learning_rate=1.0, epochs=2))
    with safe_open(tiny.output / CHECKPOINT_FILE, framework="pt") as stored:
        (group,) = json.loads(stored.metadata()["locpipe"])["groups"]
    assert group["lr"] == pytest.approx(0.03806, abs=1e-4)  # (1 + cos(pi * 7 / 8)) / 2


def test_every_picture_is_shown_once_an_epoch(tiny: ImagesTrainConfig) -> None:
    run = run_of(changed(tiny, batch_size=5))
    assert run.steps == 6
    for index in run.remaining():
        assert len(index) == 5
        run.sums[0] += 1
    assert run.step == 18


def test_few_pictures_are_one_batch(tiny: ImagesTrainConfig) -> None:
    run = run_of(changed(tiny, batch_size=1000))
    assert (run.size, run.steps) == (32, 1)


def test_a_frozen_trunk_stays_as_it_is(tiny: ImagesTrainConfig) -> None:
    config = changed(tiny, freeze=True)
    before = {k: v.clone() for k, v in network_of(config, 2).features.state_dict().items()}
    trained = go(config)
    for name, value in trained.network.features.state_dict().items():
        assert torch.equal(value, before[name]), name
    assert trained.curve[-1]["train_error"] < trained.curve[0]["train_error"]


def test_features_computed_once_train_the_same_head(
    tiny: ImagesTrainConfig, tmp_path: Path
) -> None:
    config = changed(tiny, freeze=True)
    direct = go(config)
    config = changed(config, output=tmp_path / "cached")
    network = network_of(config, 2)
    parts = [features_of(network, shown(part, config)) for part in read_samples(config)]
    cached = train(config, network, (parts[0], parts[1]), resume=False)
    for one, other in zip(cached.curve, direct.curve, strict=True):
        assert one == pytest.approx(other, rel=1e-3)


def test_a_checkpoint_of_another_training_is_refused(tiny: ImagesTrainConfig) -> None:
    go(changed(tiny, epochs=1))
    with pytest.raises(ConfigError, match=r"training with learning_rate: 0\.003, this one has"):
        go(changed(tiny, learning_rate=1.0), resume=True)


def test_more_epochs_later_are_the_same_training(tiny: ImagesTrainConfig, tmp_path: Path) -> None:
    go(changed(tiny, epochs=1))
    later = go(tiny, resume=True)
    assert weights(later) == weights(go(changed(tiny, output=tmp_path / "whole")))


def test_weights_of_a_backbone_are_where_it_begins(tiny: ImagesTrainConfig, tmp_path: Path) -> None:
    declare_operators()
    from torchvision.models import squeezenet1_1

    state = squeezenet1_1().state_dict()
    torch.save(state, tmp_path / "weights.pth")
    weights = str(tmp_path / "weights.pth")
    config = changed(tiny, architecture="squeezenet1_1", head="gap", weights=weights)
    found = network_of(config, 2)
    assert any(torch.equal(v, state["features.0.weight"]) for v in found.features.parameters())
    assert found.classifier(found.features(torch.rand(1, 3, 64, 64))).shape == (1, 2)
    with pytest.raises(ModelError, match=r"nowhere\.pth"):
        network_of(changed(config, weights="nowhere.pth"), 2)


def test_an_unknown_network_is_told(tiny: ImagesTrainConfig) -> None:
    with pytest.raises(ModelError, match="'perceptron' is unknown"):
        network_of(changed(tiny, architecture="perceptron"), 2)
