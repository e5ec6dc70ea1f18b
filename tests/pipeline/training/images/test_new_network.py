"""A network that is added to the table of `stages.nets` works everywhere, with nothing else changed."""

import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from torch import nn

import locpipe
from locpipe.pipeline.training.images.config import ImagesTrainConfig
from locpipe.pipeline.training.images.train import train_images
from locpipe.pipeline.training.images.weigh import weigh_folder
from locpipe.stages.models.loading import load_model, verify_model
from locpipe.stages.nets import NETWORKS, Network


class Toy(Network):
    """One convolution, global average pooling and a linear layer."""

    def __init__(self, classes: int) -> None:
        ending = nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(6, classes)
        super().__init__(
            nn.Sequential(nn.Conv2d(3, 6, 3, padding=1), nn.ReLU()), nn.Sequential(*ending)
        )


def test_one_line_in_the_table_is_all(
    tiny: ImagesTrainConfig, folders: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "locpipe.stages.nets.toys", SimpleNamespace(Toy=Toy))
    monkeypatch.setitem(NETWORKS, "toy", "toys:Toy")
    changes = {"architecture": "toy", "head": None, "epochs": 1}
    config = tiny.model_copy(update=changes)
    assert "of pictures right" in train_images(config, resume=False)
    assert "6 filters" in weigh_folder(config.output, folders, None)
    verify_model(config.output)
    model = load_model(config.output)
    assert isinstance(model.network, Toy)
    assert model.tables.error.shape == (6, 2)
    settings = {
        "model": config.output,
        "heatmap.labels": ["red"],
        "heatmap.weights": "class",
        "heatmap.normalize": "minmax",
    }
    picture = np.full((40, 50, 3), 110, np.uint8)
    picture[10:20, 30:42] = (255, 60, 40)
    result = locpipe.localize(picture, "digits", settings=settings)
    assert result.heatmap.values.shape == (1, 40, 50)
    assert result.heatmap.labels == ("red",)
