"""BMP files that divide the bits of a pixel in ways that Pillow does not know."""

import io
import struct

import numpy as np

_BIT_FIELDS = {3, 6}  # kinds of compression, the second one with alpha
_HEADER = "<2sIHHIIiiHHIIiiII4I"  # BITMAPV3INFOHEADER, and the file header before it
_MASKS = (0xFF0000, 0xFF00, 0xFF, 0xFF000000)


def plain_bmp(content: bytes) -> io.BytesIO:
    """Convert a BMP that names the bits of its channels to 8 bits per channel.

    Raises:
        ValueError: The file names no bits, or is cut short.
    """
    (offset, size), (width, height, _, bits, compression) = (
        struct.unpack_from("<II", content, 10),
        struct.unpack_from("<iiHHI", content, 18),
    )
    if compression not in _BIT_FIELDS or bits not in {16, 32}:
        msg = f"BMP of compression {compression} and {bits} bits"
        raise ValueError(msg)
    masks = list(struct.unpack_from("<4I", content, 54))
    if size < struct.calcsize("<10I4I") and compression != max(_BIT_FIELDS):
        masks[3] = 0
    row = (width * bits + 31) // 32 * 32 // bits
    samples = np.frombuffer(content, f"<u{bits // 8}", row * abs(height), offset)
    samples = samples.reshape(abs(height), row)[:, :width]
    pixels = np.empty((abs(height), width, 4), np.uint8)
    for channel, mask in zip((2, 1, 0, 3), masks, strict=True):
        level = (samples & np.uint32(mask)).astype(np.float32) * np.float32(255 / (mask or 1))
        pixels[:, :, channel] = np.rint(level)
    known = (*_MASKS[:3], _MASKS[3] if masks[3] else 0)
    start = struct.calcsize(_HEADER)
    head = (b"BM", start + pixels.nbytes, 0, 0, start, start - 14, width, height, 1, 32, 3)
    return io.BytesIO(
        struct.pack(_HEADER, *head, pixels.nbytes, 0, 0, 0, 0, *known) + pixels.tobytes()
    )
