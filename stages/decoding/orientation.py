"""EXIF orientation: read once from the header, applied once, whoever applies it."""

from typing import BinaryIO

import PIL.Image
from PIL import ExifTags, ImageFile
from PIL.TiffImagePlugin import IMAGELENGTH, IMAGEWIDTH, TiffImageFile

__all__ = ["UPRIGHT_WHEN_DECODED", "exif_orientation", "stored_size", "swapped", "turned_upright"]

UPRIGHT_WHEN_DECODED = {"TIFF", "HEIF"}
"""Formats that Pillow (TIFF) or libheif (HEIC) turn upright before we see the pixels."""

_TRANSPOSE = {
    2: PIL.Image.Transpose.FLIP_LEFT_RIGHT,
    3: PIL.Image.Transpose.ROTATE_180,
    4: PIL.Image.Transpose.FLIP_TOP_BOTTOM,
    5: PIL.Image.Transpose.TRANSPOSE,
    6: PIL.Image.Transpose.ROTATE_270,
    7: PIL.Image.Transpose.TRANSVERSE,
    8: PIL.Image.Transpose.ROTATE_90,
}


def turned_upright(pixels: PIL.Image.Image, orientation: int) -> PIL.Image.Image:
    """Turn stored pixels upright."""
    return pixels if orientation == 1 else pixels.transpose(_TRANSPOSE[orientation])


def stored_size(picture: ImageFile.ImageFile, orientation: int) -> tuple[int, int]:
    """Columns and rows of the page as the file holds it, before its orientation is applied."""
    # A TIFF's `size` is upright or stored, depending on the version of Pillow.
    if isinstance(picture, TiffImageFile):
        return picture.tag_v2[IMAGEWIDTH], picture.tag_v2[IMAGELENGTH]
    if picture.format == "HEIF":
        return swapped(picture.size, orientation)
    return picture.size


def swapped(size: tuple[int, int], orientation: int) -> tuple[int, int]:
    """Stored size to upright size, and back."""
    return (size[1], size[0]) if orientation >= 5 else size


def exif_orientation(picture: ImageFile.ImageFile, file: BinaryIO) -> int:
    """EXIF orientation 1..8 of a page, from its header; 1 where there is none or nonsense."""
    # libheif turns by HEIC's own boxes, with which cameras' EXIF agrees; pillow-heif resets the tag
    # and keeps here what it was.
    if picture.format == "HEIF":
        orientation = picture.info.get("original_orientation")
    else:
        if picture.format == "PNG" and "exif" not in picture.info:
            picture.info["exif"] = _late_png_exif(file)
        try:
            # Not picture.getexif(): for PNG it would decode the pixels.
            orientation = PIL.Image.Image.getexif(picture).get(ExifTags.Base.Orientation)
        except Exception:  # noqa: BLE001 - broken EXIF raises anything; the picture may be whole
            orientation = None
    return int(orientation) if orientation in _TRANSPOSE else 1


def _late_png_exif(file: BinaryIO) -> bytes | None:
    """The eXIf chunk behind the pixels, where ExifTool puts it."""
    position = file.tell()
    file.seek(8)
    found = None
    while found is None and len(head := file.read(8)) == 8 and head[4:] != b"IEND":
        length = int.from_bytes(head[:4], "big")
        if head[4:] == b"eXIf":
            found = file.read(length)
        else:
            file.seek(length + 4, 1)
    file.seek(position)
    return found
