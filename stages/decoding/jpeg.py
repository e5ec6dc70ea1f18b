"""JPEG files: common ones are decoded fast, and those without an end marker are decoded too."""

import io
from collections.abc import Iterator

import numpy as np
import PIL.Image
import simplejpeg
from numpy.typing import NDArray

_END = b"\xff\xd9"
_BASELINE, _EXTENDED, _PROGRESSIVE = 0xC0, 0xC1, 0xC2
_SCAN = 0xDA
_PIXELS = [bytes([byte]) * 64 for byte in (0xFE, 0x55, 0x33, 0xCC, 0x0F, 0xE1)]


def faultless_pixels(content: bytes) -> NDArray[np.uint8] | None:
    """Decode a JPEG file of grey or three colours.

    The decoder is the same as Pillow's (libjpeg-turbo), but makes fewer copies. It refuses files
    that libjpeg warns of.

    Returns:
        uint8 [H, W, 3], as stored; None where anything about the file is unusual.
    """
    try:
        return np.asarray(simplejpeg.decode_jpeg(content), np.uint8)
    except ValueError:
        return None


def whole_without_end(content: bytes) -> PIL.Image.Image | None:
    """Decode a JPEG file without end marker if all of its pixels are there, else return None.

    Where pixels are missing, a decoder invents them from the bytes that follow. So the file is
    decoded with different bytes appended. If the results are the same, nothing is missing. The test
    works for files with all colours in one scan. Other files may lack whole scans, so they count as
    cut short.
    """
    if not _has_one_scan(content):
        return None
    content = content.removesuffix(_END[:1])
    pixels: set[bytes] = set()
    for more in (b"", *_more_pixels(content)):
        picture = PIL.Image.open(io.BytesIO(content + more + _END), formats=("JPEG",))
        pixels.add(picture.tobytes())
    return picture if len(pixels) == 1 else None


def _more_pixels(content: bytes) -> list[bytes]:
    """Return bytes that decode to pixels wherever a file was cut, also at a restart marker."""
    markers = [bytes([0xFF, 0xD0 + number]) for number in range(8)]
    last = max(range(8), key=lambda number: content.rfind(markers[number]))
    return [pixels + markers[(last + 1) % 8] + pixels for pixels in _PIXELS]


def _has_one_scan(content: bytes) -> bool:
    """Say whether the first scan of a sequential frame has all of its colours."""
    found = dict(_segments(content))
    frame = found.get(_BASELINE) or found.get(_EXTENDED)
    return frame is not None and _SCAN in found and found[_SCAN][0] == frame[5]


def is_common(content: bytes) -> bool:
    """Say whether all decoders can read a JPEG: 8 bits, grey or three colours."""
    found = dict(_segments(content))
    frames = [found.get(kind) for kind in (_BASELINE, _EXTENDED, _PROGRESSIVE)]
    return any(frame[0] == 8 and frame[5] in {1, 3} for frame in frames if frame)


def _segments(content: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield marker and content of every segment up to the first scan (ITU-T T.81, annex B)."""
    position = 2
    while position + 4 <= len(content) and content[position] == 0xFF:
        length = int.from_bytes(content[position + 2 : position + 4])
        marker = content[position + 1]
        yield marker, content[position + 4 : position + 2 + length]
        if marker == _SCAN:
            return
        position += 2 + length
