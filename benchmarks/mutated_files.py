"""Small picture files of every format that locpipe decodes, and damaged or hostile copies of them."""

import io
import random
import struct
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import numpy as np
import pillow_heif
import pillow_jxl  # noqa: F401 - Pillow writes JPEG XL with it
from PIL import Image, ImageCms

SAMPLES: Final = Path(__file__).resolve().parents[1] / "data" / "samples"
Chance = random.Random
Mutation = Callable[[Chance, bytes], bytes]
_EXTREMES: Final = (0, 1, 0x7F, 0xFF, 0x7FFF, 0x8000, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)
_HEADER: Final = 160  # bytes
_FEW: Final = 40
"""One file in this many is of a large kind, because those take long to make."""
_LONG: Final = 100_000
_MOST_PAGES: Final = 65_535


def real_files() -> dict[str, bytes]:
    """Small, intact picture files by name: every format, and every kind of the format."""
    pillow_heif.register_heif_opener()
    with Image.open(SAMPLES / "street.jpg") as picture:
        rgb = picture.convert("RGB").resize((48, 32))
    alpha = rgb.copy()
    alpha.putalpha(rgb.convert("L"))
    grey, deep = rgb.convert("L"), np.asarray(rgb.convert("L"), np.uint16) * 257
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    exif = Image.Exif()
    exif[0x0112], exif[0x010F] = 6, "maker"
    return {
        "plain.jpg": _saved(rgb, "JPEG", exif=exif, icc_profile=srgb),
        "progressive.jpg": _saved(rgb, "JPEG", progressive=True),
        "grey.jpg": _saved(grey, "JPEG", icc_profile=profile, restart_marker_blocks=2),
        "cmyk.jpg": _saved(rgb.convert("CMYK"), "JPEG"),
        "several.jpg": _saved(rgb, "MPO", several=True),
        "plain.png": _saved(rgb, "PNG", exif=exif, icc_profile=srgb),
        "alpha.png": _saved(alpha, "PNG"),
        "palette.png": _saved(rgb.quantize(16), "PNG", transparency=3),
        "deep.png": _saved(Image.fromarray(deep), "PNG"),
        "colours16.png": _deep_png(),
        "animated.png": _saved(rgb, "PNG", several=True),
        "plain.gif": _saved(rgb, "GIF"),
        "animated.gif": _saved(rgb, "GIF", several=True),
        "plain.bmp": _saved(rgb, "BMP"),
        "alpha.bmp": _saved(alpha, "BMP"),
        "bits565.bmp": _bmp_565(),
        "lossy.webp": _saved(rgb, "WEBP", exif=exif, icc_profile=srgb),
        "lossless.webp": _saved(alpha, "WEBP", lossless=True),
        "animated.webp": _saved(rgb, "WEBP", several=True),
        "plain.tif": _saved(rgb, "TIFF", exif=exif, icc_profile=srgb),
        "lzw.tif": _saved(alpha, "TIFF", compression="tiff_lzw"),
        "deflate.tif": _saved(grey, "TIFF", compression="tiff_adobe_deflate"),
        "jpeg.tif": _saved(rgb, "TIFF", compression="jpeg"),
        "fax.tif": _saved(rgb.convert("1"), "TIFF", compression="group4"),
        "deep.tif": _saved(Image.fromarray(deep), "TIFF"),
        "float.tif": _saved(grey.convert("F"), "TIFF"),
        "pages.tif": _saved(rgb, "TIFF", compression="tiff_lzw", several=True),
        "big.tif": _saved(rgb, "TIFF", big_tiff=True, several=True),
        "plain.avif": _saved(rgb, "AVIF", exif=exif),
        "plain.jp2": _saved(rgb, "JPEG2000"),
        "plain.heic": _saved(rgb, "HEIF"),
        "plain.jxl": _saved(rgb, "JXL", exif=exif.tobytes()),
        "lossless.jxl": _saved(alpha, "JXL", lossless=True),
    }


def _saved(picture: Image.Image, kind: str, *, several: bool = False, **how: Any) -> bytes:  # noqa: ANN401 - Pillow's
    stream = io.BytesIO()
    if several:
        how |= {"save_all": True, "append_images": [picture.rotate(90), picture.rotate(180)]}
    # Pillow changes a picture object when it saves it, so a copy is saved.
    picture.copy().save(stream, kind, **how)
    return stream.getvalue()


def _deep_png() -> bytes:
    """A PNG with 16 bits per colour. Pillow cannot write such files."""
    row = b"\0" + bytes(range(240))
    return _png(struct.pack(">IIBBBBB", 40, 32, 16, 2, 0, 0, 0), row * 32)


def _png(header: bytes, rows: bytes, *between: bytes) -> bytes:
    chunks = _chunk(b"IHDR", header), *between, _chunk(b"IDAT", zlib.compress(rows))
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks) + _chunk(b"IEND", b"")


def _chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def _bmp_565() -> bytes:
    width, height = 20, 16
    head = struct.pack("<IiiHHIIiiII", 40, width, height, 1, 16, 3, 2 * width * height, 0, 0, 0, 0)
    masks = struct.pack("<III", 0xF800, 0x07E0, 0x001F)
    body = bytes(range(256)) * 2 + bytes(128)
    start = 14 + len(head) + len(masks)
    return struct.pack("<2sIHHI", b"BM", start + len(body), 0, 0, start) + head + masks + body


def mutated(files: dict[str, bytes], count: int, seed: int) -> Iterator[tuple[str, bytes]]:
    """Yield `count` files, each with the name of its mutation; the same files for the same seed."""
    chance = random.Random(seed)  # noqa: S311 - any chance will do
    names = sorted(files)
    for number in range(count):
        name = names[number % len(names)]
        made, mutation = files[name], chance.choice(_MUTATIONS)
        if number % _FEW == _FEW - 1:
            mutation, name = _LARGE[number // _FEW % len(_LARGE)], "large"
        for mutate in (mutation, *chance.choices(_MUTATIONS, k=chance.choice((0, 0, 1, 2)))):
            made = mutate(chance, made)
        if mutation is _spliced:
            other = files[chance.choice(names)]
            made += other[chance.randrange(len(other)) :]
        yield f"{number:06}-{mutation.__qualname__.strip('_')}-{name}", made


def _cut_short(chance: Chance, data: bytes) -> bytes:
    return data[: chance.randrange(len(data) + 1)]


def _spliced(chance: Chance, data: bytes) -> bytes:
    return _cut_short(chance, data)


def _flipped_bits(chance: Chance, data: bytes) -> bytes:
    changed = bytearray(data)
    for _ in range(chance.choice((1, 2, 8, 64)) if data else 0):
        changed[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
    return bytes(changed)


def _overwritten(chance: Chance, data: bytes) -> bytes:
    start, length = chance.randrange(len(data) + 1), chance.randrange(1, 24)
    filler = chance.choice((bytes(length), b"\xff" * length, chance.randbytes(length)))
    return data[:start] + filler + data[start + length :]


def _false_numbers(chance: Chance, data: bytes) -> bytes:
    """Put false sizes, counts and offsets into headers, in either byte order."""
    changed = bytearray(data)
    for _ in range(chance.choice((1, 1, 2, 4))):
        size = chance.choice((1, 2, 4))
        start = chance.randrange(max(1, min(_HEADER, len(data)) - size))
        value = chance.choice(_EXTREMES) & (256**size - 1)
        changed[start : start + size] = value.to_bytes(size, chance.choice(("big", "little")))
    return bytes(changed)


def _swapped_pieces(chance: Chance, data: bytes) -> bytes:
    """Swap, repeat or remove segments, chunks, boxes or directories of a file."""
    pieces = _pieces(data)
    one, other = (chance.randrange(len(pieces)) for _ in range(2))
    match chance.randrange(3):
        case 0:
            pieces[one], pieces[other] = pieces[other], pieces[one]
        case 1:
            pieces.insert(one, pieces[other])
        case _:
            del pieces[one]
    return b"".join(pieces)


def _pieces(data: bytes) -> list[bytes]:
    """The parts of a file as its format defines them; for other formats, blocks of equal size."""
    if data.startswith(b"\x89PNG"):
        cuts = [8, *_ends(data, 8, lambda at: 12 + int.from_bytes(data[at : at + 4]))]
    elif data.startswith(b"RIFF"):
        cuts = [
            12,
            *_ends(data, 12, lambda at: 8 + int.from_bytes(data[at + 4 : at + 8], "little")),
        ]
    elif data[4:8] in {b"ftyp", b"JXL ", b"jP  "}:
        cuts = _ends(data, 0, lambda at: int.from_bytes(data[at : at + 4]))
    elif data.startswith(b"\xff\xd8"):
        cuts = [2, *_ends(data, 2, lambda at: 2 + int.from_bytes(data[at + 2 : at + 4]))]
    else:
        cuts = list(range(0, len(data), max(1, len(data) // 12)))
    starts = sorted({0, *(cut for cut in cuts if cut < len(data))})
    return [data[a:b] for a, b in zip(starts, [*starts[1:], len(data)], strict=True)]


def _ends(data: bytes, start: int, length: Callable[[int], int]) -> list[int]:
    found: list[int] = []
    while start < len(data) and length(start) > 1 and len(found) < 1000:
        start += length(start)
        found.append(start)
    return found


def _circle(chance: Chance, data: bytes) -> bytes:
    """Let a directory of a TIFF name an earlier directory as its next; other formats get a false number."""
    if data[:4] != b"II*\0":
        return _false_numbers(chance, data)
    places: list[int] = []
    at = int.from_bytes(data[4:8], "little")
    while at and at + 2 <= len(data) and at not in places and len(places) < 10:
        places.append(at)
        end = at + 2 + 12 * int.from_bytes(data[at : at + 2], "little")
        at = int.from_bytes(data[end : end + 4], "little")
    if not places:
        return data
    end = places[-1] + 2 + 12 * int.from_bytes(data[places[-1] : places[-1] + 2], "little")
    return data[:end] + struct.pack("<I", chance.choice(places)) + data[end + 4 :]


def _huge_profile(chance: Chance, _: bytes) -> bytes:
    """A PNG whose colour profile is megabytes long or far longer after unpacking."""
    size = chance.choice((1 << 20, 8 << 20, 80 << 20))
    body = b"icc\0\0" + zlib.compress(size.to_bytes(4) + bytes(size - 4), 1)
    header = struct.pack(">IIBBBBB", 4, 4, 8, 0, 0, 0, 0)
    return _png(header, b"\0\1\2\3\4" * 4, _chunk(b"iCCP", body))


def _huge_exif(chance: Chance, _: bytes) -> bytes:
    """A PNG whose EXIF is megabytes long, with a directory of many entries."""
    count = chance.choice((1000, 65_535))
    entries = b"".join(struct.pack("<HHII", n % 65_536, 2, 1 << 20, 8) for n in range(count))
    exif = b"II*\0\x08\0\0\0" + struct.pack("<H", count) + entries + bytes(4 << 20)
    header = struct.pack(">IIBBBBB", 4, 4, 8, 0, 0, 0, 0)
    return _png(header, b"\0\1\2\3\4" * 4, _chunk(b"eXIf", exif))


def _bomb(chance: Chance, _: bytes) -> bytes:
    """A PNG that unpacks to a far larger size, or whose header claims a size beyond any memory."""
    side = chance.choice((1900, 20_000, 2**31 - 1))
    return _png(struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0), bytes(12 << 20))


def _long_line(chance: Chance, _: bytes) -> bytes:
    """A picture of one pixel by a hundred thousand pixels."""
    size = chance.choice(((_LONG, 1), (1, _LONG)))
    return _saved(Image.new("L", size, 99), chance.choice(("PNG", "TIFF", "BMP")))


def _many_pages(chance: Chance, _: bytes) -> bytes:
    """A TIFF of as many pages as 16 bits count, all of the same few pixels."""
    made = [b"II*\0", struct.pack("<I", 16), bytes(range(8))]
    fields = (256, 2), (257, 4), (258, 8), (259, 1), (262, 1), (273, 8), (278, 4), (279, 8)
    count = _MOST_PAGES if chance.random() < 0.5 else 300
    size = 2 + 12 * len(fields) + 4
    for page in range(count):
        entries = b"".join(struct.pack("<HHII", tag, 3, 1, value) for tag, value in fields)
        following = 16 + size * (page + 1) if page + 1 < count else 0
        made += [struct.pack("<H", len(fields)), entries, struct.pack("<I", following)]
    return b"".join(made)


_MUTATIONS: Final[tuple[Mutation, ...]] = (
    *(_cut_short, _spliced, _flipped_bits, _flipped_bits, _overwritten, _overwritten),
    *(_false_numbers, _false_numbers, _swapped_pieces, _swapped_pieces, _circle),
)
_LARGE: Final[tuple[Mutation, ...]] = (_huge_profile, _bomb, _huge_exif, _long_line, _many_pages)
