"""First stage: a picture file becomes upright 8-bit sRGB pixels.

    file ──▶ header ──▶ limit ──▶ pixels ──▶ 8 bit, upright ──▶ sRGB ──▶ over the background
             probe()             └───────────────────── load() ─────────────────────────┘

The content decides the format, never the name: a PNG called `.jpg` loads.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import PIL.Image
from numpy.typing import NDArray

from .decoding.colour import split_alpha, to_srgb
from .decoding.formats import Stored, decode, decode_fast, opened
from .decoding.huge import LARGEST_AT_ONCE, decode_by_rows
from .decoding.orientation import turned_upright
from .errors import ImageError
from .paths import name_of

_STRIP = 64  # rows
_log = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class Image:
    """One upright picture. Frame: origin at the outer corner of the top-left pixel, x right, y down.

    Attributes:
        rgb: uint8 [H, W, 3], sRGB, 0..255. EXIF orientation is applied (not XMP's), alpha is
            composed.
        path: The file, as it was given.
        page: Which page of the file, from 1.
        pages: Pages of the file; 1 for all but multi-page TIFF.
        exif_orientation: 1..8 as the file says; 1 where it says nothing or nonsense.
        stored_width: Columns of the page as stored, before `exif_orientation`, in pixels.
        stored_height: Rows of the page as stored, before `exif_orientation`, in pixels.
    """

    rgb: NDArray[np.uint8]
    path: Path
    page: int
    pages: int
    exif_orientation: int
    stored_width: int
    stored_height: int

    @property
    def width(self) -> int:
        """Columns of the upright picture, in pixels."""
        return int(self.rgb.shape[1])

    @property
    def height(self) -> int:
        """Rows of the upright picture, in pixels."""
        return int(self.rgb.shape[0])


@dataclass(frozen=True)
class Header:
    """What a file says about one of its pages before any pixel is decoded.

    Attributes:
        width: Columns of the upright picture, in pixels.
        height: Rows of the upright picture, in pixels.
        stored_width: Columns as stored, in pixels.
        stored_height: Rows as stored, in pixels.
        exif_orientation: 1..8 as the file says; 1 where it says nothing or nonsense.
        pages: Pages of the file; 1 for all but multi-page TIFF.
        format: Pillow's name of the format: JPEG, MPO, PNG, WEBP, BMP, GIF, TIFF, HEIF, AVIF,
            JPEG2000, JXL.
    """

    width: int
    height: int
    stored_width: int
    stored_height: int
    exif_orientation: int
    pages: int
    format: str

    @property
    def megapixels(self) -> float:
        """Millions of pixels of the page."""
        return self.width * self.height / 1e6


def probe(path: Path, *, page: int = 1) -> Header:
    """Read the header of one page, decoding no pixels.

    Args:
        path: The picture file.
        page: Which page of a multi-page TIFF, from 1.

    Raises:
        ImageError: The file cannot be opened, is no known picture, or has no such page.
    """
    with opened(path, page) as stored:
        return _header(stored)


def load(
    path: Path,
    *,
    page: int = 1,
    background: tuple[int, int, int] = (255, 255, 255),
    max_megapixels: float = 2500.0,
    check: Callable[[Header], object] | None = None,
) -> Image:
    """Decode one page into upright sRGB.

    16-bit samples become round(v / 257). Float samples are taken as 0..1, 0..255 or 0..65535, and
    32-bit integers as 0..255 or 0..65535: the first range that the page's maximum fits. 16-bit
    pages that are nearly black give a warning. An embedded ICC profile is converted to sRGB
    (perceptual intent). A broken profile is ignored with a logged warning.

    Pictures of more than 100 megapixels are decoded by rows into a file without a name, see
    `scratch`. This needs `locpipe[huge]`.

    Args:
        path: The picture file.
        page: Which page of a multi-page TIFF, from 1.
        background: sRGB 0..255 under transparent pixels.
        max_megapixels: Larger pictures are refused before decoding.
        check: Called with the header before any pixel is decoded. An exception from it ends the
            loading.

    Raises:
        ImageError: The file cannot be opened, is no known picture, is damaged or cut short, has no
            such page, or is larger than `max_megapixels`.
    """
    with opened(path, page) as stored:
        header = _header(stored)
        _check_size(path, header, max_megapixels)
        if check is not None:
            check(header)

        def to_rgb(pixels: PIL.Image.Image) -> NDArray[np.uint8]:
            return _as_array(_flatten(pixels, stored.icc_profile, background, path))

        if header.megapixels > LARGEST_AT_ONCE:
            rgb = decode_by_rows(path, stored, to_rgb)
        else:
            pixels = decode_fast(stored)
            if pixels is None:
                pixels = to_rgb(decode(stored))
            rgb = turned_upright(pixels, stored.decoded_orientation)
    return Image(
        rgb=rgb,
        path=path,
        page=page,
        pages=header.pages,
        exif_orientation=header.exif_orientation,
        stored_width=header.stored_width,
        stored_height=header.stored_height,
    )


def _header(stored: Stored) -> Header:
    width, height = stored.upright_size
    return Header(
        width=width,
        height=height,
        stored_width=stored.size[0],
        stored_height=stored.size[1],
        exif_orientation=stored.orientation,
        pages=stored.pages,
        format=stored.format,
    )


def _check_size(path: Path, header: Header, max_megapixels: float) -> None:
    if header.megapixels > max_megapixels:
        msg = (
            f"{name_of(path)} has {header.width} x {header.height} pixels"
            f" = {header.megapixels:.4g} megapixels, more than input.max_megapixels"
            f" = {max_megapixels:g}: raise input.max_megapixels or make the picture smaller"
        )
        raise ImageError(msg)


def _flatten(
    pixels: PIL.Image.Image,
    icc_profile: bytes | None,
    background: tuple[int, int, int],
    path: Path,
) -> PIL.Image.Image:
    colours, alpha = split_alpha(pixels)
    try:
        rgb = to_srgb(colours, icc_profile)
    except ValueError as error:
        _log.warning("%s: its ICC profile is ignored: %s", name_of(path), error)
        rgb = to_srgb(colours, None)
    if alpha is None:
        return rgb
    canvas = PIL.Image.new("RGB", rgb.size, background)
    canvas.paste(rgb, mask=alpha)
    return canvas


def _as_array(picture: PIL.Image.Image) -> NDArray[np.uint8]:
    """Return the pixels of an RGB picture in 1 ms per megapixel; `np.array` takes 3 to 7 ms.

    It reads strips: Pillow's buffers are as large as the request, and small buffers are reused.
    """
    rgb = np.empty((picture.height, picture.width, 3), np.uint8)
    for top in range(0, picture.height, _STRIP):
        bottom = min(top + _STRIP, picture.height)
        rgb[top:bottom] = np.asarray(picture.crop((0, top, picture.width, bottom)))
    return rgb
