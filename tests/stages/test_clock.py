"""What the clock says of stages."""

import pytest

from locpipe.stages.clock import Clock


def test_times_of_a_stage_add_up_over_pages() -> None:
    clock = Clock()
    for _ in range(2):
        with clock.stage("infer"):
            before = clock.seconds["infer"]
    assert list(clock.seconds) == ["infer"]
    assert clock.seconds["infer"] > before > 0


def test_the_stage_that_failed_is_known_afterwards() -> None:
    begun: list[str] = []
    clock = Clock(begun.append)
    with clock.stage("load"):
        pass
    with pytest.raises(ZeroDivisionError), clock.stage("heatmap"):
        raise ZeroDivisionError
    assert clock.current == "heatmap"
    assert begun == ["load", "heatmap"]
