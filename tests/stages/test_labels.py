"""Labels chosen by what a picture most probably shows."""

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from locpipe.stages.errors import ModelError
from locpipe.stages.geometry.box import Box, Boxes
from locpipe.stages.heatmap import heatmap
from locpipe.stages.infer import Features, infer
from locpipe.stages.labels import chosen, darkened, named, with_groups
from locpipe.stages.models.loading import Model


@pytest.fixture
def passes(digits: Model, photo: NDArray[np.uint8]) -> list[Features]:
    """Two passes over a picture that shows a 3, or else a 5, as their means say."""
    chances = np.zeros((2, 10), np.float32)
    chances[0, [3, 5]] = 0.5, 0.5
    chances[1, [3, 7]] = 0.9, 0.1
    one = infer(digits, photo)
    return [replace(one, probabilities=row) for row in chances]


def test_the_most_probable_classes_are_chosen(digits: Model, passes: list[Features]) -> None:
    assert chosen(digits, passes, ["top1"]) == ("3",)
    assert chosen(digits, passes, ["top3"]) == ("3", "5", "7")
    assert chosen(digits, passes, ["text", "top1", "3"]) == ("text", "3")


def test_the_maps_of_improbable_labels_are_dark(digits: Model, passes: list[Features]) -> None:
    heat = heatmap(digits, passes[:1], labels=["3", "5", "8", "text"], normalize="minmax")
    found = darkened(digits, passes, heat, 0.2)
    assert found.labels == heat.labels
    assert found.values.any(axis=(1, 2)).tolist() == [True, True, False, True]
    np.testing.assert_array_equal(found.values[:2], heat.values[:2])
    assert darkened(digits, passes, heat, 0) is heat


def test_a_group_is_as_probable_as_its_members_together(
    digits: Model, passes: list[Features]
) -> None:
    model = with_groups(digits, {"odd": ("5", "7"), "even": ("4", "8")})
    heat = heatmap(model, passes[:1], labels=["odd", "even"], normalize="minmax")
    for least, shown in ((0.29, [True, False]), (0.31, [False, False])):
        found = darkened(model, passes, heat, least)
        assert found.values.any(axis=(1, 2)).tolist() == shown


def test_without_a_wish_for_probabilities_none_are_needed(
    digits: Model, photo: NDArray[np.uint8]
) -> None:
    one = infer(digits, photo)
    assert chosen(digits, [one], ["3", "8"]) == ("3", "8")
    with pytest.raises(ModelError, match=r"digits does not say how probable .*: give"):
        chosen(digits, [one], ["top1"])
    heat = heatmap(digits, [one], labels=["3"], normalize="minmax")
    with pytest.raises(ModelError, match=r"and heatmap.min_probability=0"):
        darkened(digits, [one], heat, 0.1)


def test_boxes_are_named_by_the_most_probable_class_of_their_label(
    digits: Model, passes: list[Features]
) -> None:
    model = with_groups(digits, {"odd": ("5", "7")})
    corners = ((0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0))
    boxes = Boxes(tuple(Box(name, 0.5, corners, (0, 0, 1, 1)) for name in ("odd", "3")), dropped=2)
    found = named(model, passes, boxes)
    assert [(box.label, box.class_) for box in found.items] == [("odd", "5"), ("3", "3")]
    assert [box.probability for box in found.items] == pytest.approx([0.25, 0.7])
    assert found.dropped == 2
    bare = [replace(one, probabilities=None) for one in passes]
    assert named(model, bare, boxes) == boxes


def test_groups_come_with_the_same_model_every_time(digits: Model) -> None:
    assert with_groups(digits, {}) is digits
    once, again = (with_groups(digits, {"odd": ("1", "3")}) for _ in range(2))
    assert once is again  # what is derived from a model is cached with it
    assert once.card.members("odd") == (1, 3)
    assert once.card.members("text") == digits.card.members("text")
