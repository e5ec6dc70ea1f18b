"""The OCR engines by name. Each is a module of this folder with a function `open_engine`."""

from typing import Final, Literal, get_args

EngineName = Literal["tesseract", "rapidocr"]
ENGINES: Final[tuple[str, ...]] = get_args(EngineName)
