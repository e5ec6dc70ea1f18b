import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageOps

from locpipe.pipeline.evaluation.frame import to_upright

ORIENTATIONS = range(1, 9)


@pytest.mark.parametrize("orientation", ORIENTATIONS)
@given(data=st.data(), width=st.integers(1, 9), height=st.integers(1, 9))
def test_polygons_move_as_pillow_moves_the_pixels(
    orientation: int, data: st.DataObject, width: int, height: int
) -> None:
    """The outline of one marked pixel still surrounds that pixel."""
    x, y = data.draw(st.integers(0, width - 1)), data.draw(st.integers(0, height - 1))
    image = Image.new("L", (width, height))
    image.putpixel((x, y), 255)
    image.getexif()[274] = orientation
    upright = np.asarray(ImageOps.exif_transpose(image))
    ((row, column),) = np.argwhere(upright)

    outline = np.array([[x, y], [x + 1, y], [x + 1, y + 1], [x, y + 1]], dtype=np.float64)
    moved = to_upright(outline, orientation, (width, height))
    assert moved.min(axis=0).tolist() == [column, row]
    assert moved.max(axis=0).tolist() == [column + 1, row + 1]
