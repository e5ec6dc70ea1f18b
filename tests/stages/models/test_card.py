"""What a card says of its model, and what it says that the model cannot do."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from locpipe.pipeline.config.file import find_config, read_settings
from locpipe.pipeline.config.sections import Config
from locpipe.stages.errors import ConfigError, ModelError
from locpipe.stages.load import Image
from locpipe.stages.localize import localize_image
from locpipe.stages.models.card import Backbone, ModelCard, top_count
from locpipe.stages.models.loading import Model, find_model, load_model, read_card
from locpipe.stages.settings import HeatmapSettings

LITE0 = Backbone(backbone="efficientnet_lite0")


def config(model: object = "digits", **sections: object) -> Config:
    return Config.model_validate({"model": model, **sections})


@pytest.fixture(scope="module")
def models() -> dict[str, Model]:
    return {
        "text": load_model(find_model("text")),
        "digits": load_model(find_model("digits")),
        "objects": load_model(find_model("objects")),
        "lite0": load_model(LITE0),
    }


def test_without_labels_the_models_groups_are_shown(digits: Model) -> None:
    assert digits.card.labels(HeatmapSettings()) == ("text",)
    ungrouped = digits.card.model_copy(update={"groups": {}})
    assert ungrouped.labels(HeatmapSettings()) == digits.card.classes
    assert ungrouped.labels(HeatmapSettings(groups={"odd": ("1", "3")})) == ("odd",)


def test_the_most_probable_classes_have_a_map_each(digits: Model) -> None:
    asked = HeatmapSettings(labels=("top3", "text", "top99"))
    assert digits.card.count_of_maps(asked) == 3 + 1 + 10


@pytest.mark.parametrize(
    ("label", "count"), [("top1", 1), ("top25", 25), ("top", None), ("tops1", None), ("top0", None)]
)
def test_which_labels_depend_on_the_picture(label: str, count: int | None) -> None:
    assert top_count(label) == count


def test_an_unknown_label_is_an_error_of_the_model(digits: Model) -> None:
    with pytest.raises(ModelError, match="knows no label 'cat'"):
        digits.card.supports(config(heatmap={"labels": ["text", "cat"]}))


def test_a_missing_calibration_is_an_error_of_the_model(digits: Model) -> None:
    bare = digits.card.model_copy(update={"calibrations": ()})
    with pytest.raises(ModelError, match="has no calibration for label"):
        bare.supports(config())
    bare.supports(config(heatmap={"normalize": "minmax"}))


def test_a_group_of_the_config_is_a_label_like_any_other(digits: Model) -> None:
    digits.card.supports(config(heatmap={"groups": {"odd": ["1", "3"]}, "labels": ["odd"]}))
    with pytest.raises(ModelError, match="knows no label 'x'"):
        digits.card.supports(config(heatmap={"groups": {"odd": ["x"]}, "labels": ["odd"]}))


def test_a_missing_package_of_a_refinement_is_told_with_the_command_that_installs_it(
    digits: Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    digits.card.supports(config(refine={"method": "crf"}))
    monkeypatch.setitem(sys.modules, "pydensecrf", None)
    with pytest.raises(ConfigError, match=r"pip install 'locpipe\[crf\]'"):
        digits.card.supports(config(refine={"method": "crf"}))


@pytest.mark.parametrize(
    ("model", "sections", "message"),
    [
        ("text", {"heatmap": {"labels": ["top2"]}}, "how probable a class is .*by name"),
        (
            "text",
            {"heatmap": {"labels": ["text"], "min_probability": 0.1}},
            "heatmap.min_probability=0",
        ),
        (
            "text",
            {"heatmap": {"labels": ["text"]}, "boxes": {"classify": True}},
            "set boxes.classify=false",
        ),
        (
            "text",
            {"infer": {"resolution": "atrous"}, "heatmap": {"normalize": "minmax"}},
            "scales its maps up",
        ),
        (
            "text",
            {"infer": {"coarse": "auto"}, "heatmap": {"normalize": "minmax"}},
            "set infer.coarse=none",
        ),
        ("digits", {"heatmap": {"labels": ["top1"]}}, "digits does not say how probable"),
        (
            "lite0",
            {"heatmap": {"labels": ["top1"], "weights": "classifier"}},
            "as all do with heatmap.weights=classifier",
        ),
        ("lite0", {"heatmap": {"normalize": "minmax"}}, "`class` .* not measured"),
        ("lite0", {"heatmap": {"weights": "linear", "labels": ["top1"]}}, "has no calibration"),
    ],
)
def test_what_a_network_cannot_do_is_an_error_of_the_config(
    models: dict[str, Model], model: str, sections: dict[str, object], message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        models[model].card.supports(config(**sections))


@pytest.mark.parametrize(
    "model", ["text", "digits", "lite0", pytest.param("objects", marks=pytest.mark.long)]
)
@pytest.mark.parametrize(
    "sections",
    [
        {"heatmap": {"normalize": "minmax"}},
        {"heatmap": {"normalize": "minmax", "weights": "linear"}},
        {"heatmap": {"normalize": "minmax", "weights": "paper"}},
        {"heatmap": {"normalize": "minmax", "labels": ["top1"], "weights": "linear"}},
        {"heatmap": {"normalize": "minmax", "min_probability": 0.5}},
        {"heatmap": {"weights": "classifier"}},
        {"heatmap": {"normalize": "minmax"}, "infer": {"resolution": "atrous", "padding": "zeros"}},
        {
            "heatmap": {"normalize": "minmax"},
            "infer": {"resolution": "unpooled", "padding": "zeros"},
        },
    ],
)
def test_a_card_refuses_just_what_a_blank_picture_shows_to_fail(
    models: dict[str, Model], model: str, sections: dict[str, dict[str, object]]
) -> None:
    """What a run of the network tells is told from its structure."""
    ready = models[model]
    if "labels" not in sections["heatmap"]:
        named = {"labels": ready.card.classes[-2:]}
        sections = sections | {"heatmap": sections["heatmap"] | named}
    settings = config(**sections)
    blank = np.zeros((64, 64, 3), np.uint8)
    message = None
    try:
        localize_image(Image(blank, Path("blank.png"), 1, 1, 1, 64, 64), ready, settings)
    except ModelError as error:
        message = str(error)
    if message is None:
        ready.card.supports(settings)
    else:
        with pytest.raises(ConfigError) as refused:
            ready.card.supports(settings)
        assert str(refused.value) == message


@pytest.mark.parametrize(
    "name", ["digits", "digits-windows", "objects", "text", "text-large", "text-lenet"]
)
def test_what_ships_is_supported(name: str) -> None:
    shipped = read_settings(find_config(name), Config).config
    read_card(find_model(shipped.source)).supports(shipped)


def test_a_card_does_not_tell_where_it_was_read(digits: Model) -> None:
    assert ModelCard.model_validate(digits.card.model_dump(by_alias=True)).name == "digits"
    assert str(find_model("digits")) not in str(digits.card.model_dump())


def test_the_main_job_is_checked_without_torch() -> None:
    program = (
        "import sys\n"
        "from locpipe.pipeline.config.file import find_config, read_settings\n"
        "from locpipe.pipeline.config.sections import Config\n"
        "from locpipe.stages.models.loading import find_model, read_card\n"
        "config = read_settings(find_config('text'), Config).config\n"
        "read_card(find_model('text')).supports(config)\n"
        "print([name for name in ('torch', 'cv2', 'skimage') if name in sys.modules])\n"
    )
    printed = subprocess.run(
        [sys.executable, "-c", program], check=True, capture_output=True, text=True
    ).stdout
    assert printed.strip() == "[]"
