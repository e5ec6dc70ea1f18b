"""The picture behind a page, and how other programs get to see it."""

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
        dilation: how much wider than a box they are on every side, in units of the height of its text.
        bits: per pixel, 1 or 8.
    """

    dilation: float = 0.15
    bits: int = 8


@dataclass(frozen=True)
class PageSource:
    """The picture of a page, decoded only when a format asks for it, and what formats are told.

    Attributes:
        path: absolute, of the file.
        rgb: gives the upright page, uint8 [H, W, 3].
        mask: gives its mask, uint8 [H, W] with the values of masks/*.png; None if none is written.
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
    """Whether other programs open exactly this page, in the frame that EXIF says it has.

    They take the first directory of a TIFF for all, and some turn it by its orientation. Few open HEIC,
    AVIF or JPEG 2000. None finds a member of a tar.
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
    """Return how a file `folder / page.name` shall name its picture, and the files to put there.

    The name is the relative path of the picture itself, with two exceptions. If other programs
    would not open this page of it, an upright PNG is put there. If its name is not `writable` in
    the format, a link is put there. The folder is exports/<format>, absolute.
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
