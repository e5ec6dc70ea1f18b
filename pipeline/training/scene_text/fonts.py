"""Font faces that have the glyphs, everyday ones first."""

import logging
import string
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

import numpy as np
from PIL import ImageFont, features

from ....stages.errors import ConfigError
from .chance import chance, pick, weighted
from .scripts import SCRIPTS, Script, ScriptName
from .settings import FontSettings, ScriptShares

try:
    from fontTools.ttLib import TTFont, TTLibError  # type: ignore[import-untyped] # it ships none
except ImportError:  # an optional extra: see `require_fonttools`
    TTFont = None

SUFFIXES = frozenset({".ttf", ".otf", ".ttc"})
LATIN = frozenset(string.ascii_letters + string.digits)
EXTRAS = frozenset(string.punctuation + "£€©®°éüöäßñç–")  # noqa: RUF001 (a dash that signs carry)
# Pictures that fonts carry: arrows, shapes, weather, chess, stars, animals, traffic; nothing that
# looks like a letter or digit or bears one (harpoons, rings, sharps, zodiac, trigrams, WC, bus stop).
PICTURES = (
    *((0x2190, 0x21AF), (0x21B6, 0x21BB), (0x21CD, 0x21FF), (0x25A0, 0x25C9)),
    *((0x25CD, 0x25E5), (0x25E7, 0x25EE), (0x25F0, 0x25FF), (0x2600, 0x2626)),
    *((0x2628, 0x262F), (0x2638, 0x263C), (0x2654, 0x266C), (0x2690, 0x26A1)),
    *((0x2702, 0x2712), (0x2719, 0x2756), (0x2761, 0x2767), (0x2794, 0x27BF)),
    *((0x1F300, 0x1F3A0), (0x1F400, 0x1F49F), (0x1F680, 0x1F68E), (0x1F697, 0x1F6BD)),
)
SYMBOLS = frozenset(chr(code) for low, high in PICTURES for code in range(low, high + 1))
LEAST_SYMBOLS = 40  # a face with fewer draws only arrows
# One common character of each script: a font with these has thousands.
CJK = frozenset("的一是中国大学あア")

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Face:
    """One face of one family.

    Attributes:
        missing: marks beside Latin letters that it cannot draw.
        cjk: it has Chinese characters.
        script: what it is to write; None for Latin or Chinese.
    """

    path: str
    family: str
    missing: frozenset[str]
    cjk: bool
    script: Script | None = None

    def draws(self, text: str) -> bool:
        """Whether all of `text` has a glyph (letters and digits always do)."""
        return self.missing.isdisjoint(text)


@dataclass(frozen=True)
class Fonts:
    """The faces of each family, in drawers.

    Attributes:
        symbols: faces with the pictures they have.
        scripts: the share of each other script in all text, and the families that write it.
    """

    everyday: tuple[tuple[Face, ...], ...]
    others: tuple[tuple[Face, ...], ...]
    cjk: tuple[Face, ...]
    symbols: tuple[tuple[Face, str], ...]
    everyday_share: float
    scripts: tuple[tuple[float, tuple[tuple[Face, ...], ...]], ...] = ()

    def any_script(self, rng: np.random.Generator) -> Face:
        """Return a face for Latin letters, or for another script as often as its share says."""
        shares = [share for share, _ in self.scripts]
        if not shares or not chance(rng, sum(shares)):
            return self.latin(rng)
        families = weighted(rng, [families for _, families in self.scripts], shares)
        return pick(rng, pick(rng, families))

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
    """Family and characters of a font file; of a collection, those of its first face.

    None if the file is broken, or has bitmaps instead of outlines, which open at one size only.
    """
    try:
        with path.open("rb") as file, TTFont(file, fontNumber=0, lazy=True) as font:
            names = font["name"]
            family = names.getDebugName(16) or names.getDebugName(1) or path.stem
            scales = "glyf" in font or "CFF " in font
            return (family, frozenset(map(chr, font.getBestCmap() or {}))) if scales else None
    except (TTLibError, OSError, KeyError, ValueError, AssertionError) as error:
        logger.warning("%s: not a font that can be read (%s), left out", path, error)
        return None


def require_fonttools() -> None:
    """Fail before any work is done.

    Raises:
        ConfigError: fontTools is not installed.
    """
    if TTFont is None:
        message = "rendering text needs fontTools: pip install 'locpipe[train]'"
        raise ConfigError(message)


def find_fonts(settings: FontSettings, scripts: ScriptShares | None = None) -> Fonts:
    """Search the folders for faces that have all Latin letters and digits, or all of a script.

    Raises:
        ConfigError: fontTools is not installed, a folder does not exist or holds no font, no font
            has the glyphs of Latin or of a script that is asked for, or Pillow cannot shape it.
    """
    require_fonttools()
    # It reports every oddity of every font; a font that cannot be read is reported below.
    logging.getLogger("fontTools").setLevel(logging.ERROR)
    families: defaultdict[str, list[Face]] = defaultdict(list)
    asked = {name: share for name, share in (scripts or {}).items() if share}
    writers: defaultdict[ScriptName, defaultdict[str, list[Face]]] = defaultdict(
        lambda: defaultdict(list)
    )
    symbols: list[tuple[Face, str]] = []
    seen = lacking = ""
    for path in _files(settings.folders):
        family, characters = _read(path) or ("", frozenset())
        face = Face(str(path), family, EXTRAS - characters, characters >= CJK)
        if len(characters & SYMBOLS) >= LEAST_SYMBOLS:
            symbols.append((face, "".join(sorted(characters & SYMBOLS))))
        if not characters or family in settings.exclude:
            continue
        seen = str(path)
        for name in asked:
            if characters.issuperset(SCRIPTS[name].letters + SCRIPTS[name].marks):
                writers[name][family].append(replace(face, script=SCRIPTS[name]))
        if characters >= LATIN:
            families[family].append(face)
        else:
            lacking = "".join(sorted(LATIN - characters))
    if not families:
        raise ConfigError(_why_none(settings, seen, lacking))
    found = _drawers(families, tuple(symbols), settings)
    return replace(found, scripts=_writers(writers, asked, settings))


def _writers(
    writers: Mapping[ScriptName, Mapping[str, list[Face]]],
    shares: ScriptShares,
    settings: FontSettings,
) -> tuple[tuple[float, tuple[tuple[Face, ...], ...]], ...]:
    for name in shares:
        if name not in writers:
            places = ", ".join(map(str, settings.folders))
            message = (
                f"scripts.{name}: no font in {places} has all its letters; "
                "install one (Debian: fonts-noto-core, fonts-noto-cjk) or leave this script out"
            )
            raise ConfigError(message)
        if SCRIPTS[name].joins and not features.check("raqm"):
            message = (
                f"scripts.{name}: its letters join, and Pillow cannot shape them here; "
                "install FriBiDi (Debian: libfribidi0) or leave this script out"
            )
            raise ConfigError(message)
    return tuple(
        (share, tuple(tuple(writers[name][family]) for family in sorted(writers[name])))
        for name, share in shares.items()
    )


def _why_none(settings: FontSettings, seen: str, lacking: str) -> str:
    places = ", ".join(map(str, settings.folders)) or "the empty list of folders"
    if not seen:
        return f"fonts.folders: no fonts found in {places}; install some or name another folder"
    return (
        f"fonts.folders: no font in {places} has all Latin letters and digits "
        f"({seen} lacks {lacking!r}); install one that has, such as DejaVu Sans"
    )


def _drawers(
    families: dict[str, list[Face]], symbols: tuple[tuple[Face, str], ...], settings: FontSettings
) -> Fonts:
    latin = {name: tuple(faces) for name, faces in families.items() if not faces[0].cjk}
    cjk = tuple(face for faces in families.values() for face in faces if face.cjk)
    # A CJK face draws Latin letters too: the last resort where nothing else is installed.
    latin = latin or {"cjk": cjk}
    everyday = tuple(latin[name] for name in sorted(latin) if name in settings.everyday)
    others = tuple(latin[name] for name in sorted(latin) if name not in settings.everyday)
    return Fonts(everyday, others, cjk, symbols, settings.everyday_share)


@lru_cache(maxsize=64)
def open_face(path: str, em: int, *, joins: bool = False) -> ImageFont.FreeTypeFont:
    """The face at a size in pixels.

    Pillow lays out most text itself, so that no system library matters. Raqm shapes letters that
    join.
    """
    engine = ImageFont.Layout.RAQM if joins else ImageFont.Layout.BASIC
    return ImageFont.truetype(path, em, layout_engine=engine)
