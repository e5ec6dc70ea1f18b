"""The picture of a page, and how other programs can open it."""

import hashlib
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL.TiffImagePlugin import TiffImageFile

from ...stages.decoding.formats import opened
from ..output.box_json import Page
from ..sources.members import is_copy

_WIDELY_OPENED = {"JPEG", "MPO", "PNG", "GIF", "BMP", "WEBP"}


@dataclass(frozen=True)
class Link:
    """A symbolic link to be made."""

    target: Path


Content = bytes | Link


@dataclass(frozen=True)
class MaskOptions:
    """How masks for inpainting are written.

    Attributes:
        dilation: how far a mask extends beyond a box on every side, in heights of the text.
        bits: per pixel, 1 or 8.
    """

    dilation: float = 0.15
    bits: int = 8


@dataclass(frozen=True)
class PageSource:
    """The picture of a page, decoded only when a format asks for it, and options of formats.

    Attributes:
        path: absolute, of the file.
        rgb: gives the upright page, uint8 [H, W, 3].
        mask: gives the mask, uint8 [H, W] with the values of masks/*.png; None if masks are not
            written.
        masks: how masks for inpainting are written.
    """

    path: Path
    rgb: Callable[[], NDArray[np.uint8]]
    mask: Callable[[], NDArray[np.uint8] | None]
    masks: MaskOptions = MaskOptions()


def encoded_png(rgb: NDArray[np.uint8]) -> bytes:
    """Return pixels uint8 [h, w, 3] as a PNG."""
    _, encoded = cv2.imencode(".png", cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR))
    return encoded.tobytes()


def is_opened_as_stored(page: Page, path: Path) -> bool:
    """Say whether other programs open exactly this page, turned as EXIF says.

    They read only the first directory of a TIFF, and some turn it by its orientation. Few open
    HEIC, AVIF or JPEG 2000. None opens a member of a tar.
    """
    if is_copy(path):
        return False
    with opened(path, page.page) as stored:
        if isinstance(stored.picture, TiffImageFile):
            return stored.directories == 1 and page.exif_orientation == 1
        return stored.format in _WIDELY_OPENED


def picture_beside(
    page: Page, source: PageSource, folder: Path, writable: Callable[[str], bool]
) -> tuple[str, dict[str, Content]]:
    """Return the name of the picture for a file `folder / page.name`, and files to add there.

    The name is the relative path of the picture, with two exceptions. If other programs cannot open
    this page, an upright PNG is added. If the name is not `writable` in the format, a link is
    added. The folder is exports/<format>, absolute.
    """
    here = folder / PurePosixPath(page.name).parent
    digest = hashlib.sha256(os.fsencode(page.name)).hexdigest()[:16]
    if not is_opened_as_stored(page, source.path):
        name = f"{PurePosixPath(page.name).name}.png"
        name = name if writable(name) else f"{digest}.png"
        return name, {_in(page, name): encoded_png(source.rgb())}
    name = os.path.relpath(source.path, here)
    if writable(name):
        return name, {}
    suffix = source.path.suffix
    name = f"{digest}{suffix if suffix[1:].isalnum() and suffix.isascii() else ''}"
    return name, {_in(page, name): Link(source.path)}


def _in(page: Page, name: str) -> str:
    return str(PurePosixPath(page.name).parent / name)
