"""The OCR engines by name: each is a module beside this one, with a function `open_engine`."""

from typing import Final, Literal, get_args

EngineName = Literal["tesseract", "rapidocr"]
ENGINES: Final[tuple[str, ...]] = get_args(EngineName)
