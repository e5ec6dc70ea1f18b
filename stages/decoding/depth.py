"""Samples of more than 8 bits become 8 bits, rounded to the nearest level."""

import numpy as np
import PIL.Image
from numpy.typing import NDArray
from PIL import ImageFile
from PIL.TiffImagePlugin import (
    BITSPERSAMPLE,
    PHOTOMETRIC_INTERPRETATION,
    PLANAR_CONFIGURATION,
    TiffImageFile,
)

# White where the type of the samples does not say it: the first value that is not below the page's
# maximum.
_WHITES = {"I": (255.0, 65535.0), "F": (1.0, 255.0, 65535.0)}


def has_deep_colours(picture: ImageFile.ImageFile) -> bool:
    """Say whether an undecoded page has 16-bit colours, which Pillow would cut to 8 bits.

    Premultiplied colours (raw mode "RGBa;16…") are left to Pillow, which divides by alpha.

    Raises:
        ValueError: The colours lie in separate planes, which neither Pillow nor OpenCV gets right.
    """
    if picture.mode not in {"RGB", "RGBA"} or not picture.tile:
        return False
    if (
        first_tag(picture, PLANAR_CONFIGURATION, 1) == 2
        and first_tag(picture, BITSPERSAMPLE, 8) > 8
    ):
        msg = "16-bit colours in separate planes"
        raise ValueError(msg)
    raw_mode = str(picture.tile[0][3])
    # BMP's "BGR;16" has 5 or 6 bits per colour.
    return "RGB" in raw_mode and ";16" in raw_mode and "RGBa" not in raw_mode


def read_deep_colours(picture: ImageFile.ImageFile, content: bytes, frame: int) -> PIL.Image.Image:
    """Read a page with 16-bit colours through OpenCV, which also turns TIFF upright.

    Args:
        picture: The page as Pillow decoded it.
        content: The whole file.
        frame: Which directory of a TIFF, from 0.

    Returns:
        Mode RGB or RGBA, in the orientation that `picture` has.

    Raises:
        ValueError: OpenCV finds no 16-bit colours in it.
    """
    import cv2  # noqa: PLC0415 - 50 MB of libraries that few pictures need

    buffer = np.frombuffer(content, np.uint8)
    _, pages = cv2.imdecodemulti(buffer, cv2.IMREAD_UNCHANGED, range=(frame, frame + 1))
    if not pages or pages[0].dtype != np.uint16:
        msg = "16-bit colours that OpenCV cannot read"
        raise ValueError(msg)
    order = [2, 1, 0, 3] if picture.has_transparency_data else [2, 1, 0]
    return PIL.Image.fromarray(_scaled(pages[0][:, :, order], 65535.0))


def to_8_bit(picture: PIL.Image.Image) -> PIL.Image.Image:
    """Scale 16-bit grey (modes I;16, I) and float grey (F) to mode L. Other modes are unchanged.

    A level that PNG declares transparent gives mode LA. Integers of 32 bits are taken as 0..255 if
    the page's maximum fits, else as 0..65535.

    Raises:
        ValueError: The samples exceed every range that has an agreed white.
    """
    if not picture.mode.startswith(("I", "F")):
        return picture
    values = np.asarray(picture)
    grey = _scaled(values, _white(picture, values))
    # Pillow inverts "0 is white" only for up to 8 bits.
    white_is_zero = first_tag(picture, PHOTOMETRIC_INTERPRETATION, 1) == 0
    scaled = PIL.Image.fromarray(255 - grey if white_is_zero else grey)
    if "transparency" in picture.info:
        scaled.putalpha(PIL.Image.fromarray(values != picture.info["transparency"]).convert("L"))
    return scaled


def _white(picture: PIL.Image.Image, values: NDArray[np.generic]) -> float:
    if picture.mode.startswith("I;16"):
        return 2.0 ** first_tag(picture, BITSPERSAMPLE, 16) - 1
    top = float(np.max(values, where=np.isfinite(values), initial=0))
    for white in _WHITES[picture.mode]:
        if top <= white:
            return white
    msg = f"samples up to {top:g}, with no agreed white"
    raise ValueError(msg)


def _scaled(values: NDArray[np.generic], white: float) -> NDArray[np.uint8]:
    """Return samples 0..white as the nearest of 0..255; NaN is black."""
    # float32 is exact enough: no multiple of 255 / 65535 is nearer to a half than 1 / 514.
    levels: NDArray[np.float32] = values.astype(np.float32) * np.float32(255 / white)
    rounded: NDArray[np.float32] = np.rint(np.nan_to_num(levels).clip(0, 255))
    return rounded.astype(np.uint8)


def first_tag(picture: PIL.Image.Image, tag: int, default: int) -> int:
    """Return the first value of a TIFF tag; the default for other formats."""
    if not isinstance(picture, TiffImageFile):
        return default
    value = picture.tag_v2.get(tag, default)
    return int(value[0] if isinstance(value, tuple) else value)
