"""What an OCR engine has to do for us, and which there are."""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Final, Literal, Protocol, TypeVar, cast

from pydantic import Field, ValidationError

from ...stages.errors import ConfigError
from ..config import Fraction, Section

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from ..export.lines import Reading

__all__ = ["ENGINES", "Engine", "EngineName", "ReadConfig", "checked", "open_engine"]

EngineName = Literal["tesseract", "rapidocr"]

ENGINES: Final[dict[str, str]] = {
    "tesseract": "Tesseract 5, the program of the system",
    "rapidocr": "the recognizer of RapidOCR (PP-OCR), without its detector",
}


class ReadConfig(Section):
    """What decides what is read."""

    engine: EngineName = "tesseract"
    """Program that reads."""
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


class Engine(Protocol):
    """Reads pictures of one word or a few on one line."""

    version: str
    """Of the engine, as results name it."""
    language: str
    """What it reads."""
    padding: float
    """What it wants to see around a box, in units of its height."""
    min_confidence: float
    """Text read with less is wrong more often than right."""

    def read(self, crops: Sequence[NDArray[np.uint8]], seconds: float) -> list[Reading]:
        """Read crops, each uint8 [h, w, 3] sRGB with text that runs to the right.

        Args:
            crops: at least one.
            seconds: it may take.

        Returns:
            A reading for each; no text where it sees none.

        Raises:
            TimeoutError: it took longer.
            ImageError: it failed.
        """


def open_engine(config: ReadConfig) -> Engine:
    """Start an engine.

    Raises:
        ConfigError: the engine or its language is not installed; the message names the package.
    """
    module = importlib.import_module(f".{config.engine}", __package__)
    return cast("Engine", module.open_engine(config.language))
