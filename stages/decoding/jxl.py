"""JPEG XL (ISO/IEC 18181). Its header is read here: the plug-in would decode all pixels."""

import io
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from PIL import Image, ImageFile

from .orientation import turned_upright

CODESTREAM = b"\xff\x0a"
CONTAINER = b"\0\0\0\x0cJXL \r\n\x87\n"
_ENOUGH = 32  # bytes of each piece; the header is shorter
_RATIOS = {1: (1, 1), 2: (12, 10), 3: (4, 3), 4: (3, 2), 5: (16, 9), 6: (5, 4), 7: (2, 1)}


class JxlFile(ImageFile.ImageFile):
    """A JPEG XL file. Its size is as stored until it is loaded; then it is upright.

    Args:
        file: The content of the file.
        decoder: The class of the plug-in, which opens and decodes the content.
    """

    format = "JXL"
    format_description = "JPEG XL"

    def __init__(self, file: io.BytesIO, decoder: Callable[[io.BytesIO], Any]) -> None:
        self._decoder = decoder
        super().__init__(file)

    def _open(self) -> None:
        assert self.fp is not None
        self._content = self.fp.read()
        self._size, self.info["orientation"] = _header(self._content)
        self._mode = "RGB"  # until it is loaded

    def load(self) -> Any:  # noqa: ANN401 - Pillow's own
        """Decode the pixels."""
        if self._im is None:
            picture: Any = self._decoder(io.BytesIO(self._content))
            picture.load()
            # libjxl turns pixels; a JPEG inside is decoded as it was.
            upright: Image.Image = picture
            if picture.jpeg:
                pixels = turned_upright(np.asarray(picture), self.info["orientation"])
                upright = Image.fromarray(pixels)
            self.im, self._mode, self._size = upright.im, upright.mode, upright.size
            self.info |= picture.info
        return super().load()


def _header(content: bytes) -> tuple[tuple[int, int], int]:
    """Return columns and rows as stored, and the orientation, 1..8 (SizeHeader, ImageMetadata)."""
    take = _Bits(b"".join(_pieces(content))[2:]).take
    is_small = take(1)

    def side() -> int:
        return (take(5) + 1) * 8 if is_small else take((9, 13, 18, 30)[take(2)]) + 1

    height, ratio = side(), take(3)
    width = height * _RATIOS[ratio][0] // _RATIOS[ratio][1] if ratio else side()
    is_default = take(1)
    has_more = not is_default and take(1)
    return (width, height), take(3) + 1 if has_more else 1


def _pieces(content: bytes) -> Iterator[bytes]:
    """Yield the beginning of the codestream, without the boxes (ISO/IEC 18181-2) around it."""
    if content.startswith(CODESTREAM):
        yield content[:_ENOUGH]
    position = len(CONTAINER)
    while content.startswith(CONTAINER) and position + 8 <= len(content):
        length, kind = (
            int.from_bytes(content[position : position + 4]),
            content[position + 4 : position + 8],
        )
        start = position + 8
        if length == 1:
            length, start = int.from_bytes(content[start : start + 8]), start + 8
        end = position + length if length else len(content)
        if kind in {b"jxlc", b"jxlp"}:
            yield content[start + 4 * (kind == b"jxlp") : end][:_ENOUGH]
        position = max(end, start)


class _Bits:
    """Reads numbers of so many bits, lowest bit first."""

    def __init__(self, content: bytes) -> None:
        self._rest = int.from_bytes(content, "little")

    def take(self, count: int) -> int:
        number = self._rest & ((1 << count) - 1)
        self._rest >>= count
        return number
