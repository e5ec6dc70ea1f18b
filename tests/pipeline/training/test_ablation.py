import copy

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn import functional

from locpipe.pipeline.training import ablation as module
from locpipe.pipeline.training.ablation import weigh
from locpipe.stages.errors import ConfigError
from locpipe.stages.models.loading import Model, find_model, load_model
from locpipe.stages.nets import Network

Batch = tuple[Tensor, Tensor]


@pytest.fixture(scope="module")
def shipped() -> Model:
    return load_model(find_model("digits"))


@pytest.fixture(scope="module")
def batches() -> list[Batch]:
    """Two unequal batches of noise with labels 0..9, some of it quite digit-like."""
    random = torch.Generator().manual_seed(1)
    pictures = (torch.rand(70, 1, 7, 7, generator=random) > 0.6).float()
    pictures = functional.interpolate(pictures, scale_factor=4)
    labels = torch.arange(70) % 10
    return [(pictures[:50], labels[:50]), (pictures[50:], labels[50:])]


def naive_errors(network: Network, batches: list[Batch], blocked: int | None) -> Tensor:
    """The error of every sample with the whole network run anew, one filter's weights zeroed."""
    network = copy.deepcopy(network)
    if blocked is not None:
        last = [m for m in network.features.modules() if isinstance(m, torch.nn.Conv2d)][-1]
        assert last.bias is not None
        last.weight[blocked] = 0
        last.bias[blocked] = 0
    return torch.cat(
        [functional.cross_entropy(network(x), y, reduction="none") for x, y in batches]
    )


@torch.no_grad()
def test_tables_equal_those_of_the_naive_loop(shipped: Model, batches: list[Batch]) -> None:
    tables = weigh(shipped.network, batches, 10)
    labels = torch.cat([y for _, y in batches])
    maps = torch.cat([shipped.network.features(x) for x, _ in batches])
    baseline = naive_errors(shipped.network, batches, None)
    for i in range(16):
        growth = naive_errors(shipped.network, batches, i) - baseline
        energy = maps[:, i].square().sum(dim=(1, 2))
        for c in range(10):
            mine = labels == c
            assert tables.error[i, c] == pytest.approx(float(growth[mine].mean()), abs=1e-5)
            ratio = float((growth / energy)[mine].mean())
            assert tables.energy[i, c] == pytest.approx(ratio, rel=1e-3, abs=1e-7)
            excited = float(maps[mine, i].mean())
            assert tables.excitation[i, c] == pytest.approx(excited, rel=1e-5)
    for c in range(10):
        assert tables.baseline[c] == pytest.approx(float(baseline[labels == c].mean()), rel=1e-5)
    assert tables.count.tolist() == [7] * 10


def test_how_many_filters_at_a_time_changes_nothing(
    shipped: Model, batches: list[Batch], monkeypatch: pytest.MonkeyPatch
) -> None:
    at_once = weigh(shipped.network, batches, 10)
    monkeypatch.setattr(module, "AT_ONCE", 1)
    one_by_one = weigh(shipped.network, batches, 10)
    assert np.allclose(at_once.error, one_by_one.error, atol=1e-6)


def test_a_silent_filter_weighs_nothing(shipped: Model, batches: list[Batch]) -> None:
    network = copy.deepcopy(shipped.network)
    last = [m for m in network.features.modules() if isinstance(m, torch.nn.Conv2d)][-1]
    with torch.no_grad():
        last.weight[3] = 0
        assert last.bias is not None
        last.bias[3] = -1
    tables = weigh(network, batches, 10)
    for table in (tables.error, tables.energy, tables.excitation, tables.linear):
        assert np.isfinite(table).all()
        assert not table[3].any()


def test_a_class_without_samples_is_named(shipped: Model, batches: list[Batch]) -> None:
    with pytest.raises(ConfigError, match="no sample of class 9; every class needs some"):
        weigh(shipped.network, [(x, y % 9) for x, y in batches], 10)
    with pytest.raises(ConfigError, match="no sample of class 0"):
        weigh(shipped.network, [], 10)


def test_the_linear_classifier_is_at_its_optimum(shipped: Model, batches: list[Batch]) -> None:
    """A multinomial regression with a ridge has weights that sum to zero over the classes."""
    tables = weigh(shipped.network, batches, 10)
    assert np.abs(tables.linear.sum(axis=1)).max() < 1e-4 * np.abs(tables.linear).max()
