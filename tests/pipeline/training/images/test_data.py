import shutil
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from locpipe.pipeline.training.images.config import ImagesTrainConfig
from locpipe.pipeline.training.images.data import list_labelled, read_samples, squared
from locpipe.stages.errors import ConfigError, ImageError


def changed(config: ImagesTrainConfig, **changes: object) -> ImagesTrainConfig:
    return config.model_copy(update=changes)


def test_folders_are_classes(folders: Path) -> None:
    found = list_labelled(folders, multi_label=False)
    assert found.classes == ("blue", "red")
    assert found.labels == (("blue",),) * 20 + (("red",),) * 20
    assert [file.name for file in found.files[:3]] == ["00.png", "01.png", "02.png"]


def test_a_csv_names_files_beside_it_and_any_number_of_labels(listed: Path) -> None:
    found = list_labelled(listed, multi_label=True)
    assert found.classes == ("blue", "green", "red")
    assert found.labels[0] == ()
    assert found.labels[5] == ("blue", "red")
    assert found.files[5] == listed.parent / "pictures" / "05.png"


def test_a_csv_as_spreadsheets_write_it(listed: Path) -> None:
    """With a byte order mark, which was taken for a part of the first column's name."""
    marked = listed.with_name("marked.csv")
    marked.write_text(listed.read_text(), encoding="utf-8-sig")
    found = list_labelled(marked, multi_label=True)
    assert found == list_labelled(listed, multi_label=True)


def test_every_fifth_of_each_class_is_kept_out(tiny: ImagesTrainConfig) -> None:
    training, others = read_samples(tiny)
    assert training.pictures.shape == (32, 3, 24, 24)
    assert training.targets.sum(axis=0).tolist() == [16, 16]
    assert others.targets.sum(axis=0).tolist() == [4, 4]
    seen = {picture.tobytes() for picture in training.pictures}
    assert not seen & {picture.tobytes() for picture in others.pictures}


def test_a_validation_of_its_own_keeps_the_order_of_classes(
    tiny: ImagesTrainConfig, folders: Path, tmp_path: Path
) -> None:
    shutil.copytree(folders / "red", tmp_path / "others" / "red")
    shutil.copytree(folders / "blue", tmp_path / "others" / "blue")
    training, others = read_samples(changed(tiny, validation=tmp_path / "others"))
    assert len(training.pictures) == len(others.pictures) == 40
    np.testing.assert_array_equal(training.targets, others.targets)


def test_several_labels_are_several_targets(tiny: ImagesTrainConfig, listed: Path) -> None:
    training, others = read_samples(changed(tiny, data=listed, multi_label=True))
    assert len(training.pictures) + len(others.pictures) == 40
    assert training.targets.shape[1] == 3
    assert {0, 1, 2, 3} <= set(training.targets.sum(axis=1).tolist())


def test_mnist_is_read_from_its_files(tiny: ImagesTrainConfig, small_mnist: Path) -> None:
    grey = {"mean": (0.0,), "std": (1.0,), "size": 28}
    training, others = read_samples(changed(tiny, data=small_mnist, **grey))
    assert training.pictures.shape == (600, 1, 28, 28)
    assert others.targets.shape == (200, 10)
    assert training.classes == tuple("0123456789")
    with pytest.raises(ConfigError, match="MNIST has 1 channel and 28 pixels per side, the config"):
        read_samples(changed(tiny, data=small_mnist))


def wide() -> NDArray[np.uint8]:
    """Left third red, the rest green."""
    rgb = np.zeros((30, 90, 3), np.uint8)
    rgb[:, :30, 0] = 200
    rgb[:, 30:, 1] = 100
    return rgb


def test_a_picture_is_stretched_or_cut_to_its_middle() -> None:
    stretched, cut = squared(wide(), 30, "stretch", 3), squared(wide(), 30, "crop", 3)
    assert stretched[0].mean() == pytest.approx(200 / 3, abs=1)
    assert cut[0].max() == 0
    assert (cut[1] == 100).all()


def test_a_picture_becomes_grey_where_the_network_has_one_channel() -> None:
    grey = squared(wide(), 10, "stretch", 1)
    assert grey.shape == (1, 10, 10)
    assert grey[0, 0, 0] == round(0.299 * 200)


@pytest.mark.parametrize("shape", [(1, 1), (1, 50), (300, 7)])
def test_any_picture_has_the_asked_size(shape: tuple[int, int]) -> None:
    for fit in ("stretch", "crop"):
        assert squared(np.full((*shape, 3), 7, np.uint8), 16, fit, 3).shape == (3, 16, 16)


def test_no_folder_one_class_and_an_empty_class_are_told(tmp_path: Path, folders: Path) -> None:
    with pytest.raises(ConfigError, match="nowhere: no such folder; give one with a folder of"):
        list_labelled(tmp_path / "nowhere", multi_label=False)
    shutil.copytree(folders / "red", tmp_path / "data" / "red")
    with pytest.raises(ConfigError, match="2 classes are needed, it has red; add a class of"):
        list_labelled(tmp_path / "data", multi_label=False)
    (tmp_path / "data" / "blue").mkdir()
    with pytest.raises(ConfigError, match="blue: no pictures of this class; add some, or remove"):
        list_labelled(tmp_path / "data", multi_label=False)


def test_a_class_of_one_picture_cannot_be_kept_out(tiny: ImagesTrainConfig, tmp_path: Path) -> None:
    shutil.copytree(tiny.data, tmp_path / "data")
    (tmp_path / "data" / "green").mkdir()
    shutil.copy(tiny.data / "red" / "00.png", tmp_path / "data" / "green")
    with pytest.raises(ConfigError, match="leaves none of class 'green'; add some, or give a"):
        read_samples(changed(tiny, data=tmp_path / "data"))


def test_another_class_in_the_validation_is_told(tiny: ImagesTrainConfig, tmp_path: Path) -> None:
    shutil.copytree(tiny.data, tmp_path / "others")
    (tmp_path / "others" / "red").rename(tmp_path / "others" / "rose")
    with pytest.raises(ConfigError, match="has no class 'rose'; give both the same"):
        read_samples(changed(tiny, validation=tmp_path / "others"))


def test_an_unreadable_picture_is_named(tiny: ImagesTrainConfig, tmp_path: Path) -> None:
    shutil.copytree(tiny.data, tmp_path / "data")
    (tmp_path / "data" / "red" / "07.png").write_bytes(b"no picture")
    with pytest.raises(ImageError, match=r"red/07\.png"):
        read_samples(changed(tiny, data=tmp_path / "data"))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("picture,label\na.png,red\n", "needs the columns file and labels in its first line"),
        ("file,labels\na.png\n", "needs the columns file and labels in its first line"),
        ("", "needs the columns file and labels"),
        ("file,labels\na.png,red;blue\nb.png,red\n", "a.png has not exactly one label; set multi"),
        ("file,labels\na.png,\nb.png,red\n", "a.png has not exactly one label"),
        ("file,labels\na.png,red\nb.png,red\n", "2 classes are needed, it has red"),
    ],
)
def test_a_wrong_csv_is_told(text: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "labels.csv").write_text(text)
    with pytest.raises(ConfigError, match=message):
        list_labelled(tmp_path / "labels.csv", multi_label=False)


def test_a_csv_that_is_none_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read"):
        list_labelled(tmp_path / "missing.csv", multi_label=False)
    (tmp_path / "labels.csv").write_bytes(b"file,labels\n\xff,red\n")
    with pytest.raises(ConfigError, match="give a CSV file in UTF-8"):
        list_labelled(tmp_path / "labels.csv", multi_label=False)
