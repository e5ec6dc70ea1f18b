"""Advice follows from the numbers of a profile."""

from dataclasses import replace

import pytest

from locpipe.pipeline.run.advice import Circumstances, Pixels, Profile, advise
from locpipe.stages.settings import InferSettings

FLOAT32 = 100e9
PLAIN = Profile(
    pages=5,
    seconds={"load": 1.0, "infer": 6.1, "boxes": 2.9},
    start_up=1.0,
    pixels=Pixels(own=10**7, shown=10**7, padded=10**7, without={}),
    macs=6.1 * 0.48 * FLOAT32 / 2 / 10**7,
    engine="onnxruntime",
    precision="float32",
    settings=InferSettings(),
    threads=1,
    peak=400 * 2**20,
    circumstances=Circumstances(
        ceilings={"float32": FLOAT32}, memory=2**30, workers=2, forced=False, onnxruntime=True
    ),
)
INFERENCE = "61 % is inference, at 48 % of this core's ceiling (float32)."


def more(found: Profile) -> list[str]:
    """What is said besides the first line."""
    return advise(found)[1:]


def with_pixels(**values: int | dict[str, int]) -> Profile:
    whole = {"own": 10**7, "shown": 10**7, "padded": 10**7, "without": {}} | values
    return replace(PLAIN, pixels=Pixels(**whole))  # type: ignore[arg-type]


def with_circumstances(**values: object) -> Profile:
    return replace(PLAIN, circumstances=replace(PLAIN.circumstances, **values))  # type: ignore[arg-type]


def test_it_begins_with_inference_and_says_no_more_where_nothing_is_amiss() -> None:
    assert advise(PLAIN) == [INFERENCE]
    assert "the ceiling of 4 cores" in advise(replace(PLAIN, threads=4))[0]


def test_time_outside_of_inference_has_the_name_of_its_largest_part() -> None:
    found = replace(PLAIN, seconds={"load": 3.0, "infer": 4.0, "boxes": 3.5})
    (line,) = more(found)
    assert "The largest part is boxes, 33 %." in line


def test_enlarging_is_named_with_what_it_costs() -> None:
    without = {"infer.enlarge_to=2.0": 5 * 10**6, "infer.polarity=normal": 10**7}
    (line,) = more(with_pixels(without=without))
    assert line.startswith("infer.enlarge_to=2.0 shows the network 2.0 times the pixels.")
    assert "about 30 % less time" in line  # half of 61 %


@pytest.mark.parametrize(
    ("padding", "remedy"), [("replicate", "zeros fewer"), ("zeros", "larger pictures have less")]
)
def test_padding_is_named_where_it_is_much(padding: str, remedy: str) -> None:
    settings = InferSettings.model_validate({"padding": padding})
    (line,) = more(replace(with_pixels(padded=4 * 10**7), settings=settings))
    assert "4.0 times the pixels shown" in line
    assert remedy in line


def test_a_dear_stage_that_a_config_can_leave_out_is_named_with_its_key() -> None:
    dear = replace(PLAIN, seconds={"infer": 6.1, "masks": 0.9, "overlays": 3.0})
    assert more(dear) == ["30 % is the stage overlays. output.overlays=false leaves it out."]


@pytest.mark.parametrize(
    ("settings", "forced", "remedy"),
    [
        ({}, False, "set infer.precision=bfloat16."),
        ({"precision": "bfloat16", "engine": "onnxruntime"}, False, "set infer.engine=auto."),
        ({"precision": "bfloat16"}, True, "unset LOCPIPE_PRECISION."),
        ({}, True, "set infer.precision=bfloat16 and unset LOCPIPE_PRECISION."),
    ],
)
def test_bfloat16_is_advised_where_it_is_faster_and_not_used(
    settings: dict[str, str], remedy: str, *, forced: bool
) -> None:
    circumstances = with_circumstances(
        ceilings={"float32": FLOAT32, "bfloat16": 3 * FLOAT32}, forced=forced
    )
    (line,) = more(replace(circumstances, settings=InferSettings.model_validate(settings)))
    assert "in bfloat16 is 3.0 times as fast here" in line
    assert line.endswith(f": {remedy.removesuffix('.')}, and measure again.")


def test_bfloat16_is_not_advised_where_it_is_no_faster() -> None:
    assert more(with_circumstances(ceilings={"float32": FLOAT32, "bfloat16": FLOAT32})) == []


def test_float32_is_advised_where_bfloat16_is_slower() -> None:
    circumstances = with_circumstances(ceilings={"float32": FLOAT32, "bfloat16": FLOAT32 / 2})
    used = replace(circumstances, precision="bfloat16", engine="torch")
    (line,) = more(replace(used, settings=InferSettings(precision="bfloat16")))
    assert line.endswith("2.0 times as fast here: set infer.precision=float32.")


def test_bfloat16_that_the_processor_lacks_is_said() -> None:
    (line,) = more(replace(PLAIN, settings=InferSettings(precision="bfloat16")))
    assert "has no effect" in line


def test_onnxruntime_is_advised_only_where_it_can_run_the_network() -> None:
    (line,) = more(replace(PLAIN, engine="torch"))
    assert line.endswith("set infer.engine=auto.")
    assert more(replace(with_circumstances(onnxruntime=False), engine="torch")) == []


def test_start_up_that_takes_longer_than_the_pictures_is_said_in_pages() -> None:
    (line,) = more(replace(PLAIN, start_up=20.0))
    assert "Start-up takes 20.0 CPU s, as much as 10 such pages." in line


def test_workers_that_do_not_fit_into_memory_are_too_many() -> None:
    (line,) = more(with_circumstances(workers=4))
    assert line.endswith("exceed the 1024 MiB given to us: set run.workers=2.")
