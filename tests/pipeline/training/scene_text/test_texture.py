import numpy as np

from locpipe.pipeline.training.scene_text.texture import clouds, grain


def test_clouds_are_smooth_and_centred() -> None:
    field = clouds(np.random.default_rng(0), (200, 300), 10)
    assert field.shape == (200, 300)
    assert abs(field.mean()) < 0.2
    assert 0.4 < field.std() < 1.0
    assert np.abs(np.diff(field, axis=1)).mean() < 0.2


def test_stretched_clouds_vary_less_along_x() -> None:
    field = clouds(np.random.default_rng(0), (200, 300), 4, stretch=10)
    assert np.abs(np.diff(field, axis=1)).mean() < 0.3 * np.abs(np.diff(field, axis=0)).mean()


def test_grain_has_unit_deviation_at_any_size() -> None:
    for shape in ((10, 7), (200, 500)):
        noise = grain(np.random.default_rng(0), shape)
        assert noise.shape == (*shape, 3)
        assert 0.85 < noise.std() < 1.15
