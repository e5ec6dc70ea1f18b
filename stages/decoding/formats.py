"""Picture files, read by Pillow and its plug-ins: first the header, pixels only on demand."""

import io
import logging
import os
import stat
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, cast

import numpy as np
import PIL.Image
from numpy.typing import NDArray
from PIL import ImageFile, PngImagePlugin, UnidentifiedImageError
from PIL.TiffImagePlugin import EXTRASAMPLES, TiffImageFile

from ..errors import ImageError, LocpipeError
from ..extras import plugin
from ..paths import name_of
from .bmp import plain_bmp
from .colour import as_meant, means_srgb
from .depth import has_deep_colours, read_deep_colours, to_8_bit
from .directories import AtDirectory, directories, is_tiff
from .jpeg import faultless_pixels, whole_without_end
from .jxl import CODESTREAM, CONTAINER, JxlFile
from .lines import caught_lines
from .orientation import (
    UPRIGHT_WHEN_DECODED,
    exif_orientation,
    stored_size,
    swapped,
)
from .png import SIGNATURE, readable_png

_FORMATS = ("JPEG", "PNG", "GIF", "BMP", "WEBP", "TIFF", "AVIF", "JPEG2000")
# ISO/IEC 23008-12, annex B and clause 10: still pictures and sequences, HEVC-coded or any.
_HEIF_BRANDS = {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"}
_TALKATIVE = {"TIFF", "AVIF", "HEIF"}  # formats whose libraries write to stderr
_MOST_LINES = 3
_HEAD = 64  # bytes
_LARGEST_PROFILE = 1 << 26  # bytes, unpacked
_TOP_OF_12_BITS = 16  # of 255
_pillow_lock = threading.Lock()
_log = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class Stored:
    """A page of an open file, not decoded yet.

    Attributes:
        picture: Pillow's view of the file, at this page.
        file: The open file that Pillow reads.
        name: of the file, for messages.
        page: Which page, from 1.
        frame: Which directory of a TIFF the page is, from 0; 0 for other formats.
        directories: How many directories a TIFF has, with those that are no pages; 1 for other
            formats.
        pages: Pages of the file.
        orientation: EXIF orientation, 1..8.
        size: Columns and rows as stored.
    """

    picture: ImageFile.ImageFile
    file: BinaryIO
    name: str
    page: int
    frame: int
    directories: int
    pages: int
    orientation: int
    size: tuple[int, int]

    @property
    def upright_size(self) -> tuple[int, int]:
        """Columns and rows of the upright picture."""
        return swapped(self.size, self.orientation)

    @property
    def decoded_orientation(self) -> int:
        """EXIF orientation, 1..8, that pixels still have once they are decoded."""
        return 1 if self.format in UPRIGHT_WHEN_DECODED else self.orientation

    @property
    def format(self) -> str:
        """Pillow's name of the format."""
        return str(self.picture.format)

    @property
    def icc_profile(self) -> bytes | None:
        """The embedded profile."""
        return self.picture.info.get("icc_profile")


@contextmanager
def opened(path: Path, page: int) -> Iterator[Stored]:
    """Open one page of a picture file. Any exception of the block becomes an ImageError.

    Raises:
        ImageError: The message names the file, the reason and the remedy.
    """
    name = name_of(path)
    with _open_file(path, name) as file, _unguarded_pillow():
        try:
            yield _open_page(file, page, name)
        except LocpipeError:
            raise
        except UnidentifiedImageError as error:
            msg = (
                f"{name} is not a picture of a known kind ({', '.join(_FORMATS)}, HEIC, JXL), or its"
                " header is damaged: save it as 8-bit PNG or JPEG, or copy it again from its source"
            )
            raise ImageError(msg) from error
        except Exception as error:  # a broken file makes the parsers raise nearly anything
            msg = (
                f"{name} cannot be decoded ({str(error) or type(error).__name__}), it is damaged, cut"
                " short or of a rare kind: copy it again from its source, or save it as 8-bit PNG"
            )
            raise ImageError(msg) from error


def count_pages(path: Path) -> int:
    """Count the pages of a picture file, also damaged ones; 1 if it is no TIFF.

    Raises:
        ImageError: The file cannot be opened.
    """
    name = name_of(path)
    with _open_file(path, name) as file:
        return len(directories(file).pages) if is_tiff(file.read(_HEAD)) else 1


def decode(stored: Stored) -> PIL.Image.Image:
    """Decode the page: 8 bits per channel, in whatever colour mode the file has.

    The pixels have the orientation `Stored.decoded_orientation`.
    """
    picture = stored.picture
    covered = picture.tile[0][1] if stored.format == "GIF" and picture.tile else None
    is_deep = has_deep_colours(picture)
    with _named_lines(stored) if is_deep or stored.format in _TALKATIVE else nullcontext():
        pixels = _deep_colours(stored) if is_deep else to_8_bit(_loaded(stored))
    if is_deep or picture.mode.startswith("I"):
        _tell_of_black(pixels, stored)
    pixels = as_meant(pixels, covered, is_sure=_is_sure_of_alpha(picture))
    upright = swapped(pixels.size, stored.decoded_orientation)
    if upright != stored.upright_size:
        msg = f"{upright} pixels decoded where the header says {stored.upright_size}"
        raise ValueError(msg)
    return pixels


def decode_fast(stored: Stored) -> NDArray[np.uint8] | None:
    """Decode a faultless JPEG in sRGB, twice as fast as `decode`.

    Returns:
        uint8 [H, W, 3], the same pixels as `decode`; None for any other file.
    """
    if stored.format not in {"JPEG", "MPO"} or stored.picture.mode not in {"L", "RGB"}:
        return None
    if not means_srgb(stored.picture.mode, stored.icc_profile):
        return None
    return faultless_pixels(_content(stored))


@contextmanager
def _named_lines(stored: Stored) -> Iterator[None]:
    """Log what libraries write to stderr, with the name of the picture."""
    lines: list[str] = []
    try:
        with caught_lines() as lines:
            yield
    finally:
        if lines:
            _log.warning("%s: %s", stored.name, "; ".join(lines[:_MOST_LINES]))


def _is_sure_of_alpha(picture: ImageFile.ImageFile) -> bool:
    if isinstance(picture, TiffImageFile):
        return EXTRASAMPLES in picture.tag_v2
    return picture.format not in {"BMP", "JPEG2000"}


def _deep_colours(stored: Stored) -> PIL.Image.Image:
    content = _content(stored)  # must come first: Pillow's libtiff moves the file's position unseen
    stored.picture.load()  # Pillow's decoders notice a file cut short
    return read_deep_colours(stored.picture, content, stored.frame)


def _loaded(stored: Stored) -> PIL.Image.Image:
    try:
        stored.picture.load()
    except OSError:
        whole = whole_without_end(_content(stored)) if stored.format in {"JPEG", "MPO"} else None
        if whole is None:
            raise
        return whole
    return stored.picture


def _content(stored: Stored) -> bytes:
    stored.file.seek(0)
    return stored.file.read()


def _tell_of_black(pixels: PIL.Image.Image, stored: Stored) -> None:
    """Warn of 10 or 12 bits stored in 16: the file looks like a dark picture."""
    top = int(np.max(np.asarray(pixels.convert("RGB"))))
    if 0 < top <= _TOP_OF_12_BITS:
        _log.warning(
            "%s: page %d is nearly black: no sample is above %d of 255, as where 10 or 12 bits lie in"
            " 16; multiply its samples by 64 or 16 if so", stored.name, stored.page, top,
        )  # fmt: skip


@contextmanager
def _unguarded_pillow() -> Iterator[None]:
    """Run Pillow without its warnings and its limits of size; our limit is checked before.

    The settings belong to the whole process, so threads wait for each other. That costs little:
    locpipe decodes in several processes.
    """
    with _pillow_lock, warnings.catch_warnings(action="ignore"):
        limits = PIL.Image.MAX_IMAGE_PIXELS, PngImagePlugin.MAX_TEXT_CHUNK
        # The second limit also holds for colour profiles.
        PIL.Image.MAX_IMAGE_PIXELS, PngImagePlugin.MAX_TEXT_CHUNK = None, _LARGEST_PROFILE
        try:
            yield
        finally:
            PIL.Image.MAX_IMAGE_PIXELS, PngImagePlugin.MAX_TEXT_CHUNK = limits


def _open_file(path: Path, name: str) -> BinaryIO:
    try:
        _check_file(path.stat(), name)
        return path.open("rb")
    except FileNotFoundError as error:
        msg = f"{name} does not exist: check the path"
        raise ImageError(msg) from error
    except PermissionError as error:
        msg = f"{name} may not be read: give this user permission to read it (chmod +r)"
        raise ImageError(msg) from error
    except (OSError, ValueError) as error:
        msg = f"{name} cannot be opened ({error}): check the path"
        raise ImageError(msg) from error


def _check_file(status: os.stat_result, name: str) -> None:
    if stat.S_ISDIR(status.st_mode):
        msg = f"{name} is a folder, not a picture: name a picture in it"
    elif not stat.S_ISREG(status.st_mode):  # opening a pipe would wait for ever
        msg = f"{name} is not a regular file: copy its content to one"
    elif status.st_size == 0:
        msg = f"{name} is empty (0 bytes): copy it again from its source"
    else:
        return
    raise ImageError(msg)


def _identify(head: bytes, file: BinaryIO, name: str) -> tuple[ImageFile.ImageFile, BinaryIO]:
    if head.startswith(SIGNATURE):
        file = readable_png(file)
    if head.startswith((CODESTREAM, CONTAINER)):
        decoder = plugin("pillow_jxl.JpegXLImagePlugin", "jxl", f"{name} is JPEG XL").JXLImageFile
        return JxlFile(io.BytesIO(file.read()), decoder), file
    if head[4:8] == b"ftyp" and head[8:12] in _HEIF_BRANDS and b"avif" not in _brands(head):
        open_heif = plugin("pillow_heif", "heic", f"{name} is HEIC").HeifImageFile
        return open_heif(file), file
    try:
        return PIL.Image.open(file, formats=_FORMATS), file
    except OSError as error:
        if isinstance(error, UnidentifiedImageError) or not head.startswith(b"BM"):
            raise
        file.seek(0)
        file = plain_bmp(file.read())
        return PIL.Image.open(file, formats=["BMP"]), file


def _brands(head: bytes) -> set[bytes]:
    """Return the brands of the ftyp box at the beginning of a file (ISO/IEC 14496-12, 4.3)."""
    box = head[8 : int.from_bytes(head[:4], "big")]
    return {box[start : start + 4] for start in range(0, len(box), 4)}


def _open_page(file: BinaryIO, page: int, name: str) -> Stored:
    head = file.read(_HEAD)
    file.seek(0)
    if is_tiff(head):
        found = directories(file)
        _check_page(page, len(found.pages), name)
        if found.is_cut and page == len(found.pages) > 1:
            msg = (
                f"{name} is damaged or cut short at page {page}, so that no page after it can be found:"
                " copy it again from its source"
            )
            raise ImageError(msg)
        frame, place = found.pages[page - 1]
        view = AtDirectory(file, place)
        picture = PIL.Image.open(cast("BinaryIO", view), formats=["TIFF"])
        return _stored(picture, file, name, page, frame, found.count, len(found.pages))
    # Frames of an animation or of a phone's MPO or HEIC are no pages. Only the first is used.
    _check_page(page, 1, name)
    return _stored(*_identify(head, file, name), name, page)


def _check_page(page: int, pages: int, name: str) -> None:
    if not 1 <= page <= pages:
        msg = f"{name} has no page {page}: ask for one of 1 to {pages}"
        raise ImageError(msg)


def _stored(
    picture: ImageFile.ImageFile,
    file: BinaryIO,
    name: str,
    page: int,
    frame: int = 0,
    count: int = 1,
    pages: int = 1,
) -> Stored:
    orientation = exif_orientation(picture)
    size = stored_size(picture, orientation)
    return Stored(picture, file, name, page, frame, count, pages, orientation, size)
