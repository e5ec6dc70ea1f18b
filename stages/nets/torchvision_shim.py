"""Imports torchvision, also next to a torch that it was not built for."""

import importlib
from functools import lru_cache
from typing import Any

import torch

_SCHEMA = "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor"


@lru_cache(maxsize=1)
def declare_operators() -> torch.library.Library | None:
    """Make `import torchvision` work. Call this before the import.

    torchvision from the package index next to a CPU-only torch cannot load its compiled operators.
    Its import then fails with "operator torchvision::nms does not exist". We use none of these
    operators, so it is enough to declare their schemas. If the real operators load, nothing
    happens.

    Returns:
        The library of declared schemas, or `None`. Keep it for the life of the process: torch
        forgets the schemas when the library is garbage-collected.
    """
    try:
        importlib.import_module("torchvision")  # late: slow, and it is the import that is tested
    except RuntimeError as error:
        if "torchvision::nms does not exist" not in str(error):
            raise
    else:
        return None
    library = torch.library.Library("torchvision", "DEF")
    for name in ("nms", "qnms"):
        library.define(name + _SCHEMA)
    return library


def torchvision() -> Any:  # noqa: ANN401 - it ships no types
    """Return torchvision, with `datasets`, `models`, `ops` and `transforms`."""
    declare_operators()
    return importlib.import_module("torchvision")  # slow; operators are declared before
