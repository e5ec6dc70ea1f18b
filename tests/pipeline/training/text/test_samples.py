import numpy as np
import pytest

from locpipe.pipeline.training.scene_text.render import Renderer
from locpipe.pipeline.training.scene_text.truth import RenderedWord, Rendering
from locpipe.pipeline.training.text.config import CropConfig, TextTrainConfig
from locpipe.pipeline.training.text.samples import Batch, batches, crop, moved


def equal(one: Batch, other: Batch) -> bool:
    return all((plane == vars(other)[name]).all() for name, plane in vars(one).items())


def test_batches_hold_pictures_and_what_their_positions_show(tiny: TextTrainConfig) -> None:
    first = next(batches(tiny, 0))
    assert first.pictures.shape == (3, 64, 64, 3)
    assert first.classes.shape == first.weights.shape == (3, 16, 16)
    assert first.pictures.dtype == first.classes.dtype == np.uint8


@pytest.mark.parametrize("step", [1, *(pytest.param(n, marks=pytest.mark.long) for n in (3, 5)), 9])
def test_the_order_does_not_depend_on_where_it_begins(tiny: TextTrainConfig, step: int) -> None:
    whole = list(batches(tiny, 0))
    assert len(whole) == 10
    later = list(batches(tiny, step))
    assert len(later) == 10 - step
    assert all(map(equal, whole[step:], later))


def test_nothing_is_left_after_the_last_step(tiny: TextTrainConfig) -> None:
    assert list(batches(tiny, 10)) == []


def test_worker_processes_change_nothing(tiny: TextTrainConfig) -> None:
    short = tiny.model_copy(update={"steps": 4})
    with_worker = list(batches(short.model_copy(update={"workers": 2}), 0))
    assert all(map(equal, batches(short, 0), with_worker))
    assert len(with_worker) == 4


def test_the_seed_decides_the_crops(tiny: TextTrainConfig) -> None:
    other = tiny.model_copy(update={"seed": 2})
    assert not equal(next(batches(tiny, 0)), next(batches(other, 0)))


def marked(x: int, y: int) -> Rendering:
    """A black picture with a white square of 8 pixels, which is its only word."""
    rgb = np.zeros((192, 192, 3), np.uint8)
    rgb[y : y + 8, x : x + 8] = 255
    polygon = np.array([[x, y], [x + 8, y], [x + 8, y + 8], [x, y + 8]], np.float32)
    return Rendering(rgb, (RenderedWord(polygon, "a", 0, polygon),), rgb[..., 0])


@pytest.mark.parametrize("seed", range(20))
def test_words_stay_where_their_pixels_are(seed: int) -> None:
    config = CropConfig(side=64, on_words=1.0, zoom=(0.5, 2.0))
    rgb, (word,) = crop(marked(90, 70), config, np.random.default_rng(seed))
    light = rgb.max(axis=2).astype(float)
    if light.mean() > 128:  # inverted
        light = 255 - rgb.min(axis=2)
    y, x = np.indices(light.shape) + 0.5
    centre = np.array([(light * x).sum(), (light * y).sum()]) / light.sum()
    found = word.polygon.mean(axis=0)
    if centre.min() <= 4 or centre.max() >= 60:  # cut off
        assert found.min() < 8 or found.max() > 56
    else:
        np.testing.assert_allclose(centre, found, atol=0.6)


def test_a_crop_lies_inside_the_picture(renderer: Renderer) -> None:
    for seed in range(10):
        config = CropConfig(side=192, zoom=(0.3, 0.4))
        rgb, words = crop(renderer.render(seed), config, np.random.default_rng(seed))
        assert rgb.shape == (192, 192, 3)
        for one, other in zip(words, renderer.render(seed).words, strict=True):
            np.testing.assert_allclose(one.polygon, other.polygon, atol=1e-3)


def test_a_word_moves_and_grows_with_what_is_cut() -> None:
    word = marked(90, 70).words[0]
    there = moved(word, np.array([80.0, 60.0]), 2.0)
    assert there.polygon.tolist() == [[20, 20], [36, 20], [36, 36], [20, 36]]
    assert there.quad.tolist() == there.polygon.tolist()
    assert there.text == word.text
