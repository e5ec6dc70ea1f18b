from pathlib import Path

import pytest
from click.testing import Result

from locpipe.pipeline.training.text.card import is_text, rendered_settings
from locpipe.stages.errors import ModelError
from locpipe.stages.models.loading import list_models, read_card


def test_a_model_that_was_never_rendered_for_is_refused(weighed: tuple[Path, Result]) -> None:
    card = read_card(weighed[0]).model_copy(update={"training": {}})
    with pytest.raises(ModelError, match="does not say what it was trained on"):
        rendered_settings(weighed[0], card, None, 1)


def test_a_text_model_is_known_by_its_classes_whatever_its_network() -> None:
    assert [folder.name for folder in list_models() if is_text(read_card(folder))] == [
        "text",
        "text-large",
    ]


def test_backgrounds_may_lie_elsewhere(weighed: tuple[Path, Result], tmp_path: Path) -> None:
    card = read_card(weighed[0])
    settings = rendered_settings(weighed[0], card, tmp_path, 5)
    assert settings.backgrounds == (tmp_path,)
    assert settings.seed == 5
    assert (settings.width, settings.height) == (512, 512)
