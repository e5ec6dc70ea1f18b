"""What looks like text to a network but is not: fences, windows, bricks, leaves, arrows, QR codes.

Every kind returns polygons in a flat frame of 100 times 100 units. One random pose puts them all
onto the picture. So they come in every size and perspective, as text does.
"""

from collections.abc import Callable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from .chance import chance, log_uniform, normal, pick, uniform
from .colours import Colour, any_colour, contrasting
from .pose import pose_at, rectangle, tilt
from .shapes import OUTLINES, fill

Points = NDArray[np.float64]
Polygons = Iterator[tuple[Points, Colour]]


def _bars(rng: np.random.Generator, colour: Colour) -> Polygons:
    """Fences, railings, stripes and the bars of barcodes."""
    pitch = log_uniform(rng, 2, 16)
    thick, uneven = uniform(rng, 0.15, 0.7) * pitch, pick(rng, (0.0, 0.0, 0.35))
    for x in np.arange(0, 100, pitch):
        wide = thick * float(np.exp(normal(rng, uneven)))
        yield rectangle(x, 0, x + wide, 100), colour
    if chance(rng, 0.5):
        for y in (uniform(rng, 5, 20), uniform(rng, 75, 95)):
            yield rectangle(0, y, 100, y + thick), colour


def _windows(rng: np.random.Generator, colour: Colour) -> Polygons:
    """Rows of panes, tiles or buttons, some lit."""
    across, down = log_uniform(rng, 5, 30), log_uniform(rng, 5, 30)
    wide, tall = uniform(rng, 0.4, 0.95) * across, uniform(rng, 0.4, 0.95) * down
    lit = np.clip(colour + 40 * rng.standard_normal(3), 0, 255)
    goods = chance(rng, 0.25)  # a shelf: every piece has its own colour
    shape = pick(rng, OUTLINES) if chance(rng, 0.3) else rectangle(0, 0, 1, 1)
    for y in np.arange(0, 100, down):
        for x in np.arange(0, 100, across):
            tone = any_colour(rng) if goods else lit if chance(rng, 0.25) else colour
            yield shape * (wide, tall) + (x, y), tone


def _bricks(rng: np.random.Generator, colour: Colour) -> Polygons:
    """Courses of bricks, each a little different."""
    tall = log_uniform(rng, 4, 14)
    wide, mortar = tall * uniform(rng, 1.6, 3.2), tall * uniform(rng, 0.08, 0.25)
    for row, y in enumerate(np.arange(0, 100, tall)):
        for x in np.arange(-(row % 2) * wide / 2, 100, wide):
            tone = np.clip(colour + 10 * rng.standard_normal(3), 0, 255)
            yield rectangle(x, y, x + wide - mortar, y + tall - mortar), tone


def _grid(rng: np.random.Generator, colour: Colour) -> Polygons:
    """Mesh, lattice or the joints of tiles."""
    pitch, thick = log_uniform(rng, 3, 25), uniform(rng, 0.3, 1.8)
    for at in np.arange(0, 100, pitch):
        yield rectangle(at, 0, at + thick, 100), colour
        yield rectangle(0, at, 100, at + thick), colour


def _leaves(rng: np.random.Generator, colour: Colour) -> Polygons:
    """Leaves, pebbles or petals in a heap."""
    side = log_uniform(rng, 2, 10)
    count = min(int(3000 / side**2) + 20, 160)
    for _ in range(count):
        turn = uniform(rng, 0, 2 * np.pi)
        axes = np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]])
        outline = (OUTLINES[11] - 0.5) * side * (1, uniform(rng, 0.2, 0.7)) @ axes
        tone = np.clip(colour + 25 * rng.standard_normal(3), 0, 255)
        yield outline + 100 * rng.random(2), tone


def _icons(rng: np.random.Generator, colour: Colour) -> Polygons:
    """A few arrows, crosses, stars and discs, each for itself."""
    for _ in range(int(rng.integers(1, 5))):
        side, corner = uniform(rng, 15, 45), 60 * rng.random(2)
        outline = pick(rng, OUTLINES)
        yield outline * side + corner, colour
        if chance(rng, 0.35):
            hole = (outline - outline.mean(0)) * 0.6 + outline.mean(0)
            yield hole * side + corner, contrasting(rng, colour, 60)


def _cables(rng: np.random.Generator, colour: Colour) -> Polygons:
    """Long thin lines: cables, branches, cracks."""
    for _ in range(int(rng.integers(2, 9))):
        x = np.linspace(0, 100, 12)
        steps = np.cumsum(rng.standard_normal(12)) * uniform(rng, 0.3, 5)
        y = uniform(rng, 0, 100) + steps
        thick = log_uniform(rng, 0.3, 2.5)
        upper, lower = np.stack([x, y], 1), np.stack([x, y + thick], 1)[::-1]
        yield np.concatenate([upper, lower]), colour


def _lamps(rng: np.random.Generator, colour: Colour) -> Polygons:
    """Ceiling lamps and reflections: a row of bright spots that shrink with distance."""
    bright = np.clip(235 + 15 * rng.standard_normal(3), 0, 255) if chance(rng, 0.8) else colour
    shape, side = pick(rng, (OUTLINES[11], OUTLINES[9])), uniform(rng, 4, 14)
    step, shrink = np.array([uniform(rng, 8, 22), uniform(rng, -12, 12)]), uniform(rng, 0.75, 1)
    at = np.array([0.0, uniform(rng, 20, 80)])
    for power in range(int(rng.integers(2, 12))):
        yield (shape - 0.5) * (side, side * uniform(rng, 0.3, 0.6)) * shrink**power + at, bright
        at = at + step * shrink**power


def _rings(rng: np.random.Generator, colour: Colour) -> Polygons:
    """Discs within discs: wheels, lamps, targets, dials."""
    middle = np.array([50.0, 50.0])
    tones = colour, contrasting(rng, colour, 50)
    for i, reach in enumerate(np.linspace(100, uniform(rng, 10, 60), int(rng.integers(2, 6)))):
        yield (OUTLINES[11] - 0.5) * reach + middle, tones[i % 2]


def codes(rng: np.random.Generator, colour: Colour) -> Polygons:
    """QR codes: random modules, and the squares in three corners that other codes lack."""
    side = 17 + 4 * int(rng.integers(1, 8))
    dark = rng.random((side, side)) < uniform(rng, 0.4, 0.6)
    if chance(rng, 0.85):
        for rows, columns in ((0, 0), (0, side - 7), (side - 7, 0)):
            corner = slice(rows, rows + 7), slice(columns, columns + 7)
            dark[corner] = np.pad(
                np.pad(np.full((3, 3), fill_value=True), 1), 1, constant_values=True
            )
    light = np.clip(235 + 15 * rng.standard_normal(3), 0, 255)
    paper, ink = (light, contrasting(rng, light, 150)) if chance(rng, 0.8) else (colour, light)
    module = 100 / (side + 6)
    yield rectangle(0, 0, 100, 100), paper
    # A run of dark modules is one polygon.
    edges = np.diff(np.pad(dark, ((0, 0), (1, 1))).astype(np.int8), axis=1)
    for (row, start), stop in zip(
        np.argwhere(edges > 0), np.argwhere(edges < 0)[:, 1], strict=True
    ):
        box = np.array([start, row, stop, row + 1]) + 3.0
        yield rectangle(*(box * module).tolist()), ink


KINDS: tuple[Callable[[np.random.Generator, Colour], Polygons], ...] = (
    *(_bars, _windows, _bricks, _grid, _leaves, _icons, _cables, _lamps, _rings, codes),
)
THIN = (_grid, _cables)
SMALL = (_icons, codes)


def scatter(
    rgb: NDArray[np.uint8],
    rng: np.random.Generator,
    count: int,
    kinds: Sequence[Callable[[np.random.Generator, Colour], Polygons]] = KINDS,
) -> None:
    """Draw `count` patterns into the picture [H, W, 3], in place, anywhere and of any size."""
    height, width = rgb.shape[:2]
    for _ in range(count):
        kind = pick(rng, kinds)
        turn = normal(rng, 0.06) if chance(rng, 0.7) else uniform(rng, -np.pi, np.pi)
        matrix = tilt(normal(rng, 0.4), normal(rng, 0.3), turn, 300)
        stretch = np.diag([log_uniform(rng, 0.6, 2.5), 1.0, 1.0])
        size = log_uniform(rng, 0.3, 1.5 if kind in SMALL else 4.5)
        x, y = uniform(rng, 0, width), uniform(rng, 0, height)
        pose = pose_at(matrix @ stretch, 100, 100, size, None).moved(x, y)
        below = rgb[int(y), int(x)].astype(np.float64)
        for outline, colour in kind(rng, contrasting(rng, below, uniform(rng, 15, 120))):
            fill(rgb, pose.forward(outline), colour)
