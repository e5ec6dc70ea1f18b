"""What a renderer may choose from, and how often: the schema of `configs/render/*.yaml`."""

from pathlib import Path
from typing import Annotated, Self

from pydantic import Field, model_validator

from ....stages.settings import Fraction, Section
from ...config.sections import UserPath
from .scripts import ScriptName

ScriptShares = dict[ScriptName, Fraction]
Folders = Annotated[tuple[UserPath, ...], Field(strict=False)]
Names = Annotated[tuple[str, ...], Field(strict=False)]
Side = Annotated[int, Field(ge=64, le=4096)]

EVERYDAY = (
    *("Liberation Sans", "Liberation Serif", "Liberation Mono", "Arimo", "Tinos", "Cousine"),
    *("DejaVu Sans", "DejaVu Serif", "DejaVu Sans Mono", "Roboto", "Roboto Condensed"),
    *("Open Sans", "Open Sans Condensed", "Noto Sans", "Noto Serif", "Noto Sans Display", "Lato"),
    *("Carlito", "Caladea", "Nimbus Sans", "Nimbus Sans Narrow", "Nimbus Roman", "FreeSans"),
    *("FreeSerif", "PT Sans", "PT Sans Narrow", "PT Serif", "Inter", "Cabin", "Cantarell"),
    *("Courier Prime", "Bebas Neue", "URW Gothic", "URW Bookman", "C059", "P052", "Dosis"),
    *("Oxygen-Sans", "Manrope", "Gillius ADF", "Switzera ADF", "League Spartan", "B612"),
    *("Tiresias Signfont", "EB Garamond", "Yanone Kaffeesatz", "Comic Neue", "Play"),
)
# Their codes are letters, but they look like dingbats, Greek, key caps, formulas or empty boxes.
NO_LETTERS = (
    *("Last Resort High-Efficiency", "Last Resort"),
    *("D050000L", "Standard Symbols PS", "Linux Biolinum Keyboard O", "Noto Sans Symbols"),
    *("Noto Sans Math", "STIX Math", "DejaVu Math TeX Gyre", "Berenis ADF Pro Math"),
    *("Tiresias Keyfont V2", "Noto Traditional Nushu", "ProggyTinyTT", "Blankenburg_UNZ1A"),
)


class FontSettings(Section):
    """The folders of fonts, and which fonts are seen most.

    A face is drawn by its family, so that forty weights of one family count as one.
    """

    folders: Folders = (Path("/usr/share/fonts"),)
    """Searched for .ttf, .otf and .ttc, with all folders below them."""
    everyday: Names = EVERYDAY
    """Families that people meet every day."""
    everyday_share: Fraction = 0.72
    """Share of text in one of those; the rest in any other family that has Latin letters."""
    exclude: Names = NO_LETTERS
    """Families whose letters are never used (their pictures are)."""


class Proportions(Section):
    """How often each kind of picture comes, in proportion to the sum."""

    negative: Annotated[float, Field(ge=0)] = 0.16
    """A background, at times with distractors, and no text."""
    near: Annotated[float, Field(ge=0)] = 0.29
    """One to four signs with letters of 24 to 190 pixels."""
    far: Annotated[float, Field(ge=0)] = 0.30
    """Many small signs, as in photographs of streets and shops."""
    document: Annotated[float, Field(ge=0)] = 0.10
    """A page, poster or receipt full of text."""
    cjk_document: Annotated[float, Field(ge=0)] = 0.0
    """A page of Chinese or Japanese, half of them in columns; where no font has it, any document."""
    large: Annotated[float, Field(ge=0)] = 0.15
    """A word or two that fill the picture."""

    @model_validator(mode="after")
    def _something_to_draw(self) -> Self:
        if not any(self.model_dump().values()):
            message = "all kinds are 0; give at least one of them a share above 0"
            raise ValueError(message)
        return self


class RenderSettings(Section):
    """Settings of a renderer: with them and an index, a picture is fixed to the byte."""

    seed: Annotated[int, Field(ge=0)] = 0
    """Of all that is drawn at random."""
    width: Side = 512
    """Of every picture, in pixels."""
    height: Side = 512
    """Of every picture, in pixels."""
    fonts: FontSettings = FontSettings()
    """Folders and families of fonts."""
    words: UserPath = Path("/usr/share/dict/words")
    """A word list, one per line (Debian's `wamerican` installs the default)."""
    backgrounds: Folders = ()
    """Folders of photographs without text; none: backgrounds are made from noise."""
    backgrounds_keep_out_every: Annotated[int, Field(ge=0)] = 5
    """Of each folder, sorted by name, the first of every so many files is never used, so that
    false alarms can be counted on it; 0 uses all."""
    text_height: Annotated[
        tuple[Annotated[float, Field(ge=8)], Annotated[float, Field(le=1000)]], Field(strict=False)
    ] = (10.0, 330.0)
    """Least and largest size of letters (the em; capitals have about 0.7 of it), in pixels."""
    kinds: Proportions = Proportions()
    """Shares of the kinds of pictures."""
    cjk: Fraction = 0.14
    """Share of text blocks in Chinese characters, where a font has them."""
    scripts: ScriptShares = Field(default_factory=dict)
    """Share of text blocks in each other script, such as `{arabic: 0.03, cyrillic: 0.03}`."""
    any_angle: Fraction = 0.12
    """Share of text blocks turned by any angle at all."""
    curved: Fraction = 0.10
    """Share of text blocks on a curved baseline."""

    @model_validator(mode="after")
    def _least_before_largest(self) -> Self:
        if self.text_height[0] >= self.text_height[1]:
            message = f"text_height {self.text_height}: the first must be less than the second"
            raise ValueError(message)
        return self

    @model_validator(mode="after")
    def _shares_leave_room(self) -> Self:
        if (total := sum(self.scripts.values())) > 1:
            message = f"scripts: the shares add up to {total:.3g}; lower them to at most 1 in all"
            raise ValueError(message)
        return self
