import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from locpipe.pipeline.evaluation.counts import rates


@pytest.mark.parametrize(
    ("recalled", "truth", "precise", "detected", "expected"),
    [
        # 3 of 4 words found, 3 of 6 boxes right: H = 2 · 0.5 · 0.75 / 1.25.
        pytest.param(3, 4, 3, 6, (0.5, 0.75, 0.6), id="plain"),
        pytest.param(0, 0, 0, 0, (1, 1, 1), id="nothing to find, nothing found"),
        pytest.param(0, 0, 0, 3, (0, 1, 0), id="nothing to find, something found"),
        pytest.param(0, 3, 0, 0, (0, 0, 0), id="something to find, nothing found"),
        pytest.param(0, 3, 0, 3, (0, 0, 0), id="all wrong"),
        pytest.param(0, 1, 0, 1, (0, 0, 0), id="one of one, wrong"),
    ],
)
def test_rates_by_hand(
    recalled: float,
    truth: float,
    precise: float,
    detected: float,
    expected: tuple[float, float, float],
) -> None:
    counts = np.array([recalled, truth, precise, detected], dtype=np.float64)
    np.testing.assert_allclose(rates(counts), expected)


shares = st.tuples(st.floats(0, 1), st.integers(0, 50), st.floats(0, 1), st.integers(0, 50))


@given(st.lists(shares, min_size=1, max_size=5))
def test_rates_of_a_table_are_those_of_its_rows_and_lie_in_0_1(
    rows: list[tuple[float, int, float, int]],
) -> None:
    table = np.array([[r * truth, truth, p * found, found] for r, truth, p, found in rows])
    together = rates(table)
    assert ((together >= 0) & (together <= 1 + 1e-12)).all()
    for row, expected in zip(table, together, strict=True):
        np.testing.assert_array_equal(rates(row), expected)
