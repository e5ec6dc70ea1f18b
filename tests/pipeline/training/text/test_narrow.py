import pytest
import torch
from torch import Tensor

from locpipe.pipeline.training.text.config import TextTrainConfig
from locpipe.pipeline.training.text.loop import untrained
from locpipe.pipeline.training.text.narrow import narrowed
from locpipe.pipeline.training.text.samples import batches
from locpipe.pipeline.training.text.validate import as_input
from locpipe.stages.errors import ModelError
from locpipe.stages.nets import build
from locpipe.stages.nets.text import TextNet, TextSmall


@pytest.fixture(scope="module")
def pictures(tiny: TextTrainConfig) -> list[Tensor]:
    few = tiny.model_copy(update={"steps": 4})
    return [as_input(batch.pictures, torch.device("cpu")) for batch in batches(few, 0)]


@pytest.fixture(scope="module")
def wide() -> TextNet:
    torch.manual_seed(1)
    network = build("text", 3)
    assert isinstance(network, TextNet)
    return network


@torch.inference_mode()
def test_a_narrow_network_answers_nearly_as_the_wide_one(
    wide: TextNet, pictures: list[Tensor]
) -> None:
    narrow, random = build("text-small", 3), build("text-small", 3)
    assert isinstance(narrow, TextSmall)
    narrowed(wide, narrow, pictures)
    wanted, found, chance = (one.features(pictures[0]) for one in (wide, narrow, random))
    assert (found - wanted).square().mean() < 0.5 * wanted.var()
    assert (found - wanted).square().mean() < 0.1 * (chance - wanted).square().mean()
    weights = [one.state_dict()["classifier.weight"] for one in (wide, narrow)]
    assert torch.equal(*weights)


@torch.inference_mode()
def test_what_is_as_wide_is_the_same_to_the_bit(wide: TextNet, pictures: list[Tensor]) -> None:
    twin = build("text", 3)
    assert isinstance(twin, TextNet)
    narrowed(wide, twin, pictures)
    assert torch.equal(twin(pictures[0]), wide(pictures[0]))


def test_a_training_of_the_small_network_begins_where_a_large_one_is(
    tiny: TextTrainConfig, model_folder: object
) -> None:
    config = tiny.model_copy(update={"architecture": "text-small", "start": str(model_folder)})
    begun = untrained(config)
    assert isinstance(begun, TextSmall)
    with pytest.raises(ModelError, match=r"start: .* has the architecture text, not text-large"):
        untrained(config.model_copy(update={"architecture": "text-large"}))
