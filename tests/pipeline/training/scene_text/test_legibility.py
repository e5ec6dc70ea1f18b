"""What is called readable must be so: on real renderings, not on drawn bars."""

import copy

import cv2
import numpy as np
import pytest

from locpipe.pipeline.training.scene_text.render import Renderer
from locpipe.pipeline.training.scene_text.settings import Proportions
from locpipe.pipeline.training.scene_text.truth import UNREADABLE, RenderedWord, Rendering


@pytest.fixture(scope="module")
def renderings(renderer: Renderer) -> list[Rendering]:
    plain = copy.copy(renderer)
    kinds = Proportions(negative=0, near=1, far=1, document=0, large=1)
    plain.settings = renderer.settings.model_copy(update={"kinds": kinds})
    return [plain.render(index) for index in range(24)]


def inside(word: RenderedWord, shape: tuple[int, int]) -> np.ndarray:
    mask = np.zeros(shape, np.uint8)
    cv2.fillPoly(mask, [np.round(word.polygon - 0.5).astype(np.int32)], 1)
    return mask > 0


def test_readable_words_stand_out_from_their_ground(renderings: list[Rendering]) -> None:
    apart = []
    for rendering in renderings:
        for word in rendering.words:
            part = inside(word, rendering.ink.shape)
            letters, ground = part & (rendering.ink > 140), part & (rendering.ink < 50)
            if word.text != UNREADABLE and letters.sum() > 20 and ground.sum() > 20:
                colours = rendering.rgb[letters].mean(0), rendering.rgb[ground].mean(0)
                apart.append(float(np.abs(colours[0] - colours[1]).max()))
    assert len(apart) > 50
    assert np.quantile(apart, 0.05) > 12
    assert np.median(apart) > 50


def test_readable_words_are_mostly_in_the_picture(renderings: list[Rendering]) -> None:
    for rendering in renderings:
        for word in rendering.words:
            if word.text != UNREADABLE:
                visible = inside(word, rendering.ink.shape).sum()
                assert visible > 0.5 * cv2.contourArea(word.polygon)


def test_readable_words_are_high_enough(renderings: list[Rendering]) -> None:
    for rendering in renderings:
        for word in rendering.words:
            if word.text != UNREADABLE:
                sides = np.linalg.norm(np.roll(word.quad, -1, 0) - word.quad, axis=1)
                assert min(sides[0] + sides[2], sides[1] + sides[3]) / 2 >= 5.5


def test_words_hardly_overlap(renderings: list[Rendering]) -> None:
    for rendering in renderings:
        count = np.zeros(rendering.ink.shape, int)
        for word in rendering.words:
            count += cv2.erode(
                inside(word, rendering.ink.shape).astype(np.uint8), np.ones((3, 3), np.uint8)
            )
        assert (count > 1).sum() <= 0.05 * max((count > 0).sum(), 1)


def test_dark_on_light_and_light_on_dark_both_come(renderings: list[Rendering]) -> None:
    darker = []
    for rendering in renderings:
        for word in rendering.words:
            part = inside(word, rendering.ink.shape)
            letters, ground = part & (rendering.ink > 140), part & (rendering.ink < 50)
            if letters.any() and ground.any():
                darker.append(rendering.rgb[letters].mean() < rendering.rgb[ground].mean())
    assert 0.15 < np.mean(darker) < 0.85


def test_quads_turn_clockwise(renderings: list[Rendering]) -> None:
    for rendering in renderings:
        for word in rendering.words:
            assert cv2.contourArea(word.quad, oriented=True) > 0
            assert word.quad.dtype == word.polygon.dtype == np.float32
            assert word.quad.shape == (4, 2)
            assert len(word.polygon) % 2 == 0
