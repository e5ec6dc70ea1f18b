"""A model folder from a stranger: whatever its files hold, no code of theirs runs."""

import os
import pickle
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
import yaml
from onnx import TensorProto, helper

from locpipe.stages.engines.exported import NOTES_FILE
from locpipe.stages.engines.onnx_runtime import OnnxRuntime
from locpipe.stages.engines.open_vino import OpenVino
from locpipe.stages.errors import ModelError
from locpipe.stages.models.loading import find_model, load_model
from locpipe.stages.nets.backbones import build_backbone
from locpipe.stages.paths import sha256_of

EXPORTED = "features.onnx.zip"
Open = Callable[[Path], object]
ENGINES = pytest.mark.parametrize(
    "engine",
    [lambda file: OnnxRuntime(file, 1), lambda file: OpenVino(file, 1, bfloat16=False)],
    ids=["onnxruntime", "openvino"],
)


class Harm:
    """Unpickled, it makes a file."""

    def __init__(self, trace: Path) -> None:
        self._trace = trace

    def __reduce__(self) -> tuple[Callable[[str], int], tuple[str]]:
        return os.system, (f"touch '{self._trace}'",)


@pytest.fixture
def trace(tmp_path: Path) -> Path:
    """The file that code of a stranger would make."""
    return tmp_path / "trace"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return Path(shutil.copytree(find_model("digits"), tmp_path / "mine"))


def swap(folder: Path, name: str, content: bytes) -> None:
    """Put a file into a model, as if it belonged there."""
    (folder / name).write_bytes(content)
    card = yaml.safe_load((folder / "model.yaml").read_text())
    card["files"][name] = sha256_of(folder / name)
    (folder / "model.yaml").write_text(yaml.safe_dump(card))


def test_the_harm_is_real(trace: Path) -> None:
    pickle.loads(pickle.dumps(Harm(trace)))
    assert trace.exists()


@pytest.mark.parametrize("name", ["weights.safetensors", "tables.safetensors"])
def test_a_pickle_in_the_place_of_weights_is_not_run(folder: Path, trace: Path, name: str) -> None:
    swap(folder, name, pickle.dumps(Harm(trace)))
    with pytest.raises(ModelError, match=name):
        _ = load_model(folder).get_network(), load_model(folder).tables
    assert not trace.exists()


def test_a_pickle_in_the_place_of_a_backbone_is_not_run(tmp_path: Path, trace: Path) -> None:
    (tmp_path / "evil.pth").write_bytes(pickle.dumps({"weight": Harm(trace)}))
    with pytest.raises(ModelError, match=r"evil.pth holds no weights that can be read safely"):
        build_backbone("resnet18", tmp_path / "evil.pth", None)
    assert not trace.exists()


def test_a_card_makes_no_objects(folder: Path, trace: Path) -> None:
    with (folder / "model.yaml").open("a") as card:
        card.write(f"\nquality: !!python/object/apply:os.system ['touch {trace}']\n")
    with pytest.raises(ModelError, match=r"model.yaml is not YAML \(could not determine"):
        load_model(folder)
    assert not trace.exists()


def exported(folder: Path, network: onnx.ModelProto) -> Path:
    """The archive of a model with another first network."""
    file = folder / EXPORTED
    with zipfile.ZipFile(file) as archive:
        notes = archive.read(NOTES_FILE)
        names = [name for name in archive.namelist() if name.endswith(".onnx")]
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr(NOTES_FILE, notes)
        for name in names:
            archive.writestr(name, network.SerializeToString())
    return file


def network_of(operator: onnx.NodeProto, *constants: onnx.TensorProto) -> onnx.ModelProto:
    shape = [1, 1, None, None]
    picture, maps = (
        helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name in ("picture", "y")
    )
    graph = helper.make_graph([operator], "g", [picture], [maps], list(constants))
    versions = [helper.make_opsetid("", 17), helper.make_opsetid("stranger", 1)]
    return helper.make_model(graph, opset_imports=versions, ir_version=8)


@ENGINES
def test_an_exported_network_brings_no_operators(folder: Path, engine: Open) -> None:
    foreign = helper.make_node("Harm", ["picture"], ["y"], domain="stranger")
    with pytest.raises(ValueError, match=r"is no exported network: (.|\n)*stranger"):
        engine(exported(folder, network_of(foreign)))


@ENGINES
@pytest.mark.parametrize("place", ["secret", "../secret", "{here}/inner/secret", "{here}/secret"])
def test_an_exported_network_reads_no_other_file(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str, engine: Open
) -> None:
    (tmp_path / "inner").mkdir()
    monkeypatch.chdir(tmp_path / "inner")
    for secret in (tmp_path, tmp_path / "inner"):
        np.ones(1, np.float32).tofile(secret / "secret")
    stored = helper.make_tensor("c", TensorProto.FLOAT, [1], b"\0\0\0\0", raw=True)
    adding = helper.make_node("Add", ["picture", "c"], ["y"])
    assert engine(exported(folder, network_of(adding, stored))) is not None
    stored.ClearField("raw_data")
    stored.data_location = TensorProto.EXTERNAL
    entry = stored.external_data.add()
    entry.key, entry.value = "location", place.format(here=tmp_path)
    with pytest.raises(ValueError, match="is no exported network"):
        engine(exported(folder, network_of(adding, stored)))


def test_what_is_no_onnx_is_no_exported_network(folder: Path) -> None:
    """OpenVINO reads other formats too, which may refer to files."""
    plain = b"<net name='x' version='11'><layers/><edges/></net>"
    with zipfile.ZipFile(folder / EXPORTED, "a") as archive, pytest.warns(match="Duplicate name"):
        archive.writestr("0.onnx", plain)
    with pytest.raises(ValueError, match="is no exported network"):
        OpenVino(folder / EXPORTED, 1, bfloat16=False)
