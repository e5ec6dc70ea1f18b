"""The box JSON of one page, `locpipe/boxes/1`, described by `schemas/boxes-1.json`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from ...stages.boxes import Box
    from ..picture.localize import Result

__all__ = ["SCHEMA", "box_document", "made_by"]

SCHEMA: Final = "locpipe/boxes/1"


def made_by(model: str, model_sha256: str, config_sha256: str) -> dict[str, str]:
    """What decides a result besides the picture."""
    return {"model": model, "model_sha256": model_sha256, "config_sha256": config_sha256}


def box_document(result: Result, key: str, sha256: str, maker: dict[str, str]) -> dict[str, object]:
    """The document of one page.

    Args:
        result: what the stages found on the page.
        key: relative path of the picture.
        sha256: hash of the picture file.
        maker: see `made_by`.
    """
    image = result.image
    document: dict[str, object] = {
        "schema": SCHEMA,
        "image": {
            "path": key,
            "page": image.page,
            "width": image.width,
            "height": image.height,
            "exif_orientation": image.exif_orientation,
            "stored_width": image.stored_width,
            "stored_height": image.stored_height,
            "sha256": sha256,
        },
        "made_by": maker,
        "labels": list(result.mask.labels),
        "boxes": [_box(box) for box in result.boxes.items],
    }
    if result.boxes.dropped:
        kept, dropped = len(result.boxes.items), result.boxes.dropped
        warning = f"kept the best {kept} of {kept + dropped} boxes; raise boxes.max to see all"
        document["warnings"] = [warning]
    return document


def _box(box: Box) -> dict[str, object]:
    found: dict[str, object] = {
        "label": box.label,
        "score": round(box.score, 4),
        "rect": list(box.rect),
        "polygon": [list(point) for point in box.polygon],
        "line": box.line,
    }
    if box.class_ is not None and box.probability is not None:
        found |= {"class": box.class_, "probability": round(box.probability, 4)}
    return found
