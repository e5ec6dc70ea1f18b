"""Tolerances for two ways to compute the same in float32."""

from typing import Any

import numpy as np

ROUNDINGS = 64
"""Largest difference of two orders of the same sums, in roundings of float32; measured: 8."""


def assert_rounded_alike(found: Any, expected: Any) -> None:
    """Assert that arrays are equal up to float32's rounding of their largest value.

    A convolution sums products that may cancel each other. Its error depends on the size of the
    products, which the largest results show, not on the size of a single result.
    """
    one, other = (np.asarray(values, np.float64) for values in (found, expected))
    allowed = ROUNDINGS * float(np.finfo(np.float32).eps) * float(np.abs(other).max())
    np.testing.assert_allclose(one, other, rtol=0, atol=allowed)
