"""Which classes a picture is searched for, and which names the boxes of a label get."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from .caching import cached_while_alive
from .models.card import Groups, top_count

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from .geometry.box import Boxes
    from .heatmap import Heatmap
    from .infer import Features
    from .models.loading import Model


def chosen(model: Model, features: Sequence[Features], labels: Sequence[str]) -> tuple[str, ...]:
    """Return the labels that a picture is searched for; `top5` is replaced by five classes.

    Args:
        model: the model of the features.
        features: all passes over the picture; probabilities are averaged over them.
        labels: classes, groups, or `top1`, `top5`, ….

    Raises:
        ModelError: probabilities of the whole picture are needed, but the classifier gives none.
    """
    found: list[str] = []
    for label in labels:
        count = top_count(label)
        if count is None:
            found.append(label)
        else:
            order = np.argsort(-_required(model, features), kind="stable")
            found += [model.card.classes[index] for index in order[:count]]
    return tuple(dict.fromkeys(found))


def darkened(model: Model, features: Sequence[Features], heat: Heatmap, least: float) -> Heatmap:
    """Return a heatmap whose map of a label is dark if the picture hardly shows that label.

    Args:
        model: the model of the features.
        features: all passes over the picture.
        heat: the heatmap of the features.
        least: the map of a label is dark if the probability of all its classes together is below
            this.

    Raises:
        ModelError: as `chosen`.
    """
    if least == 0:
        return heat
    chances = _required(model, features)
    shown = [chances[list(model.card.members(label))].sum() >= least for label in heat.labels]
    return replace(heat, values=heat.values * np.array(shown, np.float32)[:, None, None])


def named(model: Model, features: Sequence[Features], boxes: Boxes) -> Boxes:
    """Return boxes with the most probable class of their label, and its probability.

    The probability is that of the whole picture: a class map says where, not how sure. The boxes
    are unchanged if the classifier gives none.
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


@cached_while_alive
def _with_groups(model: Model, groups: tuple[tuple[str, tuple[str, ...]], ...]) -> Model:
    return replace(model, card=model.card.with_groups(dict(groups)))


def _required(model: Model, features: Sequence[Features]) -> NDArray[np.float32]:
    chances = _probabilities(features)
    if chances is None:
        raise model.card.no_probabilities()
    return chances


def _probabilities(features: Sequence[Features]) -> NDArray[np.float32] | None:
    given = [one.probabilities for one in features if one.probabilities is not None]
    return np.mean(given, axis=0, dtype=np.float32) if given else None
