"""Classifiers of others: their weights by package, file or download, and all that can go wrong."""

import os
import pickle
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from locpipe.stages.errors import ModelError
from locpipe.stages.models.backbone import BackboneSource
from locpipe.stages.models.card import Backbone
from locpipe.stages.nets.backbones import (
    LITE0,
    backbone_names,
    build_backbone,
    classes_of,
    look_of,
    rows,
    weights_file,
)
from locpipe.stages.nets.efficientnet_lite import EfficientNetLite0, renamed
from locpipe.stages.nets.state import read_state
from locpipe.stages.nets.torchvision_shim import declare_operators

declare_operators()
from torchvision import models  # noqa: E402  after the operators

DATA = Path(os.environ.get("LOCPIPE_DATA", Path(__file__).parents[4] / "shared" / "data"))
SAMPLE = DATA / "objects" / "imagenet_sample"


@pytest.fixture(scope="module")
def small() -> nn.Module:
    """The smallest ResNet, three classes, untrained."""
    torch.manual_seed(0)
    network: nn.Module = models.resnet18(num_classes=3)
    return network.eval()


@pytest.fixture(scope="module")
def file(small: nn.Module, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("weights") / "resnet18.safetensors"
    save_file(small.state_dict(), path)
    return path


@torch.inference_mode()
def test_local_weights_of_both_kinds_give_the_network(
    small: nn.Module, file: Path, tmp_path: Path
) -> None:
    torch.save(small.state_dict(), tmp_path / "resnet18.pth")
    x = torch.rand(1, 3, 64, 64)
    for path in (file, tmp_path / "resnet18.pth"):
        network = build_backbone("resnet18", weights_file("resnet18", str(path)), "layer4")
        torch.testing.assert_close(network(x), small(x), rtol=1e-4, atol=1e-5)
        assert classes_of("resnet18", path) == 3


def test_every_classifier_of_torchvision_is_known() -> None:
    names = backbone_names()
    assert set(models.list_models(module=models)) | {LITE0} == set(names)
    assert look_of("inception_v3").side == 299
    assert look_of("resnet50").mean == (0.485, 0.456, 0.406)


def test_the_table_says_where_a_network_is_cut_or_why_not() -> None:
    first, second = rows(("resnet50", "vit_b_32"))
    assert (first.layer, first.channels, first.stride) == ("layer4", 2048, 32)
    assert first.receptive_field == 427
    assert second.attention == ("MultiheadAttention",)


def test_an_unknown_backbone_names_the_nearest() -> None:
    with pytest.raises(ModelError, match=r"'resnet5' is unknown; nearest: .*resnet50"):
        look_of("resnet5")


def test_weights_that_are_neither_file_nor_name(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"no such file, and torchvision offers: IMAGENET1K_V1"):
        weights_file("resnet18", str(tmp_path / "gone.pth"))
    with pytest.raises(ModelError, match=r"'~no/such/user' of resnet18: no such file"):
        weights_file("resnet18", "~no/such/user")
    with pytest.raises(ModelError, match="no such file; give DEFAULT for those"):
        weights_file(LITE0, "IMAGENET1K_V1")


def test_weights_of_another_architecture_are_refused(file: Path) -> None:
    with pytest.raises(ModelError, match=r"resnet18.safetensors does not fit backbone resnet34"):
        build_backbone("resnet34", file, None)
    with pytest.raises(
        ModelError, match=r"does not fit backbone efficientnet_lite0: .*stands where"
    ):
        build_backbone(LITE0, file, None)


def test_a_pickle_that_does_more_than_hold_tensors_is_not_run(tmp_path: Path) -> None:
    path = tmp_path / "evil.pth"
    with path.open("wb") as stream:
        pickle.dump({"weight": Path("made by code")}, stream)
    with pytest.raises(ModelError, match=r"evil.pth holds no weights that can be read safely"):
        build_backbone("resnet18", path, None)


def test_a_whole_network_instead_of_its_weights_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "list.pth"
    torch.save([torch.zeros(3)], path)
    with pytest.raises(ModelError, match=r"list.pth is no state dict: save network.state_dict"):
        classes_of("resnet18", path)


@pytest.mark.parametrize("kept", ["state_dict", "model_state_dict", "model"])
@pytest.mark.parametrize("prefix", ["", "module.", "_orig_mod.module."])
def test_what_training_programs_save_is_understood(
    kept: str, prefix: str, small: nn.Module, tmp_path: Path
) -> None:
    state = {prefix + name: values for name, values in small.state_dict().items()}
    torch.save({kept: state, "epoch": 7}, tmp_path / "checkpoint.pth")
    read = read_state(tmp_path / "checkpoint.pth")
    assert read.keys() == small.state_dict().keys()


def test_what_does_not_fit_is_told_in_one_sentence(file: Path, tmp_path: Path) -> None:
    with pytest.raises(ModelError) as error:
        build_backbone("resnet34", file, None)
    assert str(error.value) == (
        f"{file} does not fit backbone resnet34: it lacks layer1.2.conv1.weight and 95 others; "
        "give weights of resnet34"
    )
    (tmp_path / "notes.pth").write_text("accuracy 0.9\n")
    with pytest.raises(ModelError, match=r"notes.pth .*: it is damaged, or no file of weights"):
        build_backbone("resnet18", tmp_path / "notes.pth", None)
    torch.save(nn.Linear(2, 2), tmp_path / "whole.pth")
    with pytest.raises(ModelError, match="holds objects of Python, such as a whole network") as e:
        build_backbone("resnet18", tmp_path / "whole.pth", None)
    assert "\n" not in str(e.value)


def test_a_transformer_is_refused_before_its_weights_are_looked_for(tmp_path: Path) -> None:
    source = BackboneSource(Backbone(backbone="vit_b_16", weights=str(tmp_path / "gone.pth")))
    with pytest.raises(ModelError, match="no convolutional last stage but attention"):
        source.card()


def test_without_a_network_the_message_names_the_local_way(tmp_path: Path) -> None:
    """In a process of its own, whose only way out is a proxy that is not there."""
    program = (
        "from locpipe.stages.errors import ModelError\n"
        "from locpipe.stages.nets.backbones import weights_file\n"
        "try:\n"
        "    weights_file('resnet18', 'DEFAULT')\n"
        "except ModelError as error:\n"
        "    print(error)\n"
    )
    nowhere = {"https_proxy": "http://127.0.0.1:9", "TORCH_HOME": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, **nowhere},
        check=True,
        capture_output=True,
        text=True,
    )
    assert "cannot download https://download.pytorch.org/models/resnet18-" in done.stdout
    assert "name it: `weights: path/to/resnet18-" in done.stdout
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_renaming_stops_at_the_first_layer_that_differs() -> None:
    network = nn.Sequential(nn.Linear(2, 3), nn.Linear(3, 1))
    with pytest.raises(RuntimeError, match=r"b \(4,\) stands where 0.bias \(3,\) should"):
        renamed({"a": torch.zeros(3, 2), "b": torch.zeros(4)}, network)
    with pytest.raises(RuntimeError, match="1 tensors instead of 4"):
        renamed({"a": torch.zeros(3, 2)}, network)


def test_lite0_has_the_size_that_its_authors_give() -> None:
    with torch.device("meta"):
        network = EfficientNetLite0()
    assert sum(parameter.numel() for parameter in network.parameters()) == 4_652_008


def _middle(path: Path) -> np.ndarray:
    bgr = cv2.imread(str(path))
    assert bgr is not None
    scale = 240 / min(bgr.shape[:2])
    bgr = np.asarray(cv2.resize(bgr, None, fx=scale, fy=scale))
    top, left = ((side - 224) // 2 for side in bgr.shape[:2])
    return bgr[top : top + 224, left : left + 224, ::-1]


@torch.inference_mode()
def test_lite0_knows_pictures_of_imagenet() -> None:
    """A picture of every twentieth class, of those that it was trained on."""
    if not SAMPLE.is_dir():
        pytest.skip("needs $LOCPIPE_DATA/objects/imagenet_sample")
    network = build_backbone(LITE0, weights_file(LITE0, "DEFAULT"), None)
    pictures = sorted(SAMPLE.iterdir())[::20]
    shown = np.stack([_middle(path) for path in pictures])
    x = torch.from_numpy((shown.astype(np.float32) - 127) / 128).permute(0, 3, 1, 2)
    found = network(x).argmax(dim=1)
    assert (found == torch.arange(0, 1000, 20)).float().mean() >= 0.7
