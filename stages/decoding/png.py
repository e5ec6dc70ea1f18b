"""PNG files as Pillow accepts them: chunks that say nothing about the pixels are left out."""

import io
import zlib
from collections.abc import Sequence
from typing import BinaryIO

SIGNATURE = b"\x89PNG\r\n\x1a\n"
_TEXTS = {b"tEXt", b"zTXt"}
_BEARING_ON_PIXELS = {b"tRNS", b"iCCP", b"eXIf"}
_EXIF_AS_TEXT = b"Raw profile type exif\0"  # of older ImageMagick


def readable_png(file: BinaryIO) -> BinaryIO:
    """View a PNG file without the chunks that other decoders pass over.

    Pillow refuses a file if a chunk of text has a wrong checksum or size. Here, as in libpng, a
    chunk that is not critical is left out if its checksum is wrong. Frames of an animation after
    the first are left out too. An eXIf chunk behind the pixels, where ExifTool puts it, moves to
    the front.
    """
    kept: list[range] = []
    exif: list[range] = []
    position, kind = len(SIGNATURE), b""
    while kind != b"IEND":
        file.seek(position)
        head = file.read(8)
        if len(head) < 8:
            break
        length, kind = int.from_bytes(head[:4], "big"), head[4:]
        chunk = range(position, position + 12 + length)
        if kind == b"eXIf" and _is_whole(kind, file.read(length + 4)):
            exif.append(chunk)
        elif kind[:1].isupper() or _is_wanted(file, kind, length):
            if len(kept) > 1 and kept[-1].stop == position:
                chunk = range(kept.pop().start, chunk.stop)  # neighbours become one span
            kept.append(chunk)
        position = chunk.stop
    spans = [range(len(SIGNATURE)), *kept[:1], *exif[:1], *kept[1:]]
    return io.BufferedReader(_Spans(file, spans))


def _is_wanted(file: BinaryIO, kind: bytes, length: int) -> bool:
    if kind not in _BEARING_ON_PIXELS | _TEXTS:
        return False
    body = file.read(length + 4)
    return _is_whole(kind, body) and (kind not in _TEXTS or body.startswith(_EXIF_AS_TEXT))


def _is_whole(kind: bytes, body: bytes) -> bool:
    return zlib.crc32(kind + body[:-4]) == int.from_bytes(body[-4:], "big")


class _Spans(io.RawIOBase):
    """A view of parts of a file, one after the other, without a copy.

    Args:
        file: The file; it stays open.
        spans: Begin and end of each part, in bytes of the file.
    """

    def __init__(self, file: BinaryIO, spans: Sequence[range]) -> None:
        self._file, self._spans, self._at = file, spans, 0
        self._size = sum(map(len, spans))

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence]
        self._at = start + offset
        return self._at

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override] # what BufferedReader gives
        at, filled = self._at, 0
        for span in self._spans:
            if filled < len(buffer) and at < len(span):
                self._file.seek(span.start + at)
                part = self._file.read(min(len(span) - at, len(buffer) - filled))
                buffer[filled : filled + len(part)] = part
                filled += len(part)
                if at + len(part) < len(span):
                    break  # the file is cut short, or the buffer is full
                at = len(span)
            at -= len(span)
        self._at += filled
        return filled
