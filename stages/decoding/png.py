"""PNG files as Pillow takes them: what says nothing about the pixels is left out."""

import io
import zlib
from typing import BinaryIO

SIGNATURE = b"\x89PNG\r\n\x1a\n"
_BEARING_ON_PIXELS = {b"tRNS", b"iCCP", b"eXIf"}
_EXIF_AS_TEXT = b"Raw profile type exif\0"  # of older ImageMagick


def readable_png(file: BinaryIO) -> BinaryIO:
    """Copy a PNG file without the chunks that other decoders pass over, from its beginning.

    Pillow refuses a file for a checksum or a size of a chunk that only carries text. As in libpng, a
    chunk that is not critical counts for nothing where its checksum is wrong. Frames of an animation
    after the first are left out. An eXIf chunk behind the pixels, where ExifTool puts it, goes to the
    front.
    """
    content = memoryview(file.read())
    kept: list[memoryview] = []
    exif: list[memoryview] = []
    position, kind = len(SIGNATURE), b""
    while kind != b"IEND" and position < len(content):
        length = int.from_bytes(content[position : position + 4], "big")
        kind = bytes(content[position + 4 : position + 8])
        chunk = content[position : position + 12 + length]
        position += len(chunk)
        if kind == b"eXIf" and _is_whole(chunk):
            exif.append(chunk)
        elif kind[:1].isupper() or (_is_wanted(kind, chunk) and _is_whole(chunk)):
            kept.append(chunk)
    return io.BytesIO(b"".join([SIGNATURE, *kept[:1], *exif[:1], *kept[1:]]))


def _is_wanted(kind: bytes, chunk: memoryview) -> bool:
    return kind in _BEARING_ON_PIXELS or chunk[8 : 8 + len(_EXIF_AS_TEXT)] == _EXIF_AS_TEXT


def _is_whole(chunk: memoryview) -> bool:
    return zlib.crc32(chunk[4:-4]) == int.from_bytes(chunk[-4:], "big")
