"""PNG files made by hand, with content that encoders never write."""

import struct
import zlib


def chunk(kind: bytes, body: bytes, *, error: int = 0) -> bytes:
    """A chunk of a PNG; its checksum is right unless an `error` is given."""
    checksum = struct.pack(">I", zlib.crc32(kind + body) ^ error)
    return struct.pack(">I", len(body)) + kind + body + checksum
