"""Model folders: the shipped one, and every way in which one can be wrong."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from locpipe.stages.errors import ModelError
from locpipe.stages.models.loading import (
    Model,
    find_model,
    list_models,
    load_model,
    read_card,
    verify_model,
)
from locpipe.stages.paths import sha256_of


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of the shipped model that a test may damage."""
    return Path(shutil.copytree(find_model("digits"), tmp_path / "mine"))


def edit(folder: Path, **changes: object) -> None:
    card = yaml.safe_load((folder / "model.yaml").read_text())
    (folder / "model.yaml").write_text(yaml.safe_dump(card | changes))


def test_shipped_models_are_found_by_name_and_verify() -> None:
    assert "digits" in [folder.name for folder in list_models()]
    for folder in list_models():
        assert find_model(folder.name) == folder
        assert verify_model(folder) == sha256_of(folder / "model.yaml")


def test_a_folder_is_a_model_too(folder: Path) -> None:
    assert find_model(str(folder)) == folder
    shipped = read_card(find_model("digits"))
    assert load_model(folder).card.model_dump() == shipped.model_dump()


def test_the_tables_fit_the_network(digits: Model) -> None:
    tables, classes = digits.tables, len(digits.card.classes)
    filters = digits.tables.error.shape[0]
    for table in (tables.error, tables.energy, tables.excitation, tables.linear):
        assert table.shape == (filters, classes)
    assert tables.baseline.shape == tables.count.shape == (classes,)
    assert (tables.count > 0).all()
    assert not digits.network.training


def test_an_unknown_model_lists_those_that_ship() -> None:
    with pytest.raises(ModelError, match=r"'nonesuch' is neither .*these do: .*digits"):
        find_model("nonesuch")


def test_a_tilde_that_is_no_user_is_part_of_a_name() -> None:
    with pytest.raises(ModelError, match=r"'~no/such/user' is neither a folder"):
        find_model("~no/such/user")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("weights.safetensors", r"weights.safetensors does not fit architecture lenet"),
        ("tables.safetensors", r"tables.safetensors holds no weight tables"),
    ],
)
def test_a_file_that_is_no_safetensors_though_the_card_says_so(
    name: str, message: str, folder: Path
) -> None:
    (folder / name).write_bytes(b"pickled")
    edit(folder, files=read_card(folder).files | {name: sha256_of(folder / name)})
    with pytest.raises(ModelError, match=message):
        load_model(folder).get_network()


@pytest.mark.parametrize("name", ["weights.safetensors", "tables.safetensors"])
def test_a_changed_file_is_named_with_both_hashes(name: str, folder: Path) -> None:
    expected = read_card(folder).files[name]
    damaged = bytearray((folder / name).read_bytes())
    damaged[-1] ^= 1
    (folder / name).write_bytes(damaged)
    with pytest.raises(ModelError, match=rf"{name}: sha256 is [0-9a-f]{{64}}.*says {expected}"):
        load_model(folder)


def test_a_missing_file_is_named(folder: Path) -> None:
    (folder / "weights.safetensors").unlink()
    with pytest.raises(ModelError, match=r"weights.safetensors: sha256 is no such file"):
        verify_model(folder)


def test_weights_of_another_architecture_are_refused(folder: Path) -> None:
    edit(folder, classes=["0", "1"], groups={})
    with pytest.raises(ModelError, match=r"weights.safetensors does not fit architecture lenet"):
        load_model(folder).get_network()


def test_an_unknown_architecture_lists_what_there_is(folder: Path) -> None:
    edit(folder, architecture="perceptron")
    with pytest.raises(ModelError, match=r"'perceptron' is unknown; there are: lenet"):
        load_model(folder).get_network()


def test_a_model_without_tables_says_how_to_weigh_it(folder: Path) -> None:
    (folder / "tables.safetensors").unlink()
    files = read_card(folder).files
    edit(folder, files={"weights.safetensors": files["weights.safetensors"]})
    with pytest.raises(ModelError, match=r"holds no weight tables .*run `locpipe weigh`"):
        load_model(folder)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"classes": 3}, r"model.yaml, key classes: "),
        ({"colour": "red"}, r"model.yaml, key colour: "),
        ({"input": {"channels": 2}}, r"model.yaml, key input.channels: "),
        ({"schema": "locpipe/model/9"}, r"model.yaml, key schema: "),
    ],
)
def test_a_malformed_card_names_file_and_key(
    changes: dict[str, object], message: str, folder: Path
) -> None:
    edit(folder, **changes)
    with pytest.raises(ModelError, match=message):
        read_card(folder)


@pytest.mark.parametrize("content", [b"schema: [", b"\xff\xfe\x00"])
def test_a_card_that_is_no_yaml(content: bytes, folder: Path) -> None:
    (folder / "model.yaml").write_bytes(content)
    with pytest.raises(ModelError, match=r"model.yaml is not YAML"):
        read_card(folder)


def test_a_card_that_is_missing(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"model.yaml: No such file"):
        read_card(tmp_path)


def test_reading_and_verifying_loads_no_torch() -> None:
    program = (
        "import sys\n"
        "from locpipe.stages.models.loading import find_model, read_card, verify_model\n"
        "verify_model(find_model('digits'))\n"
        "print([name for name in ('torch', 'cv2', 'skimage') if name in sys.modules])\n"
    )
    printed = subprocess.run(
        [sys.executable, "-c", program], check=True, capture_output=True, text=True
    ).stdout
    assert printed.strip() == "[]"
