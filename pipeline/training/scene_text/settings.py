"""What a renderer may choose from, and how often: the schema of `configs/render/*.yaml`."""

from pathlib import Path
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

__all__ = ["FontSettings", "Proportions", "RenderSettings"]

Probability = Annotated[float, Field(ge=0, le=1)]

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
# Letters by their code, but dingbats, Greek, key caps or formulas by their looks.
NO_LETTERS = (
    *("D050000L", "Standard Symbols PS", "Linux Biolinum Keyboard O", "Noto Sans Symbols"),
    *("Noto Sans Math", "STIX Math", "DejaVu Math TeX Gyre", "Berenis ADF Pro Math"),
    *("Tiresias Keyfont V2", "Noto Traditional Nushu", "ProggyTinyTT", "Blankenburg_UNZ1A"),
)


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class FontSettings(_Section):
    """Where fonts lie and which of them are seen most.

    A face is drawn by its family, so that forty weights of one family count as one.
    """

    folders: tuple[Path, ...] = (Path("/usr/share/fonts"),)
    everyday: tuple[str, ...] = EVERYDAY
    everyday_share: Probability = 0.72
    exclude: tuple[str, ...] = NO_LETTERS


class Proportions(_Section):
    """How often each kind of picture comes, in proportion to the sum."""

    negative: float = Field(0.13, ge=0)
    near: float = Field(0.27, ge=0)
    far: float = Field(0.30, ge=0)
    document: float = Field(0.15, ge=0)
    large: float = Field(0.15, ge=0)

    @model_validator(mode="after")
    def _something_to_draw(self) -> Self:
        if not any(self.model_dump().values()):
            message = "all kinds are 0; give at least one of them a share above 0"
            raise ValueError(message)
        return self


class RenderSettings(_Section):
    """Settings of a renderer: with them and an index, a picture is fixed to the byte.

    Attributes:
        seed: Of all that is drawn at random.
        width: Of every picture, in pixels.
        height: Of every picture, in pixels.
        fonts: Folders and families of fonts.
        words: A word list, one a line (Debian's `wamerican` installs the default).
        backgrounds: Folders of photographs without text; none: only procedural backgrounds.
        backgrounds_keep_out_every: Of each folder, sorted by name, the first file of every so many
            is never used, so that false alarms can be counted on it; 0 uses all.
        text_height: Least and largest size of letters (the em), in pixels.
        kinds: Shares of the kinds of pictures.
        cjk: Share of text blocks in Chinese characters, where a font has them.
        any_angle: Share of text blocks turned by any angle at all.
        curved: Share of text blocks on a curved baseline.
    """

    seed: int = Field(0, ge=0)
    width: int = Field(512, ge=64, le=4096)
    height: int = Field(512, ge=64, le=4096)
    fonts: FontSettings = FontSettings()
    words: Path = Path("/usr/share/dict/words")
    backgrounds: tuple[Path, ...] = ()
    backgrounds_keep_out_every: int = Field(5, ge=0)
    text_height: tuple[Annotated[float, Field(ge=6)], Annotated[float, Field(le=1000)]] = (9, 330)
    kinds: Proportions = Proportions()
    cjk: Probability = 0.09
    any_angle: Probability = 0.08
    curved: Probability = 0.10

    @model_validator(mode="after")
    def _least_before_largest(self) -> Self:
        if self.text_height[0] >= self.text_height[1]:
            message = f"text_height {self.text_height}: the first must be less than the second"
            raise ValueError(message)
        return self
