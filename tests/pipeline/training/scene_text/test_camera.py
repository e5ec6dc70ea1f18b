import numpy as np
import pytest

from locpipe.pipeline.training.scene_text.camera import shoot


def scene() -> np.ndarray:
    rgb = np.full((90, 120, 3), 200, np.uint8)
    rgb[20:70, 30:90] = (40, 60, 80)
    return rgb


@pytest.mark.parametrize("seed", range(40))
def test_shot_has_the_size_of_the_scene_and_leaves_it_alone(seed: int) -> None:
    rgb = scene()
    shot = shoot(rgb, np.random.default_rng(seed), 2.0)
    assert shot.rgb.shape == rgb.shape
    assert shot.rgb.dtype == np.uint8
    assert np.array_equal(rgb, scene())
    assert 0 <= shot.blur <= 2


def test_same_generator_same_shot() -> None:
    first, second = (shoot(scene(), np.random.default_rng(7), 2.0) for _ in range(2))
    assert np.array_equal(first.rgb, second.rgb)


def test_nothing_moves() -> None:
    shots = [shoot(scene(), np.random.default_rng(seed), 1.0).rgb for seed in range(60)]
    mean = np.mean(shots, axis=(0, 3))
    edge = np.abs(np.diff(mean[45]))
    assert set(np.argsort(edge)[-2:]) == {29, 89}


def test_blur_and_noise_are_reported() -> None:
    shots = [shoot(scene(), np.random.default_rng(seed), 3.0) for seed in range(80)]
    sharp = [s for s in shots if s.blur == 0 and s.noise == 0]
    blurred = [s for s in shots if s.blur > 1.2]
    assert sharp
    assert blurred

    def steepest(rgb: np.ndarray) -> float:
        level = rgb[45].astype(float).mean(1)
        return float(np.abs(np.diff(level)).max() / max(np.ptp(level), 1))

    assert np.mean([steepest(s.rgb) for s in blurred]) < 0.6 * np.mean(
        [steepest(s.rgb) for s in sharp]
    )
