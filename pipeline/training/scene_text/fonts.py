"""Font faces that have the glyphs, everyday ones first."""

import logging
import string
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from fontTools.ttLib import TTFont, TTLibError  # type: ignore[import-untyped] # it ships none
from PIL import ImageFont

from ....stages.errors import ConfigError
from .chance import chance, pick
from .settings import FontSettings

__all__ = ["Face", "Fonts", "find_fonts", "open_face"]

SUFFIXES = frozenset({".ttf", ".otf", ".ttc"})
LATIN = frozenset(string.ascii_letters + string.digits)
EXTRAS = frozenset(string.punctuation + "£€©®°éüöäßñç–")  # noqa: RUF001 (a dash that signs carry)
# One common character of each script: a font with these has thousands.
CJK = frozenset("的一是中国大学あア")

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Face:
    """One face of one family; `missing` are the marks it cannot draw."""

    path: str
    family: str
    missing: frozenset[str]
    cjk: bool

    def draws(self, text: str) -> bool:
        """Whether all of `text` has a glyph (letters and digits always do)."""
        return self.missing.isdisjoint(text)


@dataclass(frozen=True)
class Fonts:
    """The faces of each family, in three drawers."""

    everyday: tuple[tuple[Face, ...], ...]
    others: tuple[tuple[Face, ...], ...]
    cjk: tuple[Face, ...]
    everyday_share: float

    def latin(self, rng: np.random.Generator) -> Face:
        """A face for Latin letters: first the drawer, then the family, then the face."""
        drawer = self.everyday if chance(rng, self.everyday_share) else self.others
        return pick(rng, pick(rng, drawer or self.everyday or self.others))


def _files(folders: tuple[Path, ...]) -> Iterator[Path]:
    for folder in folders:
        if not folder.is_dir():
            message = f"fonts.folders: {folder} is no folder; name one that exists or install fonts"
            raise ConfigError(message)
        yield from sorted(path for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES)


def _read(path: Path) -> tuple[str, frozenset[str]] | None:
    """Family and characters of a font file (of a collection: of its first face)."""
    try:
        with path.open("rb") as file, TTFont(file, fontNumber=0, lazy=True) as font:
            names = font["name"]
            family = names.getDebugName(16) or names.getDebugName(1) or path.stem
            return family, frozenset(map(chr, font.getBestCmap() or {}))
    except (TTLibError, OSError, KeyError, ValueError, AssertionError) as error:
        logger.warning("%s: not a font that can be read (%s), left out", path, error)
        return None


def find_fonts(settings: FontSettings) -> Fonts:
    """Search the folders for faces that have all Latin letters and digits.

    Raises:
        ConfigError: A folder does not exist, no font lies in the folders, or none has the glyphs.
    """
    # It reports every oddity of every font; what cannot be read is reported below.
    logging.getLogger("fontTools").setLevel(logging.ERROR)
    families: defaultdict[str, list[Face]] = defaultdict(list)
    seen = lacking = ""
    for path in _files(settings.folders):
        read = _read(path)
        if read is None or read[0] in settings.exclude:
            continue
        family, characters = read
        seen = str(path)
        if not characters >= LATIN:
            lacking = "".join(sorted(LATIN - characters))
            continue
        face = Face(str(path), family, EXTRAS - characters, characters >= CJK)
        families[family].append(face)
    if not families:
        raise ConfigError(_why_none(settings, seen, lacking))
    return _drawers(families, settings)


def _why_none(settings: FontSettings, seen: str, lacking: str) -> str:
    places = ", ".join(map(str, settings.folders)) or "the empty list of folders"
    if not seen:
        return f"fonts.folders: no fonts found in {places}; install some or name another folder"
    return (
        f"fonts.folders: no font in {places} has all Latin letters and digits "
        f"({seen} lacks {lacking!r}); install one that has, such as DejaVu Sans"
    )


def _drawers(families: dict[str, list[Face]], settings: FontSettings) -> Fonts:
    latin = {name: tuple(faces) for name, faces in families.items() if not faces[0].cjk}
    cjk = tuple(face for faces in families.values() for face in faces if face.cjk)
    # A CJK face draws Latin letters too: the last resort where nothing else is installed.
    latin = latin or {"cjk": cjk}
    everyday = tuple(latin[name] for name in sorted(latin) if name in settings.everyday)
    others = tuple(latin[name] for name in sorted(latin) if name not in settings.everyday)
    return Fonts(everyday, others, cjk, settings.everyday_share)


@lru_cache(maxsize=64)
def open_face(path: str, em: int) -> ImageFont.FreeTypeFont:
    """The face at a size in pixels; Pillow's own layout, so that no system library matters."""
    return ImageFont.truetype(path, em, layout_engine=ImageFont.Layout.BASIC)
