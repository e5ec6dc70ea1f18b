import shutil
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner, Result

from locpipe.pipeline.cli.main import main
from locpipe.stages.models.loading import Model, find_model, load_model, read_card, verify_model

Words = list[str | Path]
SHIPPED = find_model("digits")


def locpipe(*arguments: str | Path) -> Result:
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


@pytest.fixture(scope="module")
def folder(small_mnist: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model that was trained, weighed and calibrated by the three commands, on few digits."""
    folder = tmp_path_factory.mktemp("models") / "tiny"
    data: Words = ["--data", small_mnist]
    small = ["--set", "epochs=2", "--set", "batches=6", "--set", "batch_size=100"]
    trained = locpipe("train", "digits", "--output", folder, "--set", f"data={small_mnist}", *small)
    assert trained.exit_code == 0, trained.output
    assert "accuracy on 200 test samples: " in trained.stdout
    assert "  9: " in trained.stdout
    weighed = locpipe("weigh", folder, *data)
    assert weighed.exit_code == 0, weighed.output
    assert "filters change sign between `paper` and `class`" in weighed.stdout
    config = folder.with_suffix(".yaml")
    config.write_text("model: digits\ninfer: {polarity: both}\nheatmap: {labels: ['7', '9']}\n")
    calibrated = locpipe("calibrate", folder, "--config", config, *data, "--canvases", "24")
    assert calibrated.exit_code == 0, calibrated.output
    assert "class       native      inverted      1  9" in calibrated.stdout
    return folder


def test_the_three_commands_make_a_whole_model(folder: Path) -> None:
    model: Model = load_model(folder)
    assert sorted(file.name for file in folder.iterdir()) == [
        "curve.jsonl", "curve.png", "model.yaml", "tables.safetensors", "weights.safetensors"
    ]  # fmt: skip
    assert model.tables.count.sum() == 600
    assert len(model.card.calibrations) == 2 * 2
    assert model.card.training["settings"]["epochs"] == 2
    assert model.card.calibration["canvases"] == 24
    assert len((folder / "curve.jsonl").read_text().splitlines()) == 2


def test_calibrating_again_keeps_what_was_not_asked_for(
    folder: Path, small_mnist: Path, tmp_path: Path
) -> None:
    copy = Path(shutil.copytree(folder, tmp_path / "copy"))
    config = tmp_path / "paper.yaml"
    config.write_text("model: digits\nheatmap: {weights: paper}\n")
    done = locpipe("calibrate", copy, "--config", config, "--data", small_mnist, "--canvases", "6")
    assert done.exit_code == 0, done.output
    before, after = (read_card(one).calibrations for one in (folder, copy))
    assert set(before) < set(after)
    assert [(c.weights, c.label) for c in set(after) - set(before)] == [("paper", "text")]


def test_a_model_of_photographs_is_not_calibrated_on_digits() -> None:
    done = locpipe("calibrate", "objects", "--config", "objects")
    assert done.exit_code == 2
    assert "models of digits and of text" in done.stderr
    assert "use it with `heatmap.normalize: minmax`" in done.stderr


def test_a_model_that_brings_its_config_is_not_calibrated_but_run(tmp_path: Path) -> None:
    copy = Path(shutil.copytree(find_model("objects"), tmp_path / "copy"))
    (copy / "run.yaml").write_text(f"model: {copy}\n")
    done = locpipe("calibrate", copy, "--config", "objects")
    assert done.exit_code == 2
    assert f"use it with `locpipe run {copy}`" in done.stderr


def test_weighing_again_gives_the_same_tables_and_drops_calibrations(
    folder: Path, small_mnist: Path, tmp_path: Path
) -> None:
    copy = Path(shutil.copytree(folder, tmp_path / "copy"))
    assert locpipe("weigh", copy, "--data", small_mnist).exit_code == 0
    assert read_card(copy).files == read_card(folder).files
    assert read_card(copy).calibrations == ()
    verify_model(copy)


def test_a_model_killed_between_tables_and_card_is_mended_by_weighing(
    folder: Path, small_mnist: Path, tmp_path: Path
) -> None:
    copy = Path(shutil.copytree(folder, tmp_path / "copy"))
    (copy / "tables.safetensors").write_bytes(b"newer")
    assert locpipe("weigh", copy, "--data", small_mnist).exit_code == 0
    verify_model(copy)


@pytest.mark.parametrize("name", ["train", "weigh", "calibrate"])
def test_every_help_has_an_example(name: str) -> None:
    assert f"Example: locpipe {name} " in locpipe(name, "--help").stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["train", "nothing"], "nothing: does not exist; give a config file or one of the"),
        (["train", "digits", "--set", "epoch=1"], "epochs"),
        (["train", "digits", "--set", "epochs=0"], "epochs"),
        (["train", "digits", "--set", "architecture=vgg"], "lenet"),
        (["train", "digits", "--set", "data=/nowhere"], "/nowhere: no such folder of MNIST"),
        (["weigh", "digits", "--data", "/nowhere"], "/nowhere: no such folder of MNIST"),
        (["calibrate", "digits", "--config", "none"], "none: does not exist"),
    ],
)
def test_a_wrong_wish_ends_with_2_and_names_itself(
    arguments: list[str], message: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    extra: Words = ["--output", tmp_path / "out"] if arguments[0] == "train" else []
    result = locpipe(*arguments, *extra)
    assert result.exit_code == 2
    assert message in result.output + caplog.text
    assert not (tmp_path / "out").exists()


def broken(tmp_path: Path, how: str) -> Path:
    copy = Path(shutil.copytree(SHIPPED, tmp_path / "broken"))
    if how == "no weights":
        (copy / "weights.safetensors").unlink()
    elif how == "no tables":
        card = yaml.safe_load((copy / "model.yaml").read_text())
        del card["files"]["tables.safetensors"]
        (copy / "model.yaml").write_text(yaml.safe_dump(card))
        (copy / "tables.safetensors").unlink()
    elif how == "letters":
        text = (copy / "model.yaml").read_text()
        (copy / "model.yaml").write_text(text.replace("width: 28", "width: 32"))
    return copy


@pytest.mark.parametrize(
    ("command", "how", "message"),
    [
        ("weigh", "no weights", "weights.safetensors is missing or not what model.yaml says"),
        ("weigh", "letters", "measures on MNIST, so it needs ten digits on (1, 28, 28)"),
        ("calibrate", "no weights", "weights.safetensors: sha256 is no such file"),
        ("calibrate", "no tables", "run `locpipe weigh` on the model"),
    ],
)
def test_a_broken_model_ends_with_5_and_names_what_is_missing(
    command: str, how: str, message: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    arguments = ["--config", "text"] if command == "calibrate" else []
    result = locpipe(command, broken(tmp_path, how), *arguments)
    assert result.exit_code == 5
    assert message in result.output + caplog.text


def test_an_output_that_cannot_be_written_ends_with_6(
    small_mnist: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").touch()
    arguments: Words = ["--output", tmp_path / "file" / "model", "--set", f"data={small_mnist}"]
    arguments += ["--set", "epochs=1", "--set", "batches=1"]
    result = locpipe("train", "digits", *arguments)
    assert result.exit_code == 6
    assert "cannot be written" in result.output + caplog.text


def test_the_readme_of_the_shipped_model_quotes_its_card() -> None:
    card, readme = read_card(SHIPPED), (SHIPPED / "README.md").read_text("utf-8")
    quality = card.quality["mnist_test"]
    assert f"{quality['accuracy']:.2%}" in readme
    for name, share in quality["accuracy_per_class"].items():
        assert f"| {name} | {share:.2%} |" in readme
