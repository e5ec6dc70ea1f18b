import numpy as np
import torch

from locpipe.pipeline.training.images.config import AugmentConfig, ImagesTrainConfig
from locpipe.pipeline.training.images.data import Samples
from locpipe.pipeline.training.images.shown import Shown, features_of, shown
from locpipe.stages.infer import normalized
from locpipe.stages.models.card import InputSpec
from locpipe.stages.nets import build

EVERYTHING = torch.arange(6)


def samples() -> Samples:
    pictures = np.random.default_rng(0).integers(0, 256, (6, 3, 24, 24)).astype(np.uint8)
    return Samples(pictures, np.eye(2, dtype=np.bool_)[[0, 1, 0, 1, 0, 1]], ("a", "b"))


def as_shown(config: ImagesTrainConfig, **augment: float) -> Shown:
    return shown(samples(), config.model_copy(update={"augment": AugmentConfig(**augment)}))


def test_pictures_are_normalized_as_they_will_be_when_it_runs(tiny: ImagesTrainConfig) -> None:
    config = tiny.model_copy(update={"mean": (0.1, 0.2, 0.3), "std": (0.4, 0.5, 0.6)})
    spec = InputSpec(channels=3, width=24, height=24, object_size=24, mean=config.mean, std=config.std)  # fmt: skip
    expected = normalized(np.moveaxis(samples().pictures, 1, -1), spec)
    found = as_shown(config).batch(EVERYTHING)
    np.testing.assert_allclose(found.numpy(), expected, rtol=1e-5, atol=1e-5)


def test_nothing_varies_unless_asked_for(tiny: ImagesTrainConfig) -> None:
    plain = as_shown(tiny)
    assert plain.vary is None
    torch.testing.assert_close(plain.batch(EVERYTHING, varied=True), plain.batch(EVERYTHING))


def test_a_validation_never_varies(tiny: ImagesTrainConfig) -> None:
    varied = as_shown(tiny, flip=1.0)
    torch.testing.assert_close(varied.batch(EVERYTHING), as_shown(tiny).batch(EVERYTHING))
    torch.testing.assert_close(
        varied.batch(EVERYTHING, varied=True), as_shown(tiny).batch(EVERYTHING).flip(3)
    )


def test_every_picture_varies_in_its_own_way(tiny: ImagesTrainConfig) -> None:
    torch.manual_seed(0)
    one = torch.from_numpy(samples().pictures[:1]).repeat(6, 1, 1, 1)
    varied = as_shown(tiny, crop=0.3, colour=0.5)
    assert varied.vary is not None
    found = varied.vary(one)
    assert found.shape == one.shape
    assert found.dtype == torch.uint8
    assert len({picture.numpy().tobytes() for picture in found}) == 6


def test_the_seed_of_torch_decides_how(tiny: ImagesTrainConfig) -> None:
    varied = as_shown(tiny, crop=0.5, flip=0.5, colour=0.3)
    first, again, other = (
        (torch.manual_seed(seed), varied.batch(EVERYTHING, varied=True))[1] for seed in (1, 1, 2)
    )
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_features_are_what_the_classifier_is_shown(tiny: ImagesTrainConfig) -> None:
    network = build("tutorial-gap + max", 2)
    pictures = as_shown(tiny)
    features = features_of(network, pictures)
    assert features.are_features
    assert not pictures.are_features
    with torch.inference_mode():
        expected = network(pictures.batch(EVERYTHING))
        torch.testing.assert_close(network.classifier(features.batch(EVERYTHING)), expected)
    assert torch.equal(features.targets, pictures.targets)
