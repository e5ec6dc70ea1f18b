"""A model proposes values for keys that a config leaves out: `model: out/animals` alone runs."""

from collections.abc import Mapping
from typing import Any, Final

from pydantic import ValidationError

from ...stages.errors import LocpipeError, ModelError
from ...stages.models.card import Backbone
from ...stages.models.loading import find_model, read_card
from ...stages.settings import Section
from .file import Key, Settings
from .sections import Config

Defaults = dict[str, dict[str, Any]]

CLASS_MAPS: Final[Defaults] = {
    "infer": {"padding": "zeros"},
    "heatmap": {"weights": "linear"},
}
"""Proposals of a head trained on whole pictures: use its own maps, which have a calibration."""


def uncalibrated(*, any_size: bool) -> Defaults:
    """Return the proposals of a classifier with measured weights and without a calibration.

    With `any_size`, the classifier says what a whole picture shows. Then only the map of that class
    is used.
    """
    heatmap: dict[str, Any] = {
        "weights": "class",
        "normalize": "minmax",
        "labels": ["top1"] if any_size else [],
    }
    return {"infer": {"padding": "zeros"}, "heatmap": heatmap, "threshold": {"value": 0.25}}


def with_defaults_of_model(settings: Settings[Config]) -> Settings[Config]:
    """Return the settings; values that were not given come from the proposals of the model.

    If the model cannot be found or read, nothing changes: a later check reports it.

    Raises:
        ModelError: the proposals of the model are no valid config.
    """
    try:
        folder = find_model(settings.config.source)
        card = None if isinstance(folder, Backbone) else read_card(folder)
    except LocpipeError:
        return settings
    if card is None or not card.defaults:
        return settings
    changes, origins = {}, dict(settings.origins)
    for name, values in card.defaults.items():
        section = getattr(settings.config, name, None)
        if not isinstance(section, Section):
            msg = f"{folder}/model.yaml, key defaults.{name}: no section of a config; remove it"
            raise ModelError(msg)
        left_open = {key: values[key] for key in values.keys() - section.model_fields_set}
        changes[name] = _changed(section, left_open, f"{folder}/model.yaml, key defaults.{name}")
        origins |= {_key(name, key): f"default of {folder}" for key in left_open}
    return Settings(settings.config.model_copy(update=changes), origins)


def _key(*parts: str) -> Key:
    return parts


def _changed(section: Section, values: Mapping[str, Any], where: str) -> Section:
    given = section.model_dump(include=section.model_fields_set)
    try:
        return type(section).model_validate({**given, **values})
    except ValidationError as error:
        msg = f"{where}: {error.errors()[0]['msg']}; mend it, or train the model again"
        raise ModelError(msg) from error
