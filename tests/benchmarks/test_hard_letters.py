"""What the program of hard letters draws, and how it counts."""

import numpy as np
import pytest
from hard_letters import KINDS, Drawn, hits
from PIL import Image

from locpipe.stages.geometry.box import Box


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind not in {"700 px", "1000 px"}])
def test_ink_lies_where_the_truth_says(kind: str) -> None:
    drawn = KINDS[kind](np.random.default_rng(3))
    pixels = np.asarray(drawn.canvas).astype(int)
    ink = np.abs(pixels - drawn.ink).max(axis=2) < 40
    inside = np.zeros_like(ink)
    slack = 20 if kind == "ring" else 8  # turned letters are wide
    for left, top, right, bottom in [*drawn.letters, *drawn.wholes]:
        rows, columns = (
            slice(int(top) - slack, int(bottom) + slack),
            slice(int(left) - slack, int(right) + slack),
        )
        region = rows, columns
        inside[region] = True
        assert ink[region].any()
    assert not (ink & ~inside).any()


def box(left: float, top: float, right: float, bottom: float) -> Box:
    corners = ((left, top), (right, top), (right, bottom), (left, bottom))
    return Box("text", 0.9, corners, (int(left), int(top), int(right), int(bottom)))


def test_letters_are_covered_and_wholes_matched() -> None:
    drawn = Drawn(Image.new("RGB", (100, 40)), (0, 0, 0))
    drawn.letters = [(10, 10, 20, 20), (40, 10, 50, 20)]
    drawn.wholes = [(10, 10, 50, 20)]
    assert hits([box(8, 8, 22, 22), box(70, 0, 80, 9)], drawn) == {
        "letters": (1, 2),
        "wholes": (0, 1),
        "wrong": (1, 0),
    }
    assert hits([box(9, 9, 51, 21)], drawn)["wholes"] == (1, 1)
