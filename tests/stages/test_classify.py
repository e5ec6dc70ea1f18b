"""Classification of hotspots with the shipped network."""

from dataclasses import replace

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from locpipe.stages.classify import classify
from locpipe.stages.errors import ModelError
from locpipe.stages.geometry.box import Box, Boxes
from locpipe.stages.models.loading import Model, find_model, load_model
from locpipe.stages.nets import build


def drawn(digit: int, size: int, place: tuple[int, int]) -> tuple[NDArray[np.uint8], Box]:
    """A light digit on black in a plain stroke font, and the box around it."""
    picture = np.zeros((400, 500), np.uint8)
    thickness = max(2, size // 9)
    cv2.putText(
        picture, str(digit), place, cv2.FONT_HERSHEY_SIMPLEX, size / 22, 255, thickness, cv2.LINE_AA
    )
    ys, xs = np.nonzero(picture > 80)
    left, top, right, bottom = (int(v) for v in (xs.min(), ys.min(), xs.max() + 1, ys.max() + 1))
    corners = ((left, top), (right, top), (right, bottom), (left, bottom))
    rgb = np.ascontiguousarray(np.repeat(picture[..., None], 3, axis=2))
    return rgb, Box("text", 0.9, corners, (left, top, right, bottom))


@pytest.mark.parametrize("size", [20, 90, 250])
def test_digits_are_named_at_any_size(size: int, digits: Model) -> None:
    right = 0
    for digit in range(10):
        rgb, box = drawn(digit, size, (100, 350))
        (found,) = classify(digits, rgb, Boxes((box,)), polarities=("normal",)).items
        right += found.class_ == str(digit)
        assert found.probability is not None
        assert 0.1 <= found.probability <= 1
    assert right >= 7, "a stroke font is not MNIST, but most look alike"


def test_faint_digits_on_a_grey_wall_are_named_too(digits: Model) -> None:
    right = 0
    for digit in range(10):
        rgb, box = drawn(digit, 90, (100, 350))
        faint = np.asarray(120 + rgb * 0.2, np.uint8)
        (found,) = classify(digits, faint, Boxes((box,)), polarities=("normal",)).items
        right += found.class_ == str(digit)
    assert right >= 7


def test_a_flat_box_is_not_stretched_to_noise(digits: Model) -> None:
    rgb = np.full((40, 40, 3), 99, np.uint8)
    box = Box("text", 1.0, ((5, 5), (20, 5), (20, 20), (5, 20)), (5, 5, 20, 20))
    (flat,) = classify(digits, rgb, Boxes((box,)), polarities=("normal",)).items
    (black,) = classify(digits, rgb * 0, Boxes((box,)), polarities=("normal",)).items
    assert flat.probability == black.probability


def test_the_surest_polarity_counts(digits: Model) -> None:
    rgb, box = drawn(3, 90, (100, 350))
    (light,) = classify(digits, rgb, Boxes((box,)), polarities=("normal",)).items
    (dark,) = classify(digits, 255 - rgb, Boxes((box,)), polarities=("normal", "inverted")).items
    assert (dark.class_, light.class_) == ("3", "3")
    assert dark.probability == pytest.approx(light.probability, abs=1e-3)


def test_all_else_stays_as_it_was(digits: Model) -> None:
    rgb, box = drawn(5, 60, (10, 390))
    before = Boxes((box, replace(box, line=1)), dropped=4)
    after = classify(digits, rgb, before, polarities=("normal",))
    assert after.dropped == 4
    stripped = [replace(item, class_=None, probability=None) for item in after.items]
    assert stripped == list(before.items)


def test_a_box_that_is_the_whole_of_a_tiny_picture(digits: Model) -> None:
    rgb = np.zeros((1, 1, 3), np.uint8)
    box = Box("text", 1.0, ((0, 0), (1, 0), (1, 1), (0, 1)), (0, 0, 1, 1))
    (found,) = classify(digits, rgb, Boxes((box,)), polarities=("normal",)).items
    assert found.class_ in digits.card.classes


def test_no_boxes_stay_no_boxes(digits: Model) -> None:
    empty = Boxes(())
    assert classify(digits, np.zeros((5, 5, 3), np.uint8), empty, polarities=("normal",)) is empty


def test_a_network_that_only_says_where_names_nothing() -> None:
    rgb, box = drawn(7, 60, (100, 300))
    with pytest.raises(ModelError, match="model text answers for every cell"):
        classify(load_model(find_model("text")), rgb, Boxes((box,)), polarities=("normal",))


def test_more_boxes_than_a_batch(digits: Model) -> None:
    rgb, box = drawn(7, 60, (100, 300))
    found = classify(digits, rgb, Boxes((box,) * 300), polarities=("normal",)).items
    assert len(found) == 300
    assert len({(item.class_, round(item.probability or 0, 4)) for item in found}) == 1


def test_a_network_of_large_crops_is_shown_a_few_at_a_time(digits: Model) -> None:
    """All at once, 256 boxes took EfficientNet-lite0 three gigabytes, whatever the picture took."""
    large = digits.card.input.model_copy(
        update={"channels": 3, "width": 224, "height": 224, "mean": (0.5,) * 3, "std": (0.5,) * 3}
    )
    card = digits.card.model_copy(update={"input": large})
    network = build("tutorial-gap", len(card.classes))
    model = replace(digits, card=card, get_network=lambda: network)
    shown: list[int] = []
    network.register_forward_pre_hook(lambda _, x: shown.append(len(x[0])))
    rgb, box = drawn(7, 60, (100, 300))
    found = classify(model, rgb, Boxes((box,) * 10), polarities=("normal", "inverted")).items
    assert len({(item.class_, round(item.probability or 0, 4)) for item in found}) == 1
    assert sum(shown) == 2 * 10
    assert max(shown) * 224**2 <= 256 * 28**2
