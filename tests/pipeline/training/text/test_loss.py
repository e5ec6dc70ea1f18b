import math

import pytest
import torch
from torch import Tensor

from locpipe.pipeline.training.text.labels import BACKGROUND, GAP, IGNORED, TEXT
from locpipe.pipeline.training.text.loss import balanced_loss

LOG2 = math.log(2)


def errors(values: list[float], classes: list[int]) -> Tensor:
    """Logits [1, 3, 1, n] whose cross entropy is as given, and log 2 the error of "core or not"."""
    logits = torch.zeros(1, 3, 1, len(values))
    for i, (error, name) in enumerate(zip(values, classes, strict=True)):
        if name == TEXT:  # both others are equally likely
            logits[0, [BACKGROUND, GAP], 0, i] = math.log(math.expm1(error) / 2)
        elif name != IGNORED:  # the third is out of the question
            logits[0, BACKGROUND + GAP - name, 0, i] = -math.inf
            logits[0, name, 0, i] = -math.log(math.expm1(error))
    return logits


def loss(values: list[float], classes: list[int], weights: list[float]) -> float:
    """The loss, less log 2 of "core or not" for each kind of position that there is."""
    target = torch.tensor(classes, dtype=torch.uint8).view(1, 1, -1)
    total = balanced_loss(errors(values, classes), target, torch.tensor(weights).view(1, 1, -1))
    return float(total) - LOG2 * len({*classes} - {IGNORED})


def test_cores_gaps_and_background_each_have_their_mean() -> None:
    classes = [TEXT, TEXT, GAP, GAP, BACKGROUND, BACKGROUND]
    value = loss([1.0, 3.0, 0.4, 0.4, 0.2, 0.6], classes, [1.0, 1.0, 1.0, 1.0, 0, 0])
    assert value == pytest.approx(2.0 + 0.4 + 0.4, rel=1e-5)


def test_weights_say_how_much_a_position_counts() -> None:
    value = loss([1.0, 3.0, 0.5], [TEXT, TEXT, BACKGROUND], [3.0, 1.0, 0])
    assert value == pytest.approx(1.5 + 0.5, rel=1e-5)


def test_only_the_hardest_background_counts() -> None:
    background = [0.1] * 97 + [2.0, 3.0, 4.0]
    value = loss([1.0, *background], [TEXT, *[BACKGROUND] * 100], [1.0, *[0.0] * 100])
    assert value == pytest.approx(1.0 + 3.0, rel=1e-5)


def test_pictures_without_words_teach_too() -> None:
    assert loss([0.1] * 97 + [2.0, 3.0, 4.0], [BACKGROUND] * 100, [0.0] * 100) == pytest.approx(3.0)


def test_ignored_positions_change_nothing() -> None:
    base = loss([1.0, 0.5], [TEXT, BACKGROUND], [1.0, 0])
    assert loss([1.0, 0.5, 9.0], [TEXT, BACKGROUND, IGNORED], [1.0, 0, 0]) == pytest.approx(base)
    assert loss([9.0], [IGNORED], [0.0]) == 0


def test_the_logit_of_the_core_alone_tells_cores() -> None:
    target = torch.tensor([[[TEXT, BACKGROUND]]], dtype=torch.uint8)
    weights = torch.tensor([[[1.0, 0.0]]])
    shifted = [
        balanced_loss(torch.tensor([4.0, -4.0]).view(1, 1, 1, 2) * scale + shift, target, weights)
        for scale in (torch.tensor([-1.0, 1.0, -1.0]).view(1, 3, 1, 1),)
        for shift in (0.0, 6.0, -6.0)  # changes no probability of a class
    ]
    assert shifted[0] < min(shifted[1:])


def test_it_has_a_gradient() -> None:
    logits = torch.zeros(1, 3, 1, 2, requires_grad=True)
    target = torch.tensor([[[TEXT, BACKGROUND]]], dtype=torch.uint8)
    balanced_loss(logits, target, torch.tensor([[[1.0, 0.0]]])).backward()
    assert logits.grad is not None
    assert logits.grad[0, TEXT, 0, 0] < 0
