"""The paper's figure: a picture, its heatmap, its mask and its boxes, one row per method."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from ...stages.errors import ConfigError
from .atomic import write_named
from .colours import LOWEST, score_colour, score_ramp
from .pictures import heatmap_pixels, mask_pixels

try:
    import matplotlib as mpl
    from matplotlib import colors, patheffects
    from matplotlib import (
        figure as figures,
    )  # not pyplot: it has global state
    from matplotlib.cm import ScalarMappable
except ImportError:  # an optional extra: see `check`
    _DRAWS = False
else:
    _DRAWS = True

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from ...stages.localize import Result

COLOURS: Final = "viridis"
"""Equal steps of heat look equally large, also in grey and to people who are colour-blind."""
LONGEST_SIDE: Final = 900  # pixels of a panel: the figure is only to look at
SMALL: Final = 200  # pixels of the longest side
PANEL_INCHES: Final = 4.0
TALLEST_PANEL: Final = 3.0
"""Largest ratio of the sides of a panel. Without a limit, a picture of 4 x 10,000 pixels would fill
the memory."""
FORMATS: Final = (".png", ".pdf", ".svg", ".jpg")


def check(path: Path, picture: Path) -> None:
    """Check before any work that a figure of a picture can be drawn into a file of this name.

    Raises:
        ConfigError: the name has no known suffix or is that of the picture, or matplotlib is not
            installed.
    """
    if path.suffix.lower() not in FORMATS:
        msg = f"--output {path}: give a name that ends in one of {', '.join(FORMATS)}"
        raise ConfigError(msg)
    if path.exists() and picture.exists() and path.samefile(picture):
        msg = f"--output {path} is the picture itself: choose another name"
        raise ConfigError(msg)
    if not _DRAWS:
        msg = "locpipe show needs matplotlib: pip install 'locpipe[train]'"
        raise ConfigError(msg)


def figure(
    results: Sequence[tuple[str, Result]], texts: Sequence[Sequence[str]] | None = None
) -> Figure:
    """Draw named results on one picture, a row each: picture, heatmap with legend, mask, boxes.

    Boxes have the colours of their scores, with a legend. `texts` has the text read in each box of
    each result; it is drawn above the box, as the class is.
    """
    image = results[0][1].image
    aspect = min(max(image.height / image.width, 1 / TALLEST_PANEL), TALLEST_PANEL)
    size = (4.4 * PANEL_INCHES, len(results) * (PANEL_INCHES * aspect + 0.4))
    drawn = figures.Figure(figsize=size, layout="constrained")
    rows = drawn.subplots(len(results), 4, squeeze=False)
    for number, (row, (name, result)) in enumerate(zip(rows, results, strict=True)):
        _draw_row(row, name, result)
        _draw_boxes(row[3], result, texts[number] if texts else ())
    return drawn


def save(drawn: Figure, path: Path) -> None:
    """Write a figure to a file that `check` has accepted. The same figure gives the same bytes.

    Raises:
        OutputError: the file cannot be written.
    """
    stream, kind = io.BytesIO(), path.suffix.lower()
    undated = {".pdf": {"CreationDate": None}, ".svg": {"Date": None}}.get(kind)
    with mpl.rc_context({"svg.hashsalt": "locpipe"}):
        drawn.savefig(stream, format=kind[1:], dpi=100, metadata=undated)
    write_named(path, stream.getvalue())


def _draw_row(row: NDArray[np.object_], name: str, result: Result) -> None:
    picture, heat, mask, boxes = row
    _show(picture, result.image.rgb, name)
    levels = np.asarray(heatmap_pixels(result) / np.float32(255), np.float32)
    shown = heat.imshow(_shrunk(levels), cmap=COLOURS, vmin=0, vmax=1, extent=_extent(levels))
    heat.set(title="heatmap", xticks=[], yticks=[])
    legend = heat.figure.colorbar(shown, ax=heat, fraction=0.05, pad=0.02)
    legend.set_label(f"heat of {', '.join(result.heatmap.labels)[:40]}")
    _show(mask, np.repeat((mask_pixels(result) > 0)[..., None] * np.uint8(255), 3, 2), "mask")
    found = len(result.boxes.items)
    _show(boxes, result.image.rgb, f"{found} box{'' if found == 1 else 'es'}")


def _draw_boxes(axes: Axes, result: Result, texts: Sequence[str]) -> None:
    boxes = result.boxes.items
    halo = [patheffects.Stroke(linewidth=2.6, foreground="#141414"), patheffects.Normal()]
    for box in sorted(boxes, key=lambda box: box.score):  # the surest on top
        corners = np.array([*box.polygon, box.polygon[0]])
        colour = [part / 255 for part in score_colour(box.score)]
        axes.plot(corners[:, 0], corners[:, 1], color=colour, linewidth=1.2, path_effects=halo)
    for box, text in zip(boxes, texts or [box.class_ or "" for box in boxes], strict=True):
        x, y = box.polygon[0]
        label = text.replace("$", r"\$")  # otherwise matplotlib reads a formula
        axes.text(x, y, label, color="w", size=7, va="bottom", clip_on=True, path_effects=halo)
    if boxes:
        ramp = colors.ListedColormap(score_ramp() / 255)
        scores = ScalarMappable(colors.Normalize(LOWEST, 1), ramp)
        legend = axes.figure.colorbar(scores, ax=axes, fraction=0.05, pad=0.02, extend="min")
        legend.set_label("score of a box")


def _show(axes: Axes, rgb: NDArray[np.uint8], title: str) -> None:
    # Small pictures show their pixels as squares.
    kind = "nearest" if max(rgb.shape[:2]) < SMALL else "antialiased"
    axes.imshow(_shrunk(rgb), extent=_extent(rgb), interpolation=kind)
    axes.set(title=title, xticks=[], yticks=[])


def _extent(pixels: NDArray[np.generic]) -> tuple[float, float, float, float]:
    """Return the extent of a panel: the origin is the outer corner of the top-left pixel."""
    return (0, pixels.shape[1], pixels.shape[0], 0)


def _shrunk(pixels: NDArray[np.uint8] | NDArray[np.float32]) -> NDArray[np.generic]:
    scale = min(1.0, LONGEST_SIDE / max(pixels.shape[:2]))
    height, width = (max(1, round(side * scale)) for side in pixels.shape[:2])
    return np.asarray(cv2.resize(pixels, (width, height), interpolation=cv2.INTER_AREA))
