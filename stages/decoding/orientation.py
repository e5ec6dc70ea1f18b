"""EXIF orientation, and what it does to sizes, pixels and points."""

from typing import NamedTuple, TypeVar

import numpy as np
import PIL.Image
from numpy.typing import NDArray
from PIL import ExifTags, ImageFile
from PIL.TiffImagePlugin import IMAGELENGTH, IMAGEWIDTH, TiffImageFile

UPRIGHT_WHEN_DECODED = {"TIFF", "HEIF", "JXL"}
"""Formats that Pillow (TIFF), libheif (HEIC) or libjxl turn upright before we see the pixels."""

_Number = TypeVar("_Number", np.float64, np.int64)
_Pixel = TypeVar("_Pixel", bound=np.generic)


class _Turn(NamedTuple):
    """How stored pixels become upright: mirror x, mirror y, then swap x and y."""

    mirrored: tuple[bool, bool]
    swapped: bool = False


_TURNS = {  # EXIF 2.32, 4.6.4 A, tag 274
    1: _Turn((False, False)),
    2: _Turn((True, False)),
    3: _Turn((True, True)),
    4: _Turn((False, True)),
    5: _Turn((False, False), swapped=True),
    6: _Turn((False, True), swapped=True),
    7: _Turn((True, True), swapped=True),
    8: _Turn((True, False), swapped=True),
}


def turned_upright(pixels: NDArray[np.uint8], orientation: int) -> NDArray[np.uint8]:
    """Return a copy of stored pixels [H, W] or [H, W, C], turned upright.

    NumPy moves each pixel as one item. Channel by channel would take twice as long.
    """
    if orientation == 1:
        return pixels
    height, width = pixels.shape[:2]
    whole = np.ascontiguousarray(pixels).reshape(height, width, -1)
    items = whole.view(f"V{whole.shape[2]}")
    turned = np.ascontiguousarray(view_upright(items, orientation))
    return turned.view(np.uint8).reshape(*turned.shape[:2], *pixels.shape[2:])


def view_upright(pixels: NDArray[_Pixel], orientation: int) -> NDArray[_Pixel]:
    """Return a view of stored pixels [H, W, ...] as `turned_upright` would turn them."""
    turn = _TURNS[orientation]
    x, y = (slice(None, None, -1 if is_mirrored else 1) for is_mirrored in turn.mirrored)
    view = pixels[y, x]
    return view.swapaxes(0, 1) if turn.swapped else view


def points_upright(
    points: NDArray[_Number], orientation: int, stored_size: tuple[int, int]
) -> NDArray[_Number]:
    """Move points as `turned_upright` moves the pixels.

    Args:
        points: [k, 2] in pixels of the stored picture.
        orientation: EXIF tag 274, 1..8.
        stored_size: width and height of the stored picture.

    Returns:
        [k, 2] of the same dtype, in pixels of the upright picture.
    """
    turn = _TURNS[orientation]
    moved = np.where(turn.mirrored, stored_size - points, points)
    return moved[:, ::-1] if turn.swapped else moved


def points_as_stored(
    points: NDArray[_Number], orientation: int, stored_size: tuple[int, int]
) -> NDArray[_Number]:
    """Move points of the upright picture to where they lie on the stored one.

    The inverse of `points_upright`, with the same arguments.
    """
    turn = _TURNS[orientation]
    turned = points[:, ::-1] if turn.swapped else points
    return np.where(turn.mirrored, stored_size - turned, turned)


def stored_size(picture: ImageFile.ImageFile, orientation: int) -> tuple[int, int]:
    """Return columns and rows of the page as stored, before its orientation is applied."""
    # A TIFF's `size` is upright or stored, depending on the version of Pillow.
    if isinstance(picture, TiffImageFile):
        return picture.tag_v2[IMAGEWIDTH], picture.tag_v2[IMAGELENGTH]
    if picture.format == "HEIF":
        return swapped(picture.size, orientation)
    return picture.size


def swapped(size: tuple[int, int], orientation: int) -> tuple[int, int]:
    """Return the upright size of a stored size, or the reverse."""
    return (size[1], size[0]) if _TURNS[orientation].swapped else size


def exif_orientation(picture: PIL.Image.Image) -> int:
    """Return the EXIF orientation 1..8 in a page's header; 1 if it is absent or nonsense."""
    if picture.format == "JXL":
        return int(picture.info["orientation"])
    for xmp in ("xmp", "XML:com.adobe.xmp"):  # Pillow would look at XMP too; viewers do not
        picture.info.pop(xmp, None)
    try:
        # Not picture.getexif(): for PNG it would decode the pixels.
        orientation = PIL.Image.Image.getexif(picture).get(ExifTags.Base.Orientation)
    except Exception:  # noqa: BLE001 - broken EXIF raises anything; the picture may be whole
        orientation = None
    # libheif turns the pixels by HEIC's own boxes, and the EXIF of cameras agrees with them.
    # pillow-heif resets the tag, and keeps its old value here.
    if orientation is not None and picture.format == "HEIF":
        orientation = picture.info.get("original_orientation")
    return int(orientation) if orientation in _TURNS else 1
