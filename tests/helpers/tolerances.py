"""How near to each other two ways to compute the same in float32 can be."""

from typing import Any

import numpy as np

ROUNDINGS = 64
"""How many roundings of float32 two orders of the same sums may be apart; measured: 8."""


def assert_rounded_alike(found: Any, expected: Any) -> None:
    """Hold arrays to each other, except for float32's rounding of their largest value.

    A convolution sums products that may cancel: its error follows from what was summed, which the
    largest answers tell, and not from the size of the one answer that is left.
    """
    one, other = (np.asarray(values, np.float64) for values in (found, expected))
    allowed = ROUNDINGS * float(np.finfo(np.float32).eps) * float(np.abs(other).max())
    np.testing.assert_allclose(one, other, rtol=0, atol=allowed)
