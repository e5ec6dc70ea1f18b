"""RapidOCR's recognizer (PP-OCR as ONNX), without its detector, on one thread."""

import importlib
from collections.abc import Sequence
from importlib.metadata import version
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from ...stages.errors import ConfigError
from .engine import Seen

SHIPPED: Final = "ch"  # the model in the package: Chinese and Latin letters
LONGEST: Final = 40  # times the height
SETTINGS: Final = {
    "Global.log_level": "error",
    "EngineConfig.onnxruntime.intra_op_num_threads": 1,
    "EngineConfig.onnxruntime.inter_op_num_threads": 1,
}


def open_engine(language: str | None) -> "RapidOcr":
    """Load the model in the package.

    Raises:
        ConfigError: the package is not installed, or another language is asked for.
    """
    if language not in (None, SHIPPED):
        msg = (
            f"language {language!r}: rapidocr comes with the model {SHIPPED!r} (Chinese and Latin) "
            "and others would be downloaded; leave out --lang, or use --engine tesseract"
        )
        raise ConfigError(msg)
    return RapidOcr()


class RapidOcr:
    """Reads with the model in the package rapidocr.

    Raises:
        ConfigError: it is not installed.
    """

    language = SHIPPED
    padding = 0.05
    min_confidence = 0.5
    places_words = False

    def __init__(self) -> None:
        try:
            importlib.import_module("locpipe.stages.onnx")  # now, not with the first picture
            self._engine = importlib.import_module("rapidocr").RapidOCR(params=SETTINGS)
        except ImportError as error:
            msg = f"rapidocr needs {error.name}: pip install 'locpipe[rapidocr]'"
            raise ConfigError(msg) from error
        self.version = f"rapidocr {version('rapidocr')}"

    def read(self, crops: Sequence[NDArray[np.uint8]], seconds: float) -> list[list[Seen]]:  # noqa: ARG002 - nothing stops it: the time limit of the worker does
        """Read crops; see `Engine.read`."""
        pictures = [cv2.cvtColor(_shortened(crop), cv2.COLOR_RGB2BGR) for crop in crops]
        found = self._engine.recognize_txt(pictures)
        everything = zip(crops, found.txts, found.scores, strict=True)
        return [
            [Seen(" ".join(text.split()), float(confidence), 0, crop.shape[1])]
            if text.strip()
            else []
            for crop, text, confidence in everything
        ]


def _shortened(crop: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return a crop; if it is so long that its batch would fill the memory, it is made narrower."""
    height, width = crop.shape[:2]
    if width <= LONGEST * height:
        return crop
    return np.asarray(cv2.resize(crop, (LONGEST * height, height)), np.uint8)
