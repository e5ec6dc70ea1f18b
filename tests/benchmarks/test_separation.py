"""Growing from seeds: words that a bridge joins come apart, what has no seed stays."""

import numpy as np
from separation import grown


def test_a_bridge_is_cut_between_two_seeds() -> None:
    heat = np.full((5, 21), 0.1, np.float32)
    heat[1:4, 1:8] = heat[1:4, 12:19] = 0.9
    heat[2, 8:12] = 0.6
    cells, seeds = heat > 0.5, heat > 0.7
    kept = grown(heat, cells, seeds)
    assert kept[1:4, 1:8].all()
    assert kept[1:4, 12:19].all()
    assert not kept[2, 8:12].all()


def test_what_has_no_seed_stays_whole() -> None:
    heat = np.full((5, 30), 0.1, np.float32)
    heat[1:4, 1:6] = heat[1:4, 9:14] = 0.9
    heat[1:4, 20:28] = 0.6
    cells, seeds = heat > 0.5, heat > 0.7
    np.testing.assert_array_equal(grown(heat, cells, seeds), cells)
