"""Which classes a picture is searched for, and what the boxes of a label are called."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from .errors import ModelError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from .boxes import Boxes
    from .infer import Features
    from .model import Model

__all__ = ["chosen", "is_chosen_by_picture", "named", "with_groups"]

_TOP = re.compile(r"top(\d+)")

Groups = Mapping[str, tuple[str, ...]]


def is_chosen_by_picture(label: str) -> bool:
    """Say whether a label is `top1`, `top5`, …: the most probable classes of the picture."""
    return _TOP.fullmatch(label) is not None


def chosen(
    model: Model, features: Sequence[Features], labels: Sequence[str], least: float
) -> tuple[str, ...]:
    """Return the labels that a picture is searched for, `top5` replaced by five classes.

    Args:
        model: of the features.
        features: all passes over the picture; probabilities are averaged over them.
        labels: classes, groups, or `top1`, `top5`, ….
        least: labels whose classes are together less probable in the whole picture are left out.

    Raises:
        ModelError: the classifier gives no probabilities of a whole picture, but they are needed.
    """
    if least == 0 and not any(map(is_chosen_by_picture, labels)):
        return tuple(labels)
    chances = _probabilities(features)
    if chances is None:
        msg = (
            f"the classifier of model {model.card.name} takes pictures of one size only: give "
            "heatmap.labels by name, and heatmap.min_probability=0"
        )
        raise ModelError(msg)
    order = np.argsort(-chances, kind="stable")
    found: list[str] = []
    for label in labels:
        top = _TOP.fullmatch(label)
        count = int(top[1]) if top else 0
        found += [model.card.classes[i] for i in order[:count]] if top else [label]
    members = model.card.members
    return tuple(n for n in dict.fromkeys(found) if chances[list(members(n))].sum() >= least)


def named(model: Model, features: Sequence[Features], boxes: Boxes) -> Boxes:
    """Return boxes with the most probable class of their label, and its probability.

    That of the whole picture: a class map says where, not how sure. Unchanged where the classifier
    gives none.
    """
    chances = _probabilities(features)
    if chances is None:
        return boxes
    items = []
    for box in boxes.items:
        best = max(model.card.members(box.label), key=lambda member: chances[member])
        name, chance = model.card.classes[best], float(chances[best])
        items.append(replace(box, class_=name, probability=chance))
    return replace(boxes, items=tuple(items))


def with_groups(model: Model, groups: Groups) -> Model:
    """Return the model with groups of classes added; the same object for the same groups."""
    return _with_groups(model, tuple(groups.items())) if groups else model


@lru_cache(maxsize=16)
def _with_groups(model: Model, groups: tuple[tuple[str, tuple[str, ...]], ...]) -> Model:
    card = model.card.model_copy(update={"groups": {**model.card.groups, **dict(groups)}})
    return replace(model, card=card)


def _probabilities(features: Sequence[Features]) -> NDArray[np.float32] | None:
    given = [one.probabilities for one in features if one.probabilities is not None]
    return np.mean(given, axis=0, dtype=np.float32) if given else None
