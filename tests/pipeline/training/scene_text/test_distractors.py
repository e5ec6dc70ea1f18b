import numpy as np
import pytest

from locpipe.pipeline.training.scene_text.distractors import KINDS, THIN, codes, scatter


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_yields_polygons_with_colours(kind: object) -> None:
    assert callable(kind)
    for seed in range(5):
        polygons = list(kind(np.random.default_rng(seed), np.array([100.0, 50, 200])))
        assert 1 <= len(polygons) < 3000
        for outline, colour in polygons:
            assert outline.shape[1] == 2
            assert np.isfinite(outline).all()
            assert colour.shape == (3,)


def test_scatter_paints_in_place_and_repeats() -> None:
    pictures = []
    for _ in range(2):
        rgb = np.full((200, 200, 3), 128, np.uint8)
        scatter(rgb, np.random.default_rng(3), 4)
        pictures.append(rgb)
    assert (pictures[0] != 128).any()
    assert np.array_equal(pictures[0], pictures[1])


def test_thin_things_leave_most_of_the_picture_free() -> None:
    covered = []
    for seed in range(20):
        rgb = np.full((200, 200, 3), 128, np.uint8)
        scatter(rgb, np.random.default_rng(seed), 1, THIN)
        covered.append((rgb != 128).any(2).mean())
    assert 0 < np.mean(covered) < 0.25


def test_nothing_asked_nothing_painted() -> None:
    rgb = np.full((50, 50, 3), 128, np.uint8)
    scatter(rgb, np.random.default_rng(0), 0)
    assert (rgb == 128).all()


def test_codes_have_the_squares_of_qr_codes() -> None:
    dark, light = np.zeros(3), 255.0
    squares = 0
    for seed in range(20):
        polygons = [outline for outline, _ in codes(np.random.default_rng(seed), dark + light)]
        module = np.ptp(polygons[1][:, 1])
        # Above and below a corner's square are seven dark modules in a row.
        squares += any(np.isclose(np.ptp(one[:, 0]), 7 * module) for one in polygons[1:])
    assert squares >= 15
