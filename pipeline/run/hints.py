"""Hints after a run: why nothing was found, and what to try next."""

import shlex
from collections.abc import Iterator, Mapping
from typing import Any

from ..storage.urls import is_url


def hints(report: Mapping[str, Any]) -> Iterator[str]:
    """Yield the hints for a run, from its run.json."""
    counts = report["counts"]
    if not counts["done"]:
        return
    if not report["boxes"]:
        yield f"0 boxes on {counts['done']} pictures: {_why_nothing(report)}"
    elif not (counts["kept"] or counts["up_to_date"] or counts["given_up"]):
        yield from _next(report["config"]["output"], report["config"]["heatmap"]["labels"])


def _why_nothing(report: Mapping[str, Any]) -> str:
    """Say which key removes the boxes."""
    heat, threshold = report["largest_heat"], report["config"]["threshold"]
    key = {"fixed": "value", "hysteresis": "high", "mean_std": "k"}.get(threshold["method"])
    found = f"the largest score was {heat:.2f}"
    if key is None or key == "k":
        return f"{found}; see --set threshold.{key or 'method'}"
    if heat > threshold[key]:
        return f"{found}, but every region was too small; see --set boxes.min_area, boxes.min_side"
    return f"{found}, and threshold.{key} is {threshold[key]:g}; see --set threshold.{key}"


def _next(output: Mapping[str, Any], labels: tuple[str, ...]) -> Iterator[str]:
    """Say where to look and what to try, after a first run."""
    folder = shlex.quote(str(output["path"]))
    if is_url(str(output["path"])):
        yield f"next: locpipe fetch {folder} DIR (a copy for locpipe report, read and export)"
        return
    if output["overlays"]:
        yield f"look at {output['path']}/overlays: the pictures with their heat and boxes"
    else:
        yield "to look at what was found, run again with --set output.overlays=true"
    is_text = "text" in labels
    then = f"locpipe read {folder} (the text in the boxes), " if is_text else ""
    format_ = "uzn" if is_text else "coco"
    look = f"locpipe report {folder} (all pictures in a browser)"
    yield f"next: {look}, {then}locpipe export {folder} --to {format_} (for other programs)"
