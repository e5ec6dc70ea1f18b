"""Masks of objects, read from pictures: light pixels are object."""

from pathlib import Path

import cv2
import numpy as np
import PIL.Image
from numpy.typing import NDArray

from ....stages.decoding.orientation import turned_upright
from ....stages.errors import ConfigError

_OBJECT = 128
"""Least level of object. Masks may be JPEG, which changes all levels a little."""
_ASPECT = 0.02
"""Largest difference of the horizontal and the vertical scale, beside one pixel of rounding."""


def read_mask(file: Path, size: tuple[int, int], orientation: int = 1) -> NDArray[np.bool_]:
    """Read a mask at the size (width, height) of its upright picture, bool [H, W].

    Objects are lighter than half. A mask of another size with the same aspect is scaled; each pixel
    takes the nearest one. `orientation` is the EXIF orientation of a mask of the stored picture.

    Raises:
        ConfigError: The mask cannot be read, or has another aspect than the picture.
    """
    try:
        with PIL.Image.open(file) as stored:
            grey = turned_upright(np.array(stored.convert("L")), orientation)
    except (OSError, SyntaxError, ValueError) as error:
        message = f"{file}: cannot read the mask ({error}); it must be a whole picture file"
        raise ConfigError(message) from error
    height, width = grey.shape
    across, down = width / size[0], height / size[1]
    if abs(across - down) > max(1 / size[0] + 1 / size[1], _ASPECT * down):
        message = (
            f"{file}: the mask is {width} x {height}, its picture {size[0]} x {size[1]} pixels; "
            f"it needs the aspect of the picture (--frame stored if it lies as the file does)"
        )
        raise ConfigError(message)
    scaled = cv2.resize(grey, size, interpolation=cv2.INTER_NEAREST)
    return np.asarray(scaled >= _OBJECT)
