"""What an OCR engine has to do for us, and which there are."""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Literal, Protocol, TypeVar, cast

from pydantic import Field, ValidationError

from ...stages.errors import ConfigError
from ...stages.settings import Fraction, Section

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = [
    "Engine",
    "EngineName",
    "ReadConfig",
    "Seen",
    "Unit",
    "checked",
    "open_engine",
]

EngineName = Literal["tesseract", "rapidocr"]
Unit = Literal["word", "line"]


class ReadConfig(Section):
    """What decides what is read."""

    engine: EngineName = "tesseract"
    """Program that reads."""
    unit: Unit = "word"
    """What it is given at a time: a box, or all boxes of a line."""
    language: Annotated[str, Field(min_length=1)] | None = None
    """As the engine calls it; null: eng for tesseract, ch (Chinese and Latin) for rapidocr."""
    min_confidence: Fraction | None = None
    """Text read with less does not count; null: what suits the engine."""


SectionT = TypeVar("SectionT", bound=Section)


def checked(schema: type[SectionT], **values: object) -> SectionT:
    """Return what options of a command or arguments of a function say.

    Raises:
        ConfigError: one of them is out of its range.
    """
    try:
        return schema.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        msg = f"{first['loc'][0]}: {first['msg']}, but got {first['input']!r}"
        raise ConfigError(msg) from error


@dataclass(frozen=True)
class Seen:
    """What an engine saw on a crop, a word or a few.

    Attributes:
        text: what it says; not empty.
        confidence: 0..1.
        left: where it begins, in pixels from the left edge of the crop.
        right: where it ends, the same.
    """

    text: str
    confidence: float
    left: float
    right: float


class Engine(Protocol):
    """Reads pictures of one line of text, be it one word."""

    version: str
    """Of the engine, as results name it."""
    language: str
    """What it reads."""
    padding: float
    """What it wants to see around a box, in units of its height."""
    min_confidence: float
    """Text read with less is wrong more often than right."""
    places_words: bool
    """Whether it says where on a crop each word stands; else it sees one thing on all of it."""

    def read(self, crops: Sequence[NDArray[np.uint8]], seconds: float) -> list[list[Seen]]:
        """Read crops, each uint8 [h, w, 3] sRGB with text that runs to the right.

        Args:
            crops: at least one.
            seconds: it may take.

        Returns:
            What it sees on each, from left to right.

        Raises:
            TimeoutError: it took longer.
            ImageError: it failed.
        """


def open_engine(config: ReadConfig) -> Engine:
    """Start an engine.

    Raises:
        ConfigError: the engine or its language is not installed; the message names the package. Or
            it is to read lines and does not say where the words are.
    """
    module = importlib.import_module(f".{config.engine}", __package__)
    engine = cast("Engine", module.open_engine(config.language))
    if config.unit == "line" and not engine.places_words:
        msg = (
            f"{config.engine} does not say where on a line a word stands; leave --unit line away, "
            "or use --engine tesseract"
        )
        raise ConfigError(msg)
    return engine
