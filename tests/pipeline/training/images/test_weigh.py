"""`locpipe weigh` on labelled pictures, and `locpipe models backbones`, by the command line."""

import copy
from importlib import metadata
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from click.testing import CliRunner, Result
from safetensors.numpy import load_file
from safetensors.torch import save_file
from skimage import data
from torch import nn
from torch.nn import functional

from locpipe.pipeline.cli.main import main
from locpipe.pipeline.training.ablation import weigh
from locpipe.pipeline.training.images.labelled import batches, find_samples
from locpipe.stages.heatmap import filter_weights
from locpipe.stages.models.card import Backbone
from locpipe.stages.models.loading import load_model, load_network, read_card, verify_model
from locpipe.stages.nets import Network
from locpipe.stages.nets.backbones import backbone_names, rows
from locpipe.stages.nets.torchvision_shim import declare_operators
from locpipe.stages.paths import DATA

declare_operators()
from torchvision import models  # noqa: E402  after the operators

CLASSES = ("class 0", "class 2")


def locpipe(*arguments: str | Path) -> Result:
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two classes: parts of two photographs."""
    folder = tmp_path_factory.mktemp("pictures")
    for name, photo in zip(CLASSES, (data.chelsea(), data.coffee()), strict=True):
        (folder / name).mkdir()
        for number in range(2):
            part = photo[40 * number :: 2, ::2]
            cv2.imwrite(str(folder / name / f"{number}.png"), part[..., ::-1])
    return folder


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("weights") / "shufflenet.safetensors"
    network = models.shufflenet_v2_x0_5(num_classes=3)
    nn.init.normal_(network.fc.weight)
    save_file(network.state_dict(), path)
    return path


@pytest.fixture(scope="module")
def folder(pictures: Path, weights: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    output = tmp_path_factory.mktemp("models") / "mine"
    wanted = ("shufflenet_v2_x0_5", "--weights", weights, "--data", pictures, "--output", output)
    result = locpipe("weigh", *wanted)
    assert result.exit_code == 0, result.output
    assert "4 pictures of 2 of 3 classes, 1024 filters: 4,096 classifications" in result.stdout
    return output


def test_the_tables_of_a_folder_are_a_model(folder: Path, weights: Path) -> None:
    verify_model(folder)
    model = load_model(folder)
    assert model.card.backbone is not None
    assert model.card.backbone.sha256 is not None
    assert model.tables.count.tolist() == [2, 0, 2]
    head = load_network(Backbone(backbone="shufflenet_v2_x0_5", weights=str(weights)))
    fc = [layer for layer in head.modules() if isinstance(layer, nn.Linear)][-1]
    np.testing.assert_allclose(model.tables.linear, fc.weight.T.numpy(), atol=1e-5)
    ((_, of_class),) = filter_weights(model, "class 2", weights="class")
    np.testing.assert_allclose(of_class, model.tables.error[:, 2], rtol=1e-6)


def test_what_the_network_knows_itself_is_not_stored(folder: Path) -> None:
    assert "linear" not in load_file(folder / "tables.safetensors")


@torch.no_grad()
def naive_errors(network: Network, x: torch.Tensor, y: torch.Tensor, blocked: int) -> torch.Tensor:
    maps = network.features(x).clone()
    maps[:, blocked] = 0
    return functional.cross_entropy(network.classifier(maps), y, reduction="none")


@torch.inference_mode()
def test_the_tables_of_a_folder_equal_those_of_the_naive_loop(folder: Path, pictures: Path) -> None:
    model = load_model(folder)
    ((x, y),) = batches(find_samples(pictures, model.card), model.card.input)
    baseline = functional.cross_entropy(model.network(x), y, reduction="none")
    squares = model.network.features(x).square().sum(dim=(2, 3))
    for i in (0, 1, 17, 500, 1023):
        growth = naive_errors(model.network, x, y, i) - baseline
        per_energy = torch.where(squares[:, i] > 0, growth / squares[:, i], 0)
        for c in (0, 2):
            assert model.tables.error[i, c] == pytest.approx(float(growth[y == c].mean()), abs=1e-5)
            found, expected = model.tables.energy[i, c], float(per_energy[y == c].mean())
            assert found == pytest.approx(expected, rel=1e-2, abs=1e-6)


@pytest.mark.parametrize("ending", ["deep", "flat"])
def test_pooling_first_changes_nothing(ending: str) -> None:
    """A classifier that pools and is not linear, and one that does not pool."""
    torch.manual_seed(1)
    features = nn.Sequential(nn.Conv2d(3, 6, 3, padding=1), nn.ReLU())
    deep = (nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(6, 8), nn.Hardswish(), nn.Linear(8, 3))
    flat = (nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.Linear(24, 3))
    network = Network(features, nn.Sequential(*(deep if ending == "deep" else flat))).eval()
    x, y = torch.rand(9, 3, 8, 8), torch.arange(9) % 3
    tables = weigh(network, [(x[:5], y[:5]), (x[5:], y[5:])], 3)
    baseline = functional.cross_entropy(network(x), y, reduction="none").detach()
    for i in range(6):
        growth = naive_errors(copy.deepcopy(network), x, y, i) - baseline
        expected = [float(growth[y == c].mean()) for c in range(3)]
        assert tables.error[i] == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize(
    ("names", "labels"),
    [
        (("class 2", "class_0"), [2, 0]),
        (("0", "2"), [0, 2]),
        (("cats", "dogs", "owls"), [0, 1, 2]),
    ],
)
def test_folders_are_matched_by_name_index_or_order(
    names: tuple[str, ...], labels: list[int], folder: Path, tmp_path: Path
) -> None:
    for name in names:
        (tmp_path / name).mkdir()
        cv2.imwrite(str(tmp_path / name / "a.png"), np.zeros((4, 4, 3), np.uint8))
    assert [sample.label for sample in find_samples(tmp_path, read_card(folder))] == labels


def test_pictures_named_by_their_class_need_no_folders(tmp_path: Path) -> None:
    for name in ("n02389026_7.jpg", "n02389026_8.jpg", "n01877812_wallaby.jpg"):
        cv2.imwrite(str(tmp_path / name), np.zeros((4, 4, 3), np.uint8))
    card = read_card(Backbone(backbone="efficientnet_lite0"))
    samples = find_samples(tmp_path, card)
    assert [card.classes[sample.label] for sample in samples] == ["wallaby", "sorrel", "sorrel"]


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (("class 0",), "pictures of 1 classes; weighing compares at least two"),
        (("class 0", "class 2", "empty"), "empty: model mine knows no such class"),
        (("class 0", "class 1"), "class 1: no picture in the folder of this class"),
        ((), "pictures of 0 classes"),
    ],
)
def test_folders_that_cannot_be_weighed(
    names: tuple[str, ...],
    message: str,
    folder: Path,
    pictures: Path,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    for name in names:
        target = pictures / name
        if target.is_dir():
            (tmp_path / name).symlink_to(target)
        else:
            (tmp_path / name).mkdir()
    before = (folder / "tables.safetensors").read_bytes()
    result = locpipe("weigh", folder, "--data", tmp_path)
    assert result.exit_code == 2, result.output
    assert message in result.output + caplog.text
    assert (folder / "tables.safetensors").read_bytes() == before


def test_broken_pictures_are_left_out_with_a_warning(
    pictures: Path, folder: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    for name in CLASSES:
        (tmp_path / name).mkdir()
        content = (pictures / name / "0.png").read_bytes()
        (tmp_path / name / "good.png").write_bytes(content)
    (tmp_path / CLASSES[0] / "broken.png").write_bytes(content[:200])
    card = read_card(folder)
    ((_, labels),) = batches(find_samples(tmp_path, card), card.input)
    assert labels.tolist() == [0, 2]
    assert "left out: " in caplog.text
    assert "broken.png" in caplog.text


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["resnet18", "--output", "out"], 2, "give labelled pictures, one folder per class: --data"),
        (["resnet18", "--data", "DATA"], 2, "say where with --output DIR"),
        (["resnet5", "--data", "DATA"], 5, "'resnet5' is neither a folder"),
        (["digits", "--data", "DATA", "--layer", "x"], 2, "is a model with weights and layer of its own"),
        (["vit_b_32", "--data", "DATA", "--output", "out", "--weights", "W"], 5, "no convolutional last stage but attention"),
        (
            ["shufflenet_v2_x0_5", "--data", "DATA", "--output", "out", "--weights", "W", "--layer",
             "conv6"], 5, "layer 'conv6' does not exist; candidates",
        ),
    ],
)  # fmt: skip
def test_a_wrong_wish_names_itself_and_writes_nothing(
    arguments: list[str],
    code: int,
    message: str,
    pictures: Path,
    weights: Path,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    places = {"DATA": str(pictures), "W": str(weights), "out": str(tmp_path / "out")}
    result = locpipe("weigh", *(places.get(argument, argument) for argument in arguments))
    assert result.exit_code == code, result.output
    assert message in result.output + caplog.text
    assert not (tmp_path / "out").exists()


def test_the_table_of_backbones(caplog: pytest.LogCaptureFixture) -> None:
    result = locpipe("models", "backbones", "efficientnet_lite0", "vit_b_32")
    assert result.exit_code == 0
    head, _, lite0, vit = result.stdout.splitlines()
    assert head == "| backbone | layer | maps | stride | field of view |"
    assert lite0 == "| efficientnet_lite0 | features | 1280 | 32 | 851 |"
    assert vit.startswith("| vit_b_32 | none: attention (MultiheadAttention) |")
    unknown = locpipe("models", "backbones", "vgg17")
    assert unknown.exit_code == 5
    assert "backbone 'vgg17' is unknown; nearest: vgg1" in unknown.output + caplog.text


def test_the_table_that_ships_is_what_is_computed() -> None:
    version, *lines = (DATA / "backbones.tsv").read_text("utf-8").splitlines()
    assert version == f"# torchvision {metadata.version('torchvision')}"
    shipped = {name: cells for name, *cells in (line.split("\t") for line in lines)}
    assert set(shipped) == set(backbone_names())
    few = ("alexnet", "efficientnet_lite0", "resnet18", "squeezenet1_0", "vit_b_32")
    assert {row.name: row.cells() for row in rows(few)} == {name: shipped[name] for name in few}
    page = (Path(__file__).parents[4] / "docs" / "backbones.md").read_text("utf-8")
    assert locpipe("models", "backbones").stdout.strip() in page
