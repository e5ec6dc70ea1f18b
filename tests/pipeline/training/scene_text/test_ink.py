from dataclasses import replace

import numpy as np
import pytest

from locpipe.pipeline.training.scene_text.ink import Ink, choose_ink, lay_ink
from locpipe.pipeline.training.scene_text.pose import Patch

RED, BLUE = np.array([200.0, 0, 0]), np.array([0.0, 0, 200])
PLAIN = Ink(RED, BLUE)
EM = 40.0


def letter() -> Patch:
    cover = np.zeros((60, 60), np.uint8)
    cover[15:45, 20:40] = 255
    return Patch(cover, 10, 5)


def laid(ink: Ink) -> tuple[np.ndarray, np.ndarray]:
    """The patch of a grey picture after the letter was laid on it, and its coverage."""
    rgb = np.full((100, 100, 3), 128, np.uint8)
    patch = letter()
    cover = lay_ink(rgb, patch, ink, EM, np.random.default_rng(0))
    rest = rgb.copy()
    rest[patch.window] = 128
    assert (rest == 128).all(), "only the patch may change"
    return rgb[patch.window].astype(int), cover


def test_plain_ink_colours_the_letter_and_nothing_else() -> None:
    rgb, cover = laid(replace(PLAIN, second=RED))
    assert (rgb[cover > 0] == RED).all()
    assert (rgb[cover == 0] == 128).all()


def test_opacity_mixes_with_the_ground() -> None:
    rgb, _ = laid(replace(PLAIN, second=RED, opacity=0.5))
    assert rgb[30, 30].tolist() == [164, 64, 64]


def test_hollow_letters_have_ink_only_at_their_edge() -> None:
    rgb, cover = laid(replace(PLAIN, second=RED, hollow=0.05))
    assert cover[30, 30] == 0
    assert rgb[30, 30].tolist() == [128, 128, 128]
    assert cover[15, 20] == 255


def test_outline_surrounds_the_letter_and_is_no_ink() -> None:
    rgb, cover = laid(replace(PLAIN, outline=0.05))
    assert rgb[30, 30].tolist() == RED.tolist()
    assert rgb[30, 18].tolist() == BLUE.tolist()
    assert cover[30, 18] == 0


def test_shadow_darkens_beside_the_letter() -> None:
    rgb, _ = laid(replace(PLAIN, second=RED, shadow=(0.1, 0.1, 0.8)))
    assert rgb[30, 42].max() < 80
    assert rgb[30, 15].min() > 120


def test_depth_sweeps_all_the_way() -> None:
    rgb, _ = laid(replace(PLAIN, second=RED, depth=(0.2, 0.0)))
    assert (rgb[30, 41:47] == RED * 0.4).all()


def test_gradient_runs_from_the_first_to_the_second_colour() -> None:
    rgb, _ = laid(PLAIN)
    assert rgb[16, 30, 0] > rgb[43, 30, 0]
    assert rgb[16, 30, 2] < rgb[43, 30, 2]


def test_wear_makes_holes_in_ink_and_truth_alike() -> None:
    rgb, cover = laid(replace(PLAIN, second=RED, worn=0.4))
    inside = letter().cover > 0
    share = (cover[inside] > 0).mean()
    assert 0.3 < share < 0.95
    assert (rgb[inside & (cover == 0)] == 128).all()


def test_grain_varies_the_ink() -> None:
    rgb, cover = laid(replace(PLAIN, second=RED, grain=30))
    assert rgb[cover > 0].std(0)[0] > 5


def test_softness_blurs_the_edge() -> None:
    _, cover = laid(replace(PLAIN, softness=0.03))
    assert 0 < cover[30, 18] < 200


@pytest.mark.parametrize("em", [10, 20])
def test_small_letters_have_no_ornaments(em: float) -> None:
    rng = np.random.default_rng(0)
    for _ in range(200):
        ink = choose_ink(rng, RED, em)
        assert not any((ink.hollow, ink.outline, ink.shadow[2], *ink.depth, ink.worn))


def test_large_letters_have_all_of_them_at_times() -> None:
    rng = np.random.default_rng(0)
    inks = [choose_ink(rng, RED, 80) for _ in range(600)]
    for name in ("hollow", "outline", "worn", "softness", "grain"):
        assert 0 < sum(getattr(ink, name) > 0 for ink in inks) < 150
    assert any(ink.shadow[2] for ink in inks)
    assert any(any(ink.depth) for ink in inks)
    assert any(ink.opacity < 1 for ink in inks)


def test_glow_lights_the_ground_around() -> None:
    rgb, _ = laid(replace(PLAIN, second=RED, glow=0.8))
    assert rgb[30, 17, 0] > 138
    assert rgb[30, 17, 1] < 120
    assert rgb[30, 30].tolist() == RED.tolist()


def test_sideways_gradient_runs_along_the_line() -> None:
    rgb, _ = laid(replace(PLAIN, sideways=True))
    assert rgb[30, 22, 0] > rgb[30, 38, 0]
    assert rgb[16, 30].tolist() == rgb[43, 30].tolist()
