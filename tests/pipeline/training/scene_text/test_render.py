import copy
import multiprocessing
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from itertools import pairwise

import cv2
import numpy as np
import pytest

from locpipe.pipeline.training.scene_text.render import Renderer
from locpipe.pipeline.training.scene_text.settings import Proportions, RenderSettings
from locpipe.pipeline.training.scene_text.truth import UNREADABLE, Rendering

KINDS = tuple(Proportions.model_fields)


def changed(renderer: Renderer, **changes: object) -> Renderer:
    """The same fonts and words, found once; some of the choices changed."""
    other = copy.copy(renderer)
    other.settings = renderer.settings.model_copy(update=changes)
    return other


def only(renderer: Renderer, kind: str, **changes: object) -> Renderer:
    kinds = Proportions(**{name: float(name == kind) for name in KINDS})
    return changed(renderer, kinds=kinds, **changes)


def content(rendering: Rendering) -> tuple[object, ...]:
    words = [(w.quad.tobytes(), w.polygon.tobytes(), w.text, w.line) for w in rendering.words]
    return rendering.rgb.tobytes(), rendering.ink.tobytes(), words


def same(first: Rendering, second: Rendering) -> bool:
    return content(first) == content(second)


def test_same_bytes_in_any_order_and_any_process(renderer: Renderer) -> None:
    indices = [4, 0, 11, 7]
    here = {index: renderer.render(index) for index in indices}
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=spawn) as pool:
        there = dict(zip(indices[::-1], pool.map(renderer.render, indices[::-1]), strict=True))
    assert all(same(here[index], there[index]) for index in indices)


def test_fresh_renderer_renders_the_same(settings: RenderSettings, renderer: Renderer) -> None:
    assert same(Renderer(settings).render(5), renderer.render(5))


def test_index_and_seed_change_the_picture(renderer: Renderer) -> None:
    reseeded = changed(renderer, seed=1)
    assert not np.array_equal(renderer.render(1).rgb, renderer.render(2).rgb)
    assert not np.array_equal(renderer.render(1).rgb, reseeded.render(1).rgb)


@pytest.mark.parametrize("kind", KINDS)
def test_truth_agrees_with_ink(renderer: Renderer, kind: str) -> None:
    """All ink lies in the polygon of a word, and every word has ink in its polygon."""
    renderer = only(renderer, kind, curved=0.3, any_angle=0.3)
    settings = renderer.settings
    for index in range(8):
        rendering = renderer.render(index)
        assert rendering.rgb.shape == (settings.height, settings.width, 3)
        assert rendering.ink.shape == (settings.height, settings.width)
        allowed = np.zeros_like(rendering.ink)
        for word in rendering.words:
            outline = np.round((word.polygon - 0.5) * 16).astype(np.int32)
            alone = np.zeros_like(rendering.ink)
            cv2.fillPoly(alone, [outline], 1, cv2.LINE_8, 4)
            allowed |= alone
            assert word.text == UNREADABLE or (rendering.ink[alone > 0] > 60).any()
        near = cv2.dilate(allowed, np.ones((5, 5), np.uint8))
        assert not ((rendering.ink > 128) & (near == 0)).any()


def test_negatives_have_no_words_and_others_do(renderer: Renderer) -> None:
    counts = {}
    for kind in KINDS:
        pictures = map(only(renderer, kind).render, range(4))
        counts[kind] = sum(len(picture.words) for picture in pictures)
    assert counts["negative"] == 0
    assert min(counts["near"], counts["large"], counts["far"]) > 2
    assert counts["document"] > 2 * max(counts["near"], counts["large"])


def test_symbols_are_painted_and_are_no_words(renderer: Renderer) -> None:
    without = copy.copy(renderer)
    without.writer = replace(renderer.writer, fonts=replace(renderer.writer.fonts, symbols=()))
    pairs = [
        (only(renderer, "negative").render(i), only(without, "negative").render(i))
        for i in range(12)
    ]
    assert any(not np.array_equal(a.rgb, b.rgb) for a, b in pairs)
    assert not any(a.words or a.ink.any() for a, _ in pairs)


def test_most_words_can_be_read(renderer: Renderer) -> None:
    words = [word for index in range(25) for word in renderer.render(index).words]
    assert 0.7 < np.mean([word.text != UNREADABLE for word in words]) <= 1


def test_heights_span_the_range(renderer: Renderer) -> None:
    renderer = changed(renderer, kinds=Proportions(far=1, large=1, near=0, document=0))
    sides = [
        np.linalg.norm(word.quad[3] - word.quad[0])
        for index in range(25)
        for word in renderer.render(index).words
    ]
    assert min(sides) < 10
    assert max(sides) > 120


@pytest.mark.parametrize("text_height", [(8.0, 11.0), (30.0, 40.0)])
def test_text_height_is_kept(renderer: Renderer, text_height: tuple[float, float]) -> None:
    narrow = changed(renderer, text_height=text_height, curved=0, any_angle=0)
    words = [word for index in range(16) for word in narrow.render(index).words]
    heights = [float(np.linalg.norm(word.quad[3] - word.quad[0])) for word in words]
    # A title of a document has up to 2.8 em; a near corner looks larger than it is.
    assert max(heights) < 5 * text_height[1]
    assert 0.3 * text_height[0] < np.median(heights) < text_height[1]


def test_lines_run_in_reading_direction(renderer: Renderer) -> None:
    words = only(renderer, "document", curved=0, any_angle=0).render(1).words
    lines = {word.line: [w for w in words if w.line == word.line] for word in words}
    assert len(lines) > 3
    for line in lines.values():
        for before, after in pairwise(line):
            right, left = before.quad[1:3].mean(0), after.quad[[0, 3]].mean(0)
            assert right[0] < left[0]
            assert np.linalg.norm(after.quad[3] - after.quad[0]) > abs(right[1] - left[1])


def test_renders_without_photographs(settings: RenderSettings) -> None:
    renderer = Renderer(settings.model_copy(update={"backgrounds": ()}))
    assert sum(len(renderer.render(index).words) for index in range(6)) > 6
