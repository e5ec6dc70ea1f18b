"""`locpipe.weigh` of a module in memory, kept and read back."""

import doctest
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

import locpipe
from locpipe.pipeline.training import module as documented
from locpipe.stages.models.folder import FolderSource

CLASSES = ("left", "right", "nothing")


def halves() -> nn.Sequential:
    """One filter per half of the brightness: it tells dark pictures from light ones."""
    features, classifier = nn.Conv2d(3, 2, 1, bias=False), nn.Linear(2, 3)
    with torch.no_grad():
        features.weight[:] = torch.tensor([[1.0, 0, 0], [0, 0, 1.0]])[..., None, None]
        classifier.weight[:] = torch.tensor([[8.0, 0], [0, 8.0], [-8.0, -8.0]])
        classifier.bias[:] = torch.tensor([-2.0, -2.0, 2.0])
    return nn.Sequential(features, nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), classifier)


def batches() -> list[tuple[torch.Tensor, torch.Tensor]]:
    """Red pictures of class 0, blue ones of class 1, dark ones of class 2."""
    pictures = torch.zeros(6, 3, 16, 16)
    pictures[:2, 0] = 1
    pictures[2:4, 2] = 1
    return [(pictures, torch.tensor([0, 0, 1, 1, 2, 2]))]


@pytest.fixture(scope="module")
def weighed() -> locpipe.WeighedModel:
    return locpipe.weigh(halves(), batches(), classes=CLASSES, mean=(0, 0, 0), std=(1, 1, 1))


def picture() -> np.ndarray:
    """Black, with a red square and a blue one."""
    rgb = np.zeros((60, 100, 3), np.uint8)
    rgb[10:30, 10:40, 0] = 255
    rgb[30:50, 60:90, 2] = 255
    return rgb


def test_blocking_a_filter_costs_the_class_that_needs_it(weighed: locpipe.WeighedModel) -> None:
    error = weighed.tables.error
    assert error[0, 0] > 1 > abs(error[1, 0])
    assert error[1, 1] > 1 > abs(error[0, 1])
    assert weighed.tables.count.tolist() == [2, 2, 2]


def test_the_map_of_a_class_shows_where_it_is(weighed: locpipe.WeighedModel) -> None:
    for label, rect in (("left", (10, 10, 40, 30)), ("right", (60, 30, 90, 50))):
        result = locpipe.localize(
            picture(), weighed, settings={"heatmap.labels": [label], "threshold.value": 0.5}
        )
        assert [box.rect for box in result.boxes.items] == [rect]
        assert result.heatmap.labels == (label,)
        assert result.heatmap.normalize == "minmax"


def test_what_was_saved_is_the_same_model(weighed: locpipe.WeighedModel, tmp_path: Path) -> None:
    weighed.save(tmp_path / "halves")
    assert FolderSource(tmp_path / "halves").verify()
    again = locpipe.load(tmp_path / "halves", halves())
    np.testing.assert_array_equal(again.tables.error, weighed.tables.error)
    assert again.card.classes == CLASSES
    settings = {"heatmap.labels": ["right"]}
    before, after = (locpipe.localize(picture(), m, settings=settings) for m in (weighed, again))
    assert before.boxes == after.boxes


def test_other_weights_are_refused(weighed: locpipe.WeighedModel, tmp_path: Path) -> None:
    weighed.save(tmp_path / "halves")
    other = halves()
    with torch.no_grad():
        next(reversed(list(other.parameters()))).add_(1)
    with pytest.raises(locpipe.ModelError, match="measured on weights of sha256"):
        locpipe.load(tmp_path / "halves", other)


def test_a_folder_without_a_module_is_told() -> None:
    shipped = Path(locpipe.__file__).parents[1] / "data" / "models" / "digits"
    with pytest.raises(locpipe.ModelError, match="not made of a module in memory"):
        locpipe.load(shipped, halves())


def test_a_run_says_that_it_needs_the_module(weighed: locpipe.WeighedModel, tmp_path: Path) -> None:
    weighed.save(tmp_path / "halves")
    config = tmp_path / "config.yaml"
    config.write_text(f"model: {tmp_path / 'halves'}\nheatmap: {{normalize: minmax}}\n")
    with pytest.raises(locpipe.ModelError, match=r"locpipe\.load\(folder, module\)"):
        locpipe.localize(picture(), str(config))


def test_a_label_that_is_no_class_is_told() -> None:
    with pytest.raises(locpipe.ConfigError, match=r"labels run from 0 to 7.*3 classes"):
        locpipe.weigh(halves(), [(torch.zeros(2, 3, 8, 8), torch.tensor([0, 7]))])
    with pytest.raises(locpipe.ConfigError, match="no sample"):
        locpipe.weigh(halves(), [])


def test_the_example_of_the_documentation_runs() -> None:
    outcome = doctest.testmod(documented)
    assert outcome.attempted >= 8
    assert outcome.failed == 0
