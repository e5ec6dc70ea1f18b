"""Pictures made smaller: in memory by OpenCV, in files to the same pixels."""

import sys
import tempfile
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from skimage import data

from locpipe.stages.geometry.shrinking import shrunk
from locpipe.stages.scratch import lies_in_file


@pytest.fixture(scope="module")
def photo() -> NDArray[np.uint8]:
    """A photograph with noise, uint8 [1517, 1003, 3]."""
    large = cv2.resize(data.astronaut(), (1003, 1517)).astype(float)
    noise = np.random.default_rng(0).normal(0, 20, large.shape)
    return np.asarray(np.clip(large + noise, 0, 255), np.uint8)


@pytest.fixture
def in_file(photo: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The same in a file without a name."""
    with tempfile.TemporaryFile() as file:
        mapped = np.memmap(file, np.uint8, "w+", shape=photo.shape)
    mapped[:] = photo
    assert lies_in_file(mapped)
    return mapped


@pytest.mark.parametrize("size", [(251, 379), (63, 95), (700, 1000), (1, 1), (1003, 1517)])
def test_a_picture_in_a_file_becomes_what_one_in_memory_does(
    size: tuple[int, int], photo: NDArray[np.uint8], in_file: NDArray[np.uint8]
) -> None:
    small, same = shrunk(photo, size), shrunk(in_file, size)
    assert small.shape == same.shape == (size[1], size[0], 3)
    # Means that end in a half may be rounded either way.
    difference = np.abs(small.astype(int) - same)
    assert difference.max() <= 1
    assert (difference > 0).mean() < 1e-3


def test_grey_keeps_its_channel(in_file: NDArray[np.uint8]) -> None:
    assert shrunk(in_file[..., :1], (100, 150)).shape == (150, 100, 1)


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_a_picture_in_a_file_is_not_kept_in_memory() -> None:
    with tempfile.TemporaryFile() as file:
        mapped = np.memmap(file, np.uint8, "w+", shape=(3000, 4000, 3))
    mapped[:] = 7
    shrunk(mapped, (1000, 750))
    address = f"{mapped.ctypes.data:x}-"
    _, _, entry = Path("/proc/self/smaps").read_text().partition(f"\n{address}")
    resident = int(entry.split("Rss:")[1].split()[0])
    assert resident < 1000  # KiB, of 36 MB
