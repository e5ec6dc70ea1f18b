"""How near our order of words is to the order in the DOM, by normalised edit distance.

Pages are laid out by Chromium. Of each kind, every third page is turned, bent and seen in perspective. Scenes
are rendered; only the order within their lines is known. `--before FILE` is the module reading_order of an
earlier version; its order is measured too.
"""

import argparse
import importlib.util
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import yaml
from numpy.typing import NDArray
from reading_order_pages import HEIGHT, KINDS, WIDTH, laid_out

from locpipe.pipeline.training.scene_text.render import Renderer
from locpipe.pipeline.training.scene_text.settings import RenderSettings
from locpipe.pipeline.training.scene_text.truth import UNREADABLE
from locpipe.stages.geometry.reading_order import reading_order
from locpipe.stages.geometry.rectangles import smallest_rectangle

Numbers = NDArray[np.intp]
Floats = NDArray[np.float64]
Case = tuple[str, Floats, str, Numbers, NDArray[np.bool_]]
"""Kind, quadrangles [N, 4, 2], direction, paragraph of each word, and whether it is free."""

RESULTS = Path(__file__).parent / "results" / "reading_order.md"
SEED = 20261128


def distance(order: Numbers, blocks: Numbers, free: NDArray[np.bool_]) -> float:
    """Return the edits from an order of words to the truth, per word; 0 is perfect.

    Args:
        order: [N] the words 0..N-1, of which 0, 1, 2, … is the true order.
        blocks: [N] the paragraph of each word.
        free: [N] whether its paragraph may stand between any two others. Such a paragraph is put
            where the order has its first word, at the next end of a paragraph.
    """
    return float(edits(order, _truth(order, blocks, free))) / max(1, len(order))


def _truth(order: Numbers, blocks: Numbers, free: NDArray[np.bool_]) -> Numbers:
    if not free.any():
        return np.arange(len(order))
    rank = np.argsort(order)
    fixed = np.flatnonzero(~free)
    ends = np.r_[0, np.flatnonzero(np.diff(blocks[fixed])) + 1, len(fixed)]
    place = np.searchsorted(ends, np.arange(len(fixed)), "right").astype(np.float64)
    keys = np.zeros((len(order), 2))
    keys[fixed, 0] = place
    for block in np.unique(blocks[free]):
        words = np.flatnonzero(blocks == block)
        first = int(rank[words].min())
        before = int((rank[fixed] < first).sum())
        keys[words] = np.argmin(np.abs(ends - before)) + 0.5, first
    return np.lexsort((np.arange(len(order)), keys[:, 1], keys[:, 0]))


def edits(first: Numbers, second: Numbers) -> int:
    """Return the Levenshtein distance of two sequences (1966)."""
    steps = np.arange(len(second) + 1)
    row = steps.copy()
    for index, item in enumerate(first, 1):
        replaced = np.minimum(row[1:] + 1, row[:-1] + (second != item))
        row = np.minimum.accumulate(np.r_[index, replaced] - steps) + steps
    return int(row[-1])


def pages(count: int, seed: int) -> Iterator[Case]:
    """Yield the words of pages, each with its kind; every third page is warped."""
    for number, sheet in enumerate(laid_out(count, seed)):
        quads = sheet.rects[:, [[0, 1], [2, 1], [2, 3], [0, 3]]]
        is_warped = (number + number // len(KINDS)) % 3 == 2  # so that each kind has its turn
        if is_warped:
            quads = warped(quads, np.random.default_rng([seed, number]))
        kind = "warped " + sheet.kind if is_warped else sheet.kind
        yield kind, quads, sheet.direction, np.array(sheet.blocks), np.array(sheet.free)


def warped(quads: Floats, chance: np.random.Generator) -> Floats:
    """Return points of a sheet that is bent by up to 1.5 % of its height, turned and tilted."""
    x, y = quads[..., 0] / WIDTH - 0.5, quads[..., 1] / HEIGHT - 0.5
    y = y + chance.uniform(-0.015, 0.015) * np.sin(np.pi * (x + chance.uniform(-0.5, 0.5)))
    depth = 1 + chance.uniform(-0.08, 0.08) * x + chance.uniform(-0.08, 0.08) * y
    x, y = x * WIDTH / depth, y * HEIGHT / depth
    turn = np.deg2rad(chance.uniform(-6, 6))
    along, down = np.cos(turn), np.sin(turn)
    turned = np.stack([along * x - down * y, down * x + along * y], axis=-1)
    return np.asarray(turned + np.array([1.5 * WIDTH, HEIGHT]))


def scenes(count: int, seed: int) -> Iterator[Case]:
    """Yield the words of rendered street scenes; their lines may be read in any order."""
    file = Path(__file__).parents[1] / "configs" / "render" / "text.yaml"
    settings = yaml.safe_load(file.read_text(encoding="utf-8"))
    renderer = Renderer(RenderSettings.model_validate({**settings, "seed": seed}))
    for index in range(count):
        words = [word for word in renderer.render(index).words if word.text != UNREADABLE]
        quads = np.array([word.quad for word in words], np.float64).reshape(-1, 4, 2)
        lines = np.array([word.line for word in words], np.intp)
        yield "scene", quads, "auto", lines, np.ones(len(words), np.bool_)


def measured(cases: Iterator[Case], orders: dict[str, Callable[[Floats, str], list[int]]]) -> str:
    """Return a table of mean distances by kind."""
    found: dict[str, list[list[float]]] = defaultdict(list)
    for kind, quads, direction, blocks, free in cases:
        boxes = np.array([smallest_rectangle(quad) for quad in quads]).reshape(-1, 4, 2)
        told = direction if direction == "rtl" else "auto"  # `read` sees it by the letters
        row = [
            distance(np.array(order(boxes, told), np.intp), blocks, free)
            for order in orders.values()
        ]
        found[kind.removeprefix("warped ")].append(row)
        found["all"].append(row)
        if kind != "scene":
            found["warped pages" if kind.startswith("warped") else "flat pages"].append(row)
            found["all pages"].append(row)
    lines = [f"| kind | number | {' | '.join(orders)} |", "|---" * (2 + len(orders)) + "|"]
    for kind, rows in sorted(
        found.items(), key=lambda item: (" " in item[0] or item[0] == "all", item[0])
    ):
        means = " | ".join(f"{mean:.4f}" for mean in np.mean(rows, axis=0))
        lines.append(f"| {kind} | {len(rows)} | {means} |")
    return "\n".join(lines) + "\n"


def main() -> None:
    """Measure, and write the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pages", type=int, default=200)
    parser.add_argument("--scenes", type=int, default=100)
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--before", type=Path)
    parser.add_argument("--output", type=Path, default=RESULTS)
    options = parser.parse_args()
    orders: dict[str, Callable[[Floats, str], list[int]]] = {}
    if options.before is not None:
        spec = importlib.util.spec_from_file_location("before", options.before)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        orders["before"] = lambda boxes, _: module.reading_order(boxes)[0]
    orders["now"] = lambda boxes, told: reading_order(boxes, told).boxes  # type: ignore[arg-type] # one of the choices

    def cases() -> Iterator[Case]:
        yield from pages(options.pages, options.seed)
        yield from scenes(options.scenes, options.seed)

    head = f"Normalised edit distance of the order of words, 0 is perfect; seed {options.seed}.\n\n"
    options.output.write_text(head + measured(cases(), orders), encoding="utf-8")


if __name__ == "__main__":
    main()
