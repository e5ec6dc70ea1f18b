"""The settings of `locpipe read` that decide the text, and the engine they name."""

import importlib
from typing import Annotated, Final, Literal, TypeVar, cast, get_args

from pydantic import Field, ValidationError

from ...stages.errors import ConfigError
from ...stages.settings import Fraction, Section
from .engine import Engine
from .engines import EngineName

FOLDER: Final = "read"
"""Below the output of a run."""

Unit = Literal["auto", "word", "line"]
UNITS: Final[tuple[str, ...]] = get_args(Unit)


class ReadConfig(Section):
    """The settings that decide the text."""

    engine: EngineName = "tesseract"
    """Program that reads."""
    unit: Unit = "auto"
    """What the engine gets at a time. word: a box; line: all boxes of a line; auto: straight or
    curved lines, else boxes (the rule is in `pipeline.ocr.units.groups`)."""
    language: Annotated[str, Field(min_length=1)] | None = None
    """Name in the engine; null: eng for tesseract, ch (Chinese and Latin) for rapidocr."""
    min_confidence: Fraction | None = None
    """Text with lower confidence does not count; null: a value that suits the engine."""


SectionT = TypeVar("SectionT", bound=Section)


def checked(schema: type[SectionT], **values: object) -> SectionT:
    """Return the options of a command, or the arguments of a function, as a checked section.

    Raises:
        ConfigError: one of them is out of its range.
    """
    try:
        return schema.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        msg = f"{first['loc'][0]}: {first['msg']}, but got {first['input']!r}; give another value"
        raise ConfigError(msg) from error


def open_engine(config: ReadConfig) -> Engine:
    """Start an engine.

    Raises:
        ConfigError: the engine or its language is not installed (the message names the package), or
            `unit` is `line` and the engine does not say where words are.
    """
    module = importlib.import_module(
        f".{config.engine}", __package__
    )  # late: others are slow to import
    engine = cast("Engine", module.open_engine(config.language))
    if config.unit == "line" and not engine.places_words:
        msg = (
            f"{config.engine} does not say where on a line a word stands; leave out --unit line, "
            "or use --engine tesseract"
        )
        raise ConfigError(msg)
    return engine
