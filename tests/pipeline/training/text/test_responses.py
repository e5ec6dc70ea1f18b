import copy

import numpy as np
import pytest
import torch

from locpipe.pipeline.training.scene_text.settings import RenderSettings
from locpipe.pipeline.training.text.labels import TEXT, label
from locpipe.pipeline.training.text.responses import with_unit_responses
from locpipe.pipeline.training.text.validate import Rendered, as_input
from locpipe.pipeline.training.text.weigh import weigh_positions
from locpipe.stages.errors import ModelError
from locpipe.stages.nets import LeNet, Network, build

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def rendered(render: RenderSettings) -> Rendered:
    return Rendered(render, 2)


@pytest.fixture(scope="module")
def network() -> Network:
    torch.manual_seed(5)
    return build("text", 3).requires_grad_(requires_grad=False)


@pytest.fixture(scope="module")
def scaled(network: Network, rendered: Rendered) -> Network:
    return with_unit_responses(network, rendered)


def test_it_classifies_as_before(network: Network, scaled: Network, rendered: Rendered) -> None:
    x = as_input(rendered.pictures[0].rgb[None], CPU)
    torch.testing.assert_close(scaled(x), network(x), rtol=1e-4, atol=1e-5)


def test_every_filter_answers_cores_with_one_where_the_network_is_wrong(
    scaled: Network, rendered: Rendered
) -> None:
    responses, wrong = [], []
    for one in rendered.pictures:
        cores = label(one.words, 512, 512).classes == TEXT
        maps = scaled.features(as_input(one.rgb[None], CPU))
        responses.append(maps[0].numpy()[:, cores])
        wrong.append(1 - torch.sigmoid(scaled.classifier(maps))[0, TEXT].numpy()[cores])
    means = np.average(np.concatenate(responses, axis=1), axis=1, weights=np.concatenate(wrong))
    loud = means > 1e-3
    assert loud.sum() > 24
    np.testing.assert_allclose(means[loud], 1, rtol=1e-3)


def test_the_error_grows_as_before(network: Network, scaled: Network, rendered: Rendered) -> None:
    one = rendered.pictures[0]
    classes = torch.from_numpy(label(one.words, 512, 512).classes)[None]
    tables = [
        weigh_positions(net, [(as_input(one.rgb[None], CPU), classes)]) for net in (network, scaled)
    ]
    np.testing.assert_allclose(tables[0].error, tables[1].error, atol=1e-5)


def test_the_network_itself_is_left_alone(network: Network, rendered: Rendered) -> None:
    before = copy.deepcopy(network.state_dict())
    with_unit_responses(network, rendered)
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())


def test_other_networks_are_refused(rendered: Rendered) -> None:
    with pytest.raises(ModelError, match="LeNet does not end in batch normalisation"):
        with_unit_responses(LeNet(10), rendered)
