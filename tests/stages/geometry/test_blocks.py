"""What stands beside a text, or in it, is a block of its own."""

from itertools import chain

import numpy as np
import pytest

from locpipe.stages.geometry.reading_order import reading_order

Words = list[tuple[float, float, float, float]]


def text(lines: int, *, left: float, top: float = 0, words: int = 3, size: float = 19) -> Words:
    """Lines of words as wide as three of their heights, with blanks of a third of it."""
    return [
        (x, y, x + 3 * size, y + size)
        for y in (top + 1.3 * size * line for line in range(lines))
        for x in (left + 3.3 * size * word for word in range(words))
    ]


@pytest.mark.parametrize(
    "parts",
    [
        pytest.param(
            [
                text(5, left=0),
                text(2, left=0, top=330, words=4, size=13),
                text(5, left=0, top=400),
                text(16, left=230),
            ],
            id="a caption below a picture in a column",
        ),
        pytest.param(
            [text(3, left=0, words=2, size=13), text(12, left=130, words=5)],
            id="a note in the left margin",
        ),
        pytest.param(
            [
                text(14, left=0, words=5),
                text(3, left=360, top=40, words=2, size=13),
                text(3, left=360, top=200, words=2, size=13),
            ],
            id="notes in the right margin",
        ),
    ],
)
def test_captions_and_marginal_notes_are_blocks_in_reading_order(parts: list[Words]) -> None:
    words = np.array(list(chain(*parts)))
    read = reading_order(words[::-1, [[0, 1], [2, 1], [2, 3], [0, 3]]])
    assert read.boxes == list(range(len(words)))[::-1]
    assert read.blocks == [block for block, part in enumerate(parts) for _ in part]
