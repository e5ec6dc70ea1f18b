"""JPEG files that lack their last two bytes, the end marker."""

import io

import PIL.Image

_END = b"\xff\xd9"
_SEQUENTIAL = {0xC0, 0xC1}
_FRAMES = {*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC}
_PIXELS = [bytes([byte]) * 64 for byte in (0xFE, 0x55, 0x33, 0xCC, 0x0F, 0xE1)]


def whole_without_end(content: bytes) -> PIL.Image.Image | None:
    """Decode a JPEG file without end marker, if all of its pixels are there; else give None.

    Decoders make up what is missing from what follows. So decodings with different bytes behind the
    last one are the same only where nothing is missing. This holds for files that have all colours in
    one scan; of others whole scans may be missing, and they count as cut short.
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
    """Bytes that are pixels wherever a file was cut, before the next restart marker or behind it."""
    markers = [bytes([0xFF, 0xD0 + number]) for number in range(8)]
    last = max(range(8), key=lambda number: content.rfind(markers[number]))
    return [pixels + markers[(last + 1) % 8] + pixels for pixels in _PIXELS]


def _has_one_scan(content: bytes) -> bool:
    """Whether the first scan has all the colours of a sequential frame (ITU-T T.81, annex B)."""
    position, colours = 2, 0
    while position + 10 <= len(content) and content[position] == 0xFF:
        marker, length = content[position + 1], int.from_bytes(content[position + 2 : position + 4])
        if marker in _FRAMES:
            if marker not in _SEQUENTIAL:
                return False
            colours = content[position + 9]
        if marker == 0xDA:
            return content[position + 4] == colours
        position += 2 + length
    return False
