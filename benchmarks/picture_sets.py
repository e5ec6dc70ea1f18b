"""The sets of pictures that benchmarks measure on, below one folder of data."""

import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

from locpipe.pipeline.evaluation.evaluate import Frame

Thing = TypeVar("Thing")


@dataclass(frozen=True)
class Set:
    """Pictures with truth; the set `backgrounds` has no truth.

    Attributes:
        name: of the set's folder.
        folder: holds images/ and gt/.
        pictures: those of this run.
        frame: pixel grid of the truth.
        lines: whether the truth is lines, not words.
    """

    name: str
    folder: Path
    pictures: tuple[Path, ...]
    frame: Frame = "upright"
    lines: bool = False

    @property
    def has_truth(self) -> bool:
        """Whether the set has truth to compare with."""
        return self.name != "backgrounds"

    def thinned(self, count: int) -> "Set":
        """Return the set with `count` of its pictures; 0 means all."""
        return replace(self, pictures=evenly(self.pictures, count))


def evenly(things: Sequence[Thing], count: int) -> tuple[Thing, ...]:
    """Return `count` things, evenly spaced, with the first; all for 0 or if there are fewer."""
    count = min(count, len(things)) or len(things)
    return tuple(things[i * len(things) // count] for i in range(count))


def kept_out(pictures: Iterable[Path]) -> tuple[Path, ...]:
    """Return every fifth by name, the 1st, 6th, 11th, ..., which no training has seen."""
    return tuple(sorted(pictures)[::5])


def sets_of(data: Path) -> list[Set]:
    """Return the sets below the folder of data; missing sets are left out."""
    frames: dict[str, Frame] = {"msra_td500_train": "stored"}
    found = [
        Set(
            folder.name,
            folder,
            tuple(sorted((folder / "images").iterdir())),
            frames.get(folder.name, "upright"),
            lines=folder.name.startswith("msra_td500"),
        )
        for folder in sorted((data / "text").glob("*_train"))
    ]
    if (data / "backgrounds").is_dir():
        backgrounds = data / "backgrounds"
        found.append(Set("backgrounds", backgrounds, kept_out(backgrounds.iterdir())))
    if not found:
        sys.exit(f"{data}: neither text/*_train nor backgrounds/ here; give the folder of data")
    return found
