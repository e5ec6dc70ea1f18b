"""Picture files through Pillow and pillow-heif: header first, pixels only when asked for."""

import os
import stat
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import PIL.Image
from PIL import ImageFile, UnidentifiedImageError
from PIL.TiffImagePlugin import TiffImageFile

from ..errors import ImageError
from .depth import has_deep_colours, read_deep_colours, to_8_bit
from .orientation import (
    UPRIGHT_WHEN_DECODED,
    exif_orientation,
    stored_size,
    swapped,
    turned_upright,
)

_FORMATS = ("JPEG", "PNG", "GIF", "BMP", "WEBP", "TIFF")
# ISO/IEC 23008-12, annex B and clause 10: still pictures and sequences, HEVC-coded or any.
_HEIF_BRANDS = {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"}
_pillow_lock = threading.Lock()


@dataclass(frozen=True, eq=False)
class Stored:
    """A page of an open file, not decoded yet.

    Attributes:
        picture: Pillow's view of it, at the page.
        file: The open file.
        page: Which page, from 1.
        pages: Pages of the file.
        orientation: EXIF orientation, 1..8.
        size: Columns and rows as stored.
    """

    picture: ImageFile.ImageFile
    file: BinaryIO
    page: int
    pages: int
    orientation: int
    size: tuple[int, int]

    @property
    def upright_size(self) -> tuple[int, int]:
        """Columns and rows of the upright picture."""
        return swapped(self.size, self.orientation)

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
    """Open one page of a picture file; whatever the block finds wrong with it is an ImageError.

    Raises:
        ImageError: The message names the file, the reason and the remedy.
    """
    name = repr(str(path))
    with _open_file(path, name) as file, _unguarded_pillow():
        try:
            yield _at_page(_identify(file, name), file, page, name)
        except ImageError:
            raise
        except UnidentifiedImageError as error:
            msg = (
                f"{name} is not a picture of a known kind ({', '.join(_FORMATS)}, HEIC), or its"
                " header is damaged: save it as 8-bit PNG or JPEG, or copy it again from its source"
            )
            raise ImageError(msg) from error
        except Exception as error:  # a broken file makes the parsers raise nearly anything
            msg = (
                f"{name} cannot be decoded ({str(error) or type(error).__name__}), it is damaged, cut"
                " short or of a rare kind: copy it again from its source, or save it as 8-bit PNG"
            )
            raise ImageError(msg) from error


def decode(stored: Stored) -> PIL.Image.Image:
    """Decode the page: 8 bits per channel, upright, in whatever colour mode the file has."""
    picture, content = stored.picture, b""
    if has_deep_colours(picture):  # read before Pillow's libtiff moves the file's position unseen
        stored.file.seek(0)
        content = stored.file.read()
    picture.load()  # also of deep colours: Pillow's decoders notice a file cut short
    pixels = read_deep_colours(picture, content, stored.page) if content else to_8_bit(picture)
    if stored.format not in UPRIGHT_WHEN_DECODED:
        pixels = turned_upright(pixels, stored.orientation)
    if pixels.size != stored.upright_size:
        msg = f"{pixels.size} pixels decoded where the header says {stored.upright_size}"
        raise ValueError(msg)
    return pixels


@contextmanager
def _unguarded_pillow() -> Iterator[None]:
    """Pillow without its warnings and its own size limit: ours is checked before decoding.

    Both settings belong to the whole process, so threads take turns; locpipe decodes in processes.
    """
    with _pillow_lock, warnings.catch_warnings(action="ignore"):
        limit = PIL.Image.MAX_IMAGE_PIXELS
        PIL.Image.MAX_IMAGE_PIXELS = None
        try:
            yield
        finally:
            PIL.Image.MAX_IMAGE_PIXELS = limit


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


def _identify(file: BinaryIO, name: str) -> ImageFile.ImageFile:
    head = file.read(12)
    if head[4:8] != b"ftyp" or head[8:] not in _HEIF_BRANDS:
        return PIL.Image.open(file, formats=_FORMATS)
    try:
        import pillow_heif  # noqa: PLC0415 - optional, and 20 MB of libraries
    except ImportError as error:
        msg = f"{name} is HEIC, which needs an extra: pip install locpipe[heic]"
        raise ImageError(msg) from error
    file.seek(0)
    open_heif: Callable[[BinaryIO], ImageFile.ImageFile] = pillow_heif.HeifImageFile
    return open_heif(file)


def _at_page(picture: ImageFile.ImageFile, file: BinaryIO, page: int, name: str) -> Stored:
    # Frames of an animation, of a phone's MPO or HEIC are no pages: the first one stands for all.
    pages = picture.n_frames if isinstance(picture, TiffImageFile) else 1
    if not 1 <= page <= pages:
        msg = f"{name} has no page {page}: ask for one of 1 to {pages}"
        raise ImageError(msg)
    if page > 1:
        picture.seek(page - 1)
    orientation = exif_orientation(picture, file)
    return Stored(picture, file, page, pages, orientation, stored_size(picture, orientation))
