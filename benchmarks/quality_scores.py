"""Writes the boxes of any detector as box JSON, and scores them by the code of `locpipe evaluate`."""

import hashlib
import json
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
from competitors import OURS, Detector, Variant
from numpy.typing import NDArray
from picture_sets import Set

import locpipe.pipeline.evaluation
from locpipe.pipeline.evaluation.evaluate import evaluate
from locpipe.pipeline.output.box_json import Maker, Page, box_document
from locpipe.stages.geometry.box import Box
from locpipe.stages.geometry.reading_order import reading_order
from locpipe.stages.load import probe


def answer_file(detector: Detector, one: Set, picture: Path, work: Path) -> Path:
    """Return the file that keeps the boxes of a detector on a picture: polygons by variant."""
    return work / "found" / detector.name / one.name / f"{picture.name}.json"


def box_file(picture: Path, quads: Sequence[Sequence[Sequence[float]]]) -> str:
    """Return the box JSON of any detector's boxes: our schema, in reading order, with lines.

    Args:
        picture: its file.
        quads: polygons of four corners, clockwise from the top-left one, in the upright frame.
    """
    header = probe(picture)
    corners = np.array(quads, np.float64).reshape(-1, 4, 2)
    unknown = hashlib.sha256(b"").hexdigest()
    in_order = reading_order(corners).places()
    page = Page(
        key=picture.name,
        page=1,
        width=header.width,
        height=header.height,
        exif_orientation=header.exif_orientation,
        stored_width=header.stored_width,
        stored_height=header.stored_height,
        sha256=hashlib.sha256(picture.read_bytes()).hexdigest(),
        labels=("text",),
        boxes=tuple(replace(_box(corners[index]), **place) for index, place in in_order),
        made_by=Maker("other", unknown, unknown),
    )
    return json.dumps(box_document(page))


def _box(quad: NDArray[np.float64]) -> Box:
    left, top = np.floor(quad.min(axis=0)).astype(int).tolist()
    right, bottom = np.ceil(quad.max(axis=0)).astype(int).tolist()
    polygon = tuple((x, y) for x, y in quad.tolist())
    return Box("text", 1.0, polygon, (left, top, right, bottom))


def scores(detector: Detector, variant: Variant, one: Set, work: Path) -> dict[str, Any]:
    """Return the scores of what a detector found on a set, by protocol; on backgrounds, the share.

    Boxes that the same code has scored before are not scored again.
    """
    found = _ours(one, work) if detector == OURS else _theirs(detector, variant, one, work)
    if not one.has_truth:
        alarms = [bool(json.loads(document)["boxes"]) for document in found.values()]
        return {"pictures": len(alarms), "false_alarms": float(np.mean(alarms))}
    kept = work / "scores" / f"{_key(variant, one, found)}.json"
    if not kept.exists():
        kept.parent.mkdir(parents=True, exist_ok=True)
        kept.write_text(json.dumps(scored(variant, one, found)))
    known: dict[str, Any] = json.loads(kept.read_text())
    return known


def _ours(one: Set, work: Path) -> dict[Path, str]:
    """Return the box JSON that the run wrote; a failed picture has no file and counts as no boxes."""
    boxes = work / "found" / OURS.name / one.name / "boxes"
    files = {file.name: file for file in boxes.rglob("*.json")}
    names = {picture: f"{picture.name}.json" for picture in one.pictures}
    return {
        picture: files[name].read_text() if name in files else box_file(picture, [])
        for picture, name in names.items()
    }


def _theirs(detector: Detector, variant: Variant, one: Set, work: Path) -> dict[Path, str]:
    found = {
        picture: json.loads(answer_file(detector, one, picture, work).read_text())[variant.name]
        for picture in one.pictures
    }
    return {picture: box_file(picture, quads) for picture, quads in found.items()}


def _key(variant: Variant, one: Set, found: Mapping[Path, str]) -> str:
    digest = hashlib.sha256(f"{variant.boxes} {one}".encode())
    for document in found.values():
        digest.update(document.encode())
    code = Path(str(locpipe.pipeline.evaluation.__file__)).parent
    for file in sorted(code.glob("*.py")):
        digest.update(file.read_bytes())
    return digest.hexdigest()


def scored(variant: Variant, one: Set, found: Mapping[Path, str]) -> dict[str, Any]:
    """Return the scores of box JSON by picture, by protocol."""
    with tempfile.TemporaryDirectory() as folder:
        for picture, document in found.items():
            for kind in ("boxes", "gt"):
                Path(folder, kind).mkdir(exist_ok=True)
            Path(folder, "boxes", f"{picture.name}.json").write_text(document)
            truth = f"{picture.stem}.txt"
            Path(folder, "gt", truth).symlink_to((one.folder / "gt" / truth).resolve())
        lines = one.lines and variant.boxes == "word"
        report = evaluate(Path(folder), Path(folder, "gt"), frame=one.frame, lines=lines)
    totals = {name: asdict(total) for name, total in report.totals.items()}
    return {"pictures": len(report.pictures), **totals}
