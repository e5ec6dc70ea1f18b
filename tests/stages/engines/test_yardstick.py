"""What a network costs, and what the processor could do."""

import pytest

from locpipe.stages.engines.choice import yardsticks
from locpipe.stages.models.loading import Model, find_model, load_model
from locpipe.stages.precision import has_bfloat16
from locpipe.stages.settings import Resolution


@pytest.fixture(scope="module")
def digits() -> Model:
    return load_model(find_model("digits"))


@pytest.mark.parametrize(
    ("resolution", "macs"), [("native", 150 + 2400 / 4), ("unpooled", 150 + 2400)]
)
def test_lenet_is_counted_by_hand(resolution: Resolution, macs: float, digits: Model) -> None:
    assert yardsticks(digits, resolution, windows=False, threads=1)[0] == pytest.approx(macs)


def test_windows_cost_the_classifier_too(digits: Model) -> None:
    assert yardsticks(digits, "native", windows=True, threads=1)[0] > 2 * 750


def test_a_matrix_product_is_timed_in_what_the_processor_has(digits: Model) -> None:
    ceilings = yardsticks(digits, "native", windows=False, threads=1)[1]
    assert set(ceilings) == {"float32", *(["bfloat16"] if has_bfloat16() else [])}
    assert all(1e9 < found < 1e14 for found in ceilings.values())
