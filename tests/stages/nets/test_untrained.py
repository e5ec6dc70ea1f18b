import pytest
import torch

from locpipe.stages.errors import ModelError
from locpipe.stages.nets import build
from locpipe.stages.nets.pooling import PooledClassifier


@pytest.mark.parametrize(
    ("name", "channels"), [("efficientnet_lite0", 1280), ("squeezenet1_1", 512)]
)
def test_a_backbone_takes_a_head(name: str, channels: int) -> None:
    network = build(f"{name} + gap", 4)
    assert isinstance(network.classifier, PooledClassifier)
    assert network.classifier.class_weights()[0].shape == (channels, 4)
    with torch.inference_mode():
        assert network(torch.rand(1, 3, 64, 64)).shape == (1, 4)


def test_a_backbone_keeps_its_own_head_where_none_is_asked_for() -> None:
    network = build("efficientnet_lite0", 6)
    with torch.inference_mode():
        assert network(torch.rand(1, 3, 64, 64)).shape == (1, 6)


def test_its_weights_load_back_under_the_same_names() -> None:
    first, second = (build("squeezenet1_1 + max", 2) for _ in range(2))
    second.load_state_dict(first.state_dict())
    x = torch.rand(1, 3, 64, 64)
    with torch.inference_mode():
        torch.testing.assert_close(first(x), second(x))


def test_what_nobody_knows_is_named_beside_what_there_is() -> None:
    with pytest.raises(
        ModelError, match=r"'perceptron' is unknown; there are: lenet, nin.*backbones"
    ):
        build("perceptron + gap", 2)
