"""Writes grey PNGs of arrays that lie in files: OpenCV would need two copies in memory."""

import struct
import zlib
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from ...stages.scratch import bands, forget

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_FAST = 1  # level of zlib: masks are mostly runs


def grey_png(pixels: NDArray[np.uint8]) -> bytes:
    """Return pixels uint8 [H, W] as a PNG file (ISO/IEC 15948), read a few hundred rows at a time."""
    return b"".join((_SIGNATURE, *_chunks(pixels)))


def _chunks(pixels: NDArray[np.uint8]) -> Iterator[bytes]:
    height, width = pixels.shape
    yield _chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
    packer = zlib.compressobj(_FAST)
    for rows in bands(height):
        # Each row begins with its filter: 0, none.
        yield _chunk(b"IDAT", packer.compress(np.pad(pixels[rows], ((0, 0), (1, 0))).tobytes()))
        forget(pixels)
    yield _chunk(b"IDAT", packer.flush())
    yield _chunk(b"IEND", b"")


def _chunk(kind: bytes, content: bytes) -> bytes:
    length, check = len(content), zlib.crc32(kind + content)
    return struct.pack(">I", length) + kind + content + struct.pack(">I", check)
