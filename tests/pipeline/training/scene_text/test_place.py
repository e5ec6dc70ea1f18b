import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from locpipe.pipeline.training.scene_text.place import Ground
from locpipe.pipeline.training.scene_text.pose import rectangle


def plain(height: int = 160, width: int = 240) -> np.ndarray:
    return np.full((height, width, 3), 128, np.uint8)


@given(st.integers(0, 10**5))
def test_blocks_never_overlap(seed: int) -> None:
    rng = np.random.default_rng(seed)
    ground = Ground(plain())
    count = np.zeros((160, 240), int)
    for _ in range(12):
        outline = rectangle(0, 0, *rng.uniform(10, 90, 2))
        place = ground.find(rng, outline, 4)
        if place:
            ground.take(outline + place)
            low = np.maximum((outline + place).min(0), 0).astype(int)
            high = np.maximum((outline + place).max(0), 0).astype(int)
            count[low[1] : high[1], low[0] : high[0]] += 1
    assert count.max() == 1


def test_calm_ground_is_preferred() -> None:
    rgb = plain()
    rng = np.random.default_rng(0)
    rgb[:, :120] = rng.integers(0, 256, (160, 120, 3))
    outline = rectangle(0, 0, 40, 20)
    places = [Ground(rgb).find(rng, outline, 12) for _ in range(40)]
    assert np.mean([place is not None and place[0] > 110 for place in places]) > 0.9


def test_no_place_when_all_is_taken() -> None:
    ground = Ground(plain())
    ground.take(rectangle(0, 0, 240, 160))
    assert ground.find(np.random.default_rng(0), rectangle(0, 0, 40, 20), 9) is None


def test_most_blocks_stand_inside_and_some_stick_out() -> None:
    rng = np.random.default_rng(0)
    outline = rectangle(-30, -10, 30, 10)
    inside = 0
    for _ in range(300):
        place = Ground(plain()).find(rng, outline, 1)
        assert place is not None
        at = outline + place
        inside += bool((at > -1).all() and (at < (241, 161)).all())
    assert 200 < inside < 295


def test_block_larger_than_the_picture_still_covers_it() -> None:
    rng = np.random.default_rng(0)
    outline = rectangle(0, 0, 500, 400)
    for _ in range(20):
        place = Ground(plain()).find(rng, outline, 3)
        assert place is not None
        assert place[0] < 100
