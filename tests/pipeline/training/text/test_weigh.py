import copy
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from click.testing import CliRunner, Result
from torch import Tensor, nn
from torch.nn import functional

from locpipe.pipeline.cli.weigh import weigh
from locpipe.pipeline.training.text.labels import IGNORED
from locpipe.pipeline.training.text.weigh import weigh_positions
from locpipe.stages.errors import ModelError
from locpipe.stages.models.loading import load_model
from locpipe.stages.models.tables import Tables
from locpipe.stages.nets import Network
from locpipe.stages.nets.lenet import LeNet


@pytest.fixture(scope="module")
def network() -> Network:
    torch.manual_seed(0)
    features = nn.Sequential(nn.Conv2d(3, 5, 4, 4), nn.ReLU())
    return Network(features, nn.Conv2d(5, 3, 1)).eval()


@pytest.fixture(scope="module")
def samples() -> list[tuple[Tensor, Tensor]]:
    torch.manual_seed(1)
    shown = []
    for _ in range(3):
        classes = torch.randint(0, 3, (2, 8, 8), dtype=torch.uint8)
        classes[:, :2] = IGNORED
        shown.append((torch.randn(2, 3, 32, 32), classes))
    return shown


@pytest.fixture(scope="module")
def tables(network: Network, samples: list[tuple[Tensor, Tensor]]) -> Tables:
    return weigh_positions(network, samples)


def errors(network: Network, pictures: Tensor, classes: Tensor, blocked: int | None) -> Tensor:
    """Errors of all positions the long way: the map of a filter is zero before the classifier."""
    with torch.no_grad():
        maps = network.features(pictures)
        if blocked is not None:
            maps[:, blocked] = 0
        logits = network.classifier(maps)
    known = torch.where(classes == IGNORED, 0, classes).long()
    own = logits.gather(1, known[:, None])[:, 0]
    return functional.binary_cross_entropy_with_logits(own, torch.ones_like(own), reduction="none")


@pytest.mark.parametrize("blocked", range(5))
def test_the_error_grows_as_by_really_blocking_the_filter(
    network: Network, samples: list[tuple[Tensor, Tensor]], tables: Tables, blocked: int
) -> None:
    for name in range(3):
        growth, at_stake = 0.0, 0.0
        for x, y in samples:
            before, after = errors(network, x, y, None), errors(network, x, y, blocked)
            growth += float((after - before)[y == name].sum())
            with torch.no_grad():
                response = network.features(x)[:, blocked]
            # The error is -log(p).
            unsure = 1 - (torch.exp(-before) + torch.exp(-after)) / 2
            at_stake += float((unsure * response)[y == name].sum())
        assert tables.error[blocked, name] == pytest.approx(growth / at_stake, rel=1e-4)


def test_filters_that_turn_the_answer_are_not_overrated(network: Network, tables: Tables) -> None:
    """The weight for one unit of response is nearly the classifier's, however much it moves."""
    louder = copy.deepcopy(network)
    head = louder.classifier
    assert isinstance(head, nn.Conv2d)
    with torch.no_grad():
        head.weight *= 6
    torch.manual_seed(2)
    shown = [(torch.randn(2, 3, 32, 32), torch.randint(0, 3, (2, 8, 8), dtype=torch.uint8))]
    measured = weigh_positions(louder, shown)
    assert np.abs(measured.linear).max() > 2
    np.testing.assert_allclose(measured.error, measured.linear, atol=0.1)
    np.testing.assert_allclose(tables.error, tables.linear, atol=0.01)


def test_how_loud_a_filter_is_does_not_change_the_map(
    network: Network, samples: list[tuple[Tensor, Tensor]], tables: Tables
) -> None:
    louder = copy.deepcopy(network)
    layer, head = louder.get_submodule("features.0"), louder.classifier
    assert isinstance(layer, nn.Conv2d)
    assert isinstance(layer.bias, nn.Parameter)
    assert isinstance(head, nn.Conv2d)
    with torch.no_grad():
        layer.weight[2] *= 8
        layer.bias[2] *= 8
        head.weight[:, 2] /= 8
    shown = samples[0][0]
    with torch.no_grad():
        maps = [np.asarray(net.features(shown)[0]) for net in (network, louder)]
    heat = [
        np.tensordot(measured.error.T, each, 1)
        for measured, each in zip((tables, weigh_positions(louder, samples)), maps, strict=True)
    ]
    np.testing.assert_allclose(heat[0], heat[1], rtol=1e-4, atol=1e-5)


def test_baseline_excitation_and_count_are_means_over_positions(
    network: Network, samples: list[tuple[Tensor, Tensor]], tables: Tables
) -> None:
    for name in range(3):
        base = torch.cat([errors(network, x, y, None)[y == name] for x, y in samples])
        assert tables.baseline[name] == pytest.approx(float(base.mean()), abs=1e-5)
        assert tables.count[name] == len(base)
        with torch.no_grad():
            maps = [network.features(x).movedim(1, -1)[y == name] for x, y in samples]
        expected = torch.cat(maps).mean(dim=0).numpy()
        np.testing.assert_allclose(tables.excitation[:, name], expected, atol=1e-5)


def test_energy_is_growth_for_energy_picture_by_picture(
    network: Network, samples: list[tuple[Tensor, Tensor]], tables: Tables
) -> None:
    ratios = []
    for x, y in samples:
        growth = errors(network, x, y, 1) - errors(network, x, y, None)
        with torch.no_grad():
            maps = network.features(x)[:, 1]
        ratios += [
            float(growth[i][y[i] == 2].sum() / maps[i][y[i] == 2].square().sum()) for i in range(2)
        ]
    assert tables.energy[1, 2] == pytest.approx(np.mean(ratios), rel=1e-4)


def test_linear_is_the_head(network: Network, tables: Tables) -> None:
    assert isinstance(network.classifier, nn.Conv2d)
    head = network.classifier.weight.detach()[:, :, 0, 0].numpy()
    np.testing.assert_allclose(tables.linear, head.T)


def test_a_silent_filter_has_no_weight(samples: list[tuple[Tensor, Tensor]]) -> None:
    network = Network(nn.Sequential(nn.Conv2d(3, 2, 4, 4), nn.ReLU()), nn.Conv2d(2, 3, 1))
    layer = network.get_submodule("features.0")
    assert isinstance(layer, nn.Conv2d)
    assert layer.bias is not None
    nn.init.constant_(layer.bias, -1e6)
    silent = weigh_positions(network.eval(), samples)
    np.testing.assert_allclose(silent.error, 0, atol=1e-12)
    assert not silent.energy.any()


def test_a_classifier_of_whole_pictures_is_refused() -> None:
    with pytest.raises(ModelError, match="LeNet does not classify positions"):
        weigh_positions(LeNet(10), [])


def test_cells_that_are_not_those_of_the_labels_are_refused() -> None:
    wide = Network(nn.Sequential(nn.Conv2d(3, 2, 8, 8), nn.ReLU()), nn.Conv2d(2, 3, 1))
    with pytest.raises(ModelError, match="cells 8 pixels apart, the first at 4; labels have 4, 2"):
        weigh_positions(wide.eval(), [])


def test_weigh_measures_all_tables_on_rendered_positions(weighed: tuple[Path, Result]) -> None:
    folder, result = weighed
    assert result.exit_code == 0, result.output
    assert len(result.stdout.splitlines()) == 1 + 48
    model = load_model(folder)
    assert model.card.tables["pictures"] == 6
    assert model.tables.count.sum() > 5 * 128 * 128
    assert model.tables.count[0] > model.tables.count[1] > 0
    for table in (model.tables.error, model.tables.energy, model.tables.excitation):
        assert table.shape == (48, 3)
        assert np.isfinite(table).all()


def test_changed_weights_are_not_weighed(model_folder: Path, tmp_path: Path) -> None:
    shutil.copytree(model_folder, tmp_path / "model")
    (tmp_path / "model" / "weights.safetensors").write_bytes(b"")
    result = CliRunner().invoke(weigh, [str(tmp_path / "model")])
    assert isinstance(result.exception, ModelError)
    assert "not what model.yaml says" in str(result.exception)
