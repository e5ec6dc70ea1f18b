"""Which pictures Leptonica, and thus Tesseract, reads correctly."""

from collections.abc import Callable
from pathlib import Path
from typing import Final

import cv2
import numpy as np
from PIL import ImageFile
from PIL.TiffImagePlugin import (
    BITSPERSAMPLE,
    COMPRESSION,
    EXTRASAMPLES,
    PHOTOMETRIC_INTERPRETATION,
    PLANAR_CONFIGURATION,
    SAMPLEFORMAT,
    TILEWIDTH,
    TiffImageFile,
)
from PIL.WebPImagePlugin import WebPImageFile

from ...stages.decoding.formats import opened
from ...stages.decoding.jpeg import is_common
from ...stages.decoding.lines import caught_lines

_UNPACKED, _FAX, _LZW, _DEFLATE, _PACKBITS = 1, {2, 3, 4}, 5, {8, 32946}, 32773
_COMPRESSIONS = {_UNPACKED, *_FAX, _LZW, *_DEFLATE, _PACKBITS}


def reads(path: Path) -> bool:
    """Say whether Leptonica certainly reads the picture of a file, with the same pixels as ours.

    The rules list the files that it reads (found in its sources and by trial, 1.82), not those it
    refuses. A picture that it cannot open ends a list of Tesseract. It makes transparent pixels
    black. It refuses damaged files that other decoders only warn of, so a file with any error
    counts as not readable.

    Raises:
        ImageError: The file cannot be opened.
    """
    content = path.read_bytes()
    with opened(path, 1) as stored:
        is_plain = _PLAIN.get(stored.format)
        if is_plain is None or not is_plain(stored.picture, content):
            return False
    with caught_lines() as lines:
        buffer = np.frombuffer(content, np.uint8)
        found: object = cv2.imdecode(buffer, cv2.IMREAD_REDUCED_GRAYSCALE_8)
    return found is not None and not lines


def _is_plain_jpeg(_: ImageFile.ImageFile, content: bytes) -> bool:
    return is_common(content)


def _is_opaque(picture: ImageFile.ImageFile, _: bytes) -> bool:
    return not picture.has_transparency_data


def _is_plain_webp(picture: ImageFile.ImageFile, _: bytes) -> bool:
    assert isinstance(picture, WebPImageFile)
    return picture.mode == "RGB" and picture.n_frames == 1


def _is_plain_tiff(picture: ImageFile.ImageFile, _: bytes) -> bool:
    assert isinstance(picture, TiffImageFile)
    tags = picture.tag_v2
    bits = tags.get(BITSPERSAMPLE, (1,))
    return (
        TILEWIDTH not in tags
        and EXTRASAMPLES not in tags
        and tags.get(PLANAR_CONFIGURATION, 1) == 1
        and set(tags.get(SAMPLEFORMAT, (1,))) == {1}
        and tags.get(COMPRESSION, _UNPACKED) in _COMPRESSIONS
        and bits in {(1,), (8,), (16,), (8, 8, 8)}
        and tags.get(PHOTOMETRIC_INTERPRETATION) in {0, 1, 2, 3}
    )


_PLAIN: Final[dict[str, Callable[[ImageFile.ImageFile, bytes], bool]]] = {
    "JPEG": _is_plain_jpeg,
    "MPO": _is_plain_jpeg,
    "PNG": _is_opaque,
    "TIFF": _is_plain_tiff,
    "WEBP": _is_plain_webp,
}
