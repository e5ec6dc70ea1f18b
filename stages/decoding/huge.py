"""Pictures too large to decode at once: libvips decodes a few hundred rows at a time to a file."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import PIL.Image
from numpy.typing import NDArray

from ..errors import ImageError
from ..extras import plugin
from ..scratch import bands, forget, return_freed_memory, unnamed_file, zeros
from .formats import Stored
from .orientation import points_upright, view_upright

# libvips reads this when it is loaded. One thread is enough: there are many workers.
os.environ.setdefault("VIPS_CONCURRENCY", "1")

LARGEST_AT_ONCE = 100.0
"""Megapixels of the largest picture that Pillow decodes. It takes 6 bytes per pixel."""
_BLOCK = 2**26
"""Bytes of the columns that are turned together."""
_MODES = {1: "L", 2: "LA", 3: "RGB", 4: "RGBA"}
_KINDS = {
    **dict.fromkeys((("uchar", space) for space in ("srgb", "b-w", "cmyk")), np.uint8),
    **dict.fromkeys((("ushort", space) for space in ("rgb16", "grey16")), np.uint16),
}
_RATIOS = {"PNG": 8 * 1032, "JPEG": 512, "MPO": 512}
"""Most pixels per byte of a file: PNG deflates one bit per pixel, JPEG has one bit per block."""


def decode_by_rows(
    path: Path, stored: Stored, to_rgb: Callable[[PIL.Image.Image], NDArray[np.uint8]]
) -> NDArray[np.uint8]:
    """Decode a page from top to bottom into an array in a file.

    Args:
        path: The file.
        stored: the page, of 1 to 4 channels of 8 or 16 bits.
        to_rgb: gives uint8 [h, W, 3] for rows as they are stored (mode L, LA, RGB, RGBA or CMYK).

    Returns:
        uint8 [H, W, 3], upright. If EXIF only mirrors the picture, it is a view of the stored rows.

    Raises:
        ImageError: the package is missing, or the file is too short for the size in its header.
        OSError: there is no room for the file.
    """
    width, height = stored.size
    _check_length(path, stored)
    megapixels = width * height / 1e6
    what = f"{stored.name} has {megapixels:.4g} megapixels, more than {LARGEST_AT_ONCE:g}"
    vips = plugin("pyvips", "huge", what)
    vips.cache_set_max(0)
    page = {"page": stored.frame} if stored.format == "TIFF" else {}
    picture = vips.Image.new_from_file(str(path), access="sequential", fail_on="error", **page)
    if (picture.width, picture.height) != (width, height):
        msg = f"libvips finds {picture.width} x {picture.height} pixels, its header says {width} x {height}; copy it again"
        raise ValueError(msg)
    kind = _KINDS.get((picture.format, picture.interpretation))
    if kind is None:
        msg = f"samples of type {picture.format}, {picture.interpretation}, in a picture of this size; save it with 8 bits"
        raise ValueError(msg)
    region = vips.Region.new(picture)

    def decoded() -> Iterator[NDArray[np.uint8]]:
        for rows in bands(height):
            samples = region.fetch(0, rows.start, width, rows.stop - rows.start)
            as_stored = np.frombuffer(samples, kind).reshape(-1, width, picture.bands)
            yield to_rgb(_as_picture(as_stored, is_cmyk=picture.interpretation == "cmyk"))

    lies_on_its_side = stored.upright_size != (width, height)
    put = _put_upright if lies_on_its_side else _put
    upright = put(decoded(), width, height, stored.orientation)
    return_freed_memory()
    return upright


def _put(
    decoded: Iterator[NDArray[np.uint8]], width: int, height: int, orientation: int
) -> NDArray[np.uint8]:
    """Write rows [h, W, 3] to a file, and return an upright view of them."""
    rgb: NDArray[np.uint8] = zeros((height, width, 3), np.uint8)
    for rows, found in zip(bands(height), decoded, strict=True):
        rgb[rows] = found
        forget(rgb)
    return view_upright(rgb, orientation)


def _put_upright(
    decoded: Iterator[NDArray[np.uint8]], width: int, height: int, orientation: int
) -> NDArray[np.uint8]:
    """Write rows [h, W, 3] as columns to a file, and return that array.

    A view would not do: each of its rows would touch all pages of the file, and fill the memory.
    """
    upright: NDArray[np.uint8] = zeros((width, height, 3), np.uint8)
    columns = max(1, _BLOCK // (3 * height))
    with unnamed_file() as file:
        for found in decoded:
            file.write(found.tobytes())
        for left in range(0, width, columns):
            right = min(width, left + columns)
            block = np.empty((height, right - left, 3), np.uint8)
            for row, place in enumerate(block):
                file.seek(3 * (row * width + left))
                content = file.read(place.nbytes)
                place[:] = np.frombuffer(content, np.uint8).reshape(place.shape)
            top = points_upright(np.array([[left, 0], [right, 0]]), orientation, (width, height))
            first, last = sorted(top[:, 1].tolist())
            upright[first:last] = view_upright(block, orientation)
            forget(upright)
    return upright


def _check_length(path: Path, stored: Stored) -> None:
    """Check that the file is long enough for its pixels, before room is made for them."""
    ratio = _RATIOS.get(stored.format)
    length = path.stat().st_size
    if ratio and stored.size[0] * stored.size[1] > ratio * length:
        msg = (
            f"{stored.name} cannot hold {stored.size[0]} x {stored.size[1]} pixels in {length} bytes,"
            " its header is damaged: copy it again from its source"
        )
        raise ImageError(msg)


def _as_picture(
    samples: NDArray[np.uint8] | NDArray[np.uint16], *, is_cmyk: bool
) -> PIL.Image.Image:
    """Return samples [h, w, channels] as a Pillow picture; 16 bits become round(v / 257)."""
    if samples.dtype == np.uint16:
        samples = np.rint(samples * np.float32(1 / 257)).astype(np.uint8)
    channels = samples.shape[2]
    mode = "CMYK" if is_cmyk else _MODES[channels]
    return PIL.Image.frombuffer(mode, samples.shape[1::-1], samples.tobytes())
