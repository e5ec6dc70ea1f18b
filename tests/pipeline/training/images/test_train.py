import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from PIL import Image

from locpipe.pipeline.cli.main import main
from locpipe.pipeline.training.images.config import ImagesTrainConfig
from locpipe.pipeline.training.images.train import train_images
from locpipe.stages.errors import ConfigError
from locpipe.stages.heatmap import heatmap
from locpipe.stages.infer import infer
from locpipe.stages.models.loading import load_model
from locpipe.stages.nets.pooling import PooledClassifier

pytestmark = pytest.mark.computes


def changed(config: ImagesTrainConfig, **changes: object) -> ImagesTrainConfig:
    return config.model_copy(update=changes)


@pytest.fixture
def trained(tiny: ImagesTrainConfig) -> Path:
    train_images(tiny, resume=False)
    return tiny.output


def test_the_folder_is_a_whole_model(trained: Path) -> None:
    model = load_model(trained)
    assert sorted(file.name for file in trained.iterdir()) == [
        "curve.jsonl", "curve.png", "model.yaml", "tables.safetensors", "weights.safetensors"
    ]  # fmt: skip
    card = model.card
    assert (card.name, card.architecture) == ("tiny", "tutorial-gap + lse(beta=5)")
    assert card.classes == ("blue", "red")
    assert card.training["pictures"] == {"blue": 16, "red": 16}
    assert card.quality["validation"]["pictures"] == 8
    assert model.tables.count.tolist() == [16, 16]
    assert "data" not in card.training["settings"]
    assert len((trained / "curve.jsonl").read_text().splitlines()) == 3


def test_the_map_of_a_class_is_its_log_odds_against_the_other(trained: Path) -> None:
    model = load_model(trained)
    classifier = model.network.classifier
    assert isinstance(classifier, PooledClassifier)
    rgb = np.random.default_rng(0).integers(0, 256, (24, 24, 3)).astype(np.uint8)
    features = infer(model, rgb, padding="zeros")
    heat = heatmap(model, [features], labels=("blue", "red"), weights="linear")
    with torch.inference_mode():
        z = list(classifier.children())[0](torch.from_numpy(features.maps.copy())[None])[0]  # noqa: RUF015 - all
    expected = z.softmax(dim=0).numpy()
    np.testing.assert_allclose(heat.values, expected, rtol=1e-3, atol=1e-4)


def test_with_several_labels_the_map_is_the_sigmoid_of_its_class(
    tiny: ImagesTrainConfig, listed: Path
) -> None:
    config = changed(tiny, data=listed, multi_label=True, head="wildcat(2, 0.7, 0.2)", epochs=1)
    assert "of decisions right" in train_images(config, resume=False)
    model = load_model(config.output)
    assert isinstance(model.network.classifier, PooledClassifier)
    rgb = np.full((24, 24, 3), 90, np.uint8)
    features = infer(model, rgb, padding="zeros")
    heat = heatmap(model, [features], labels=("green",), weights="linear")
    weights, biases = model.network.classifier.class_weights()
    z = np.einsum("chw,c->hw", features.maps, weights[:, 1].numpy()) + float(biases[1])
    np.testing.assert_allclose(heat.values[0], 1 / (1 + np.exp(-z)), rtol=1e-3, atol=1e-4)


def test_what_was_trained_runs(trained: Path, tmp_path: Path) -> None:
    picture = np.full((60, 80, 3), 110, np.uint8)
    picture[20:40, 30:50] = (255, 60, 40)
    (tmp_path / "pictures").mkdir()
    Image.fromarray(picture).save(tmp_path / "pictures" / "red.png")
    file = tmp_path / "run.yaml"
    file.write_text(
        f"model: {trained}\ninput: {{path: {tmp_path / 'pictures'}}}\n"
        f"output: {{path: {tmp_path / 'out'}}}\nheatmap: {{weights: linear, labels: [red]}}\n"
        "run: {workers: 0}\n"
    )
    done = CliRunner().invoke(main, ["run", str(file)])
    assert done.exit_code == 0, done.output
    written = json.loads((tmp_path / "out" / "boxes" / "red.png.json").read_text())
    assert written["labels"] == ["red"]


def test_a_network_without_class_maps_has_tables_but_no_calibration(
    tiny: ImagesTrainConfig,
) -> None:
    train_images(changed(tiny, head=None, epochs=1), resume=False)
    model = load_model(tiny.output)
    assert model.card.calibrations == ()
    assert model.tables.linear.shape == (64, 2)


def test_a_frozen_trunk_makes_a_whole_model_too(tiny: ImagesTrainConfig) -> None:
    train_images(changed(tiny, freeze=True, epochs=1), resume=False)
    assert load_model(tiny.output).tables.error.shape == (64, 2)


def test_the_command_tells_how_good_it_is_and_what_is_next(folders: Path, tmp_path: Path) -> None:
    file = tmp_path / "tiny.yaml"
    file.write_text("kind: images\nname: tiny\narchitecture: nin\nsize: 24\nepochs: 1\n")
    out = tmp_path / "model"
    given = ["train", str(file), "--set", f"data={folders}", "--output", str(out)]
    done = CliRunner().invoke(main, given)
    assert done.exit_code == 0, done.output
    assert "of pictures right on 8 that it was not trained on, mean average prec" in done.stdout
    assert "  red: found in " in done.stdout
    assert f"run it: locpipe run {out} --input PICTURES" in done.stdout
    shown = "".join(f"    {line}\n" for line in (out / "run.yaml").read_text().splitlines())
    assert f"{out / 'run.yaml'}:\n{shown}" in done.stdout
    for config in (out, out / "run.yaml", _alone(out, tmp_path / "alone.yaml")):
        arguments = ["run", config, "--input", folders / "red", "--output", tmp_path / "found"]
        ran = CliRunner().invoke(main, [*map(str, arguments), "--workers", "0", "--limit", "2"])
        assert ran.exit_code == 0, ran.output
    page = json.loads((tmp_path / "found" / "boxes" / "00.png.json").read_text())
    assert page["labels"] == ["blue", "red"]


def _alone(model: Path, config: Path) -> Path:
    config.write_text(f"model: {model}\n")
    return config


def test_what_a_model_proposes_is_shown_with_its_origin_and_overridden(
    trained: Path, tmp_path: Path
) -> None:
    config = _alone(trained, tmp_path / "alone.yaml")
    arguments = ["config", "show", str(config), "--set", "heatmap.labels=[red]"]
    shown = CliRunner().invoke(main, arguments).stdout
    assert f"weights: linear  # default of {trained}" in shown
    assert "labels: [red]  # --set heatmap.labels=[red]" in shown
    other = CliRunner().invoke(
        main, ["config", "check", str(config), "--set", "heatmap.weights=class"]
    )
    assert other.exit_code == 5
    assert "set heatmap.weights=linear, infer.resolution=native and" in other.stderr
    assert "calibrate" not in other.stderr


def test_a_finished_model_and_a_training_are_not_overwritten(tiny: ImagesTrainConfig) -> None:
    tiny.output.mkdir()
    (tiny.output / "checkpoint.safetensors").touch()
    with pytest.raises(ConfigError, match="unfinished training; go on with it by --resume"):
        train_images(tiny, resume=False)
    (tiny.output / "model.yaml").touch()
    with pytest.raises(ConfigError, match="already holds a finished model; remove it or choose"):
        train_images(tiny, resume=True)


def test_a_size_that_the_network_does_not_take_is_told_before_anything_is_written(
    tiny: ImagesTrainConfig,
) -> None:
    with pytest.raises(ConfigError, match="tutorial-fc takes no pictures of 24 x 24 pixels with 3"):
        train_images(changed(tiny, architecture="tutorial-fc", head=None), resume=False)
    with pytest.raises(ConfigError, match=r"nin-grey .* with 3 channels .* change size, or mean"):
        train_images(changed(tiny, architecture="nin-grey"), resume=False)
    assert not tiny.output.exists()


def test_network_in_network_learns_digits(tiny: ImagesTrainConfig, small_mnist: Path) -> None:
    grey = {"mean": (0.0,), "std": (1.0,), "size": 28}
    config = changed(tiny, data=small_mnist, architecture="nin-grey", head=None, **grey)
    train_images(changed(config, epochs=4, batch_size=30, precision="fp32"), resume=False)
    card = load_model(tiny.output).card
    assert card.quality["validation"]["accuracy"] > 0.6
    assert card.classes == tuple("0123456789")
    assert {one.label for one in card.calibrations} == set(card.classes)


@pytest.mark.parametrize(
    ("mistake", "setting", "code", "message"),
    [
        ("one class", "", 2, "2 classes are needed, it has red"),
        ("an empty class", "", 2, "blue: no pictures of this class"),
        ("an unreadable picture", "", 3, "red/03.png"),
        ("none", "head=maximum", 2, "head 'maximum' is unknown; there are: max, gap, lse(beta)"),
        ("none", "architecture=perceptron", 5, "'perceptron' is unknown; there are: lenet"),
    ],
)
def test_a_mistake_ends_with_its_code_and_leaves_nothing(
    folders: Path,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    mistake: str,
    setting: str,
    code: int,
    message: str,
) -> None:
    data = Path(shutil.copytree(folders, tmp_path / "data"))
    if mistake == "one class":
        shutil.rmtree(data / "blue")
    elif mistake == "an empty class":
        for file in (data / "blue").iterdir():
            file.unlink()
    elif mistake == "an unreadable picture":
        (data / "red" / "03.png").write_bytes(b"no picture")
    config = tmp_path / "tiny.yaml"
    config.write_text(f"kind: images\ndata: {data}\nsize: 24\n")
    given = ["train", str(config), "--output", str(tmp_path / "model")]
    done = CliRunner().invoke(main, [*given, *(["--set", setting] if setting else [])])
    assert done.exit_code == code
    assert message in done.output + caplog.text
    assert not (tmp_path / "model").exists()
