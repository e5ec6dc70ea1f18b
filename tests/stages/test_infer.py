"""Inference of whole pictures: sizes, borders, shifts, scales and polarities."""

import subprocess
import sys
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from tolerances import assert_rounded_alike
from torch.overrides import TorchFunctionMode

from locpipe.stages.engines.choice import Way
from locpipe.stages.infer import bytes_needed, infer, padded_size, shown_size
from locpipe.stages.models.loading import Model, find_model, load_model
from locpipe.stages.precision import has_bfloat16
from locpipe.stages.settings import Padding, Precision, Resolution

pytestmark = pytest.mark.computes

RESOLUTIONS: tuple[Resolution, ...] = ("native", "atrous", "unpooled")
PADDINGS: tuple[Padding, ...] = ("replicate", "reflect", "zeros")
STRIDE = {"native": 2, "atrous": 1, "unpooled": 1}
FIELD = 14


@cache
def _digits() -> Model:
    """Property tests cannot take a fixture."""
    return load_model(find_model("digits"))


@settings(max_examples=60, deadline=None)
@given(
    width=st.integers(1, 40),
    height=st.integers(1, 40),
    resolution=st.sampled_from(RESOLUTIONS),
    padding=st.sampled_from(PADDINGS),
)
def test_any_size_from_one_pixel_up(
    width: int, height: int, resolution: Resolution, padding: Padding
) -> None:
    model = _digits()
    rgb = np.full((height, width, 3), 200, np.uint8)
    found = infer(model, rgb, resolution=resolution, padding=padding)
    assert found.maps.dtype == np.float32
    assert found.maps.shape == (16, *found.grid.shape)
    assert found.grid.picture == (width, height)
    assert np.isfinite(found.maps).all()
    if padding != "zeros":
        stride = STRIDE[resolution]
        assert found.grid.shape == (-(-height // stride), -(-width // stride))


@pytest.mark.parametrize("resolution", RESOLUTIONS)
def test_cells_that_see_no_border_are_the_same_with_every_padding(
    resolution: Resolution, digits: Model, photo: NDArray[np.uint8]
) -> None:
    maps = [infer(digits, photo, resolution=resolution, padding=p).maps for p in PADDINGS]
    height, width = maps[2].shape[1:]  # "zeros" of an à trous map is a cell smaller
    edge = -(-FIELD // STRIDE[resolution])
    inner = (slice(None), slice(edge, height - edge), slice(edge, width - edge))
    assert maps[0][inner].size > 5000
    np.testing.assert_allclose(maps[1][inner], maps[0][inner], rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(maps[2][inner], maps[0][inner], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("resolution", RESOLUTIONS)
def test_shifting_by_one_stride_shifts_by_one_cell(
    resolution: Resolution, digits: Model, photo: NDArray[np.uint8]
) -> None:
    stride = STRIDE[resolution]
    whole = infer(digits, photo, resolution=resolution).maps
    shifted = infer(digits, np.ascontiguousarray(photo[stride:, stride:]), resolution=resolution)
    edge = -(-FIELD // stride)
    inner = (slice(None), slice(edge, -edge), slice(edge, -edge))
    np.testing.assert_allclose(shifted.maps[inner], whole[:, 1:, 1:][inner], rtol=1e-4, atol=1e-5)


def test_a_blank_picture_has_no_edge_at_its_border(digits: Model) -> None:
    white = np.full((40, 50, 3), 255, np.uint8)
    for padding, flat in (("replicate", True), ("reflect", True), ("zeros", False)):
        maps = infer(digits, white, padding=padding).maps  # type: ignore[arg-type]  # of PADDINGS
        assert (np.ptp(maps, axis=(1, 2)).max() < 1e-4) == flat


def test_native_maps_are_the_networks_own_features(digits: Model, photo: NDArray[np.uint8]) -> None:
    """At the training size the map is what the classifier was trained on."""
    grey = photo[:28, :28, :1].repeat(3, axis=2)
    found = infer(digits, grey, padding="zeros").maps
    x = torch.from_numpy(grey[None, None, ..., 0] / np.float32(255))
    with torch.inference_mode():
        expected = digits.network.features(x)[0].numpy()
    assert_rounded_alike(found, expected)


class _Called(TorchFunctionMode):
    """Notes the names of torch's functions that are called."""

    def __init__(self) -> None:
        super().__init__()
        self.names: set[str] = set()

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: object,
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> object:
        self.names.add(func.__name__)
        return func(*args, **(kwargs or {}))


def test_nothing_is_normalized_that_convolutions_can_do(photo: NDArray[np.uint8]) -> None:
    text = load_model(find_model("text"))
    rgb = photo[:64, :64]
    infer(text, rgb, padding="zeros")  # the first time its layers are looked at
    with _Called() as called:
        infer(text, rgb, padding="zeros")
    assert "conv2d" in called.names
    assert "batch_norm" not in called.names


def in_both_precisions(photo: NDArray[np.uint8]) -> list[NDArray[np.float32]]:
    text = load_model(find_model("text"))
    return [
        infer(text, photo, padding="zeros", precision=precision).maps
        for precision in get_args(Precision)
    ]


def test_bfloat16_changes_maps_by_its_rounding_only(
    photo: NDArray[np.uint8], processor: Callable[..., None]
) -> None:
    processor(bfloat16=True)
    exact, brief = in_both_precisions(photo)
    assert brief.dtype == exact.dtype == np.float32
    assert 0 < abs(brief - exact).max() < 0.05 * exact.max()


def test_a_processor_without_bfloat16_computes_in_float32(
    photo: NDArray[np.uint8], processor: Callable[..., None]
) -> None:
    """Emulated, it would take longer."""
    processor(bfloat16=False)
    exact, brief = in_both_precisions(photo)
    np.testing.assert_array_equal(brief, exact)


def test_the_environment_has_every_processor_compute_in_float32(
    photo: NDArray[np.uint8], processor: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    processor(bfloat16=True)
    monkeypatch.setenv("LOCPIPE_PRECISION", "float32")
    exact, brief = in_both_precisions(photo)
    np.testing.assert_array_equal(brief, exact)


def test_a_processor_has_bfloat16_where_torch_says_so() -> None:
    known = torch.cpu.get_capabilities()
    assert has_bfloat16() == bool(known.get("avx512_bf16") or known.get("amx_bf16"))


def test_inverted_shows_the_negative(digits: Model, photo: NDArray[np.uint8]) -> None:
    found = infer(digits, photo, polarity="inverted")
    expected = infer(digits, 255 - photo)
    assert found.polarity == "inverted"
    np.testing.assert_allclose(found.maps, expected.maps, atol=0.02)  # grey is rounded


@pytest.mark.parametrize("scale", [0.25, 0.5, 1.5])
def test_cells_of_another_scale_cover_the_same_picture(
    scale: float, digits: Model, photo: NDArray[np.uint8]
) -> None:
    found = infer(digits, photo, scale=scale)
    grid = found.grid
    shown = shown_size(photo.shape[1], photo.shape[0], scale)
    assert grid.shape == (-(-shown[1] // 2), -(-shown[0] // 2))
    assert grid.stride == pytest.approx(
        (2 * photo.shape[1] / shown[0], 2 * photo.shape[0] / shown[1])
    )
    assert grid.offset == pytest.approx((grid.stride[0] / 2, grid.stride[1] / 2))


@given(st.integers(1, 10_000), st.integers(1, 10_000), st.floats(1e-5, 4))
def test_a_shown_picture_has_at_least_one_pixel(width: int, height: int, scale: float) -> None:
    assert min(shown_size(width, height, scale)) >= 1


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="peak memory is read from /proc")
@pytest.mark.parametrize(
    ("name", "options", "maps", "stride"),
    [
        pytest.param("digits", {"resolution": "unpooled"}, 16, 1, marks=pytest.mark.long),
        ("digits", {"resolution": "atrous", "windows": True}, 10, 1),
        pytest.param(
            "text", {"padding": "zeros", "precision": "bfloat16"}, 48, 4, marks=pytest.mark.long
        ),
        ("text", {"padding": "zeros", "engine": "onnxruntime"}, 48, 4),
    ],
)
def test_the_estimate_of_memory_covers_what_inference_takes(
    name: str, options: dict[str, object], maps: int, stride: int
) -> None:
    """Growth of a fresh process, against the estimate."""
    program = (
        "import re, numpy as np\n"
        "from pathlib import Path\n"
        "from locpipe.stages.models.loading import find_model, load_model\n"
        "from locpipe.stages.engines.choice import Way\n"
        "from locpipe.stages.infer import infer, bytes_needed\n"
        "def peak():\n"
        "    status = Path('/proc/self/status').read_text()\n"
        "    return 1024 * int(re.search(r'VmHWM:\\s+(\\d+)', status)[1])\n"
        f"model = load_model(find_model({name!r}))\n"
        f"options = {options}\n"
        "infer(model, np.zeros((64, 64, 3), np.uint8), **options)\n"
        "before = peak()\n"
        "infer(model, np.zeros((600, 600, 3), np.uint8), **options)\n"
        "padding = options.pop('padding', 'replicate')\n"
        "print(peak() - before, *bytes_needed(model, 600, 600, Way(**options), padding=padding))\n"
    )
    printed = subprocess.run(
        [sys.executable, "-c", program], check=True, capture_output=True, text=True
    ).stdout
    taken, peak, left = (int(number) for number in printed.split())
    assert left == pytest.approx(4 * maps * 600 * 600 / stride**2, rel=0.15)
    assert left <= taken <= peak


def test_memory_is_estimated_for_what_the_network_is_shown(digits: Model) -> None:
    """The digits' field of view is 14 pixels, the answer of their whole classifier's 40."""
    zeros, continued = (
        bytes_needed(digits, 28, 28, Way(), padding=p)[0] for p in ("zeros", "replicate")
    )
    assert continued == pytest.approx(zeros * (28 + 2 * 8) ** 2 / 28**2, rel=1e-4)
    assert bytes_needed(digits, 29, 30, Way(), padding="zeros")[0] == pytest.approx(
        zeros * 30**2 / 28**2, rel=1e-4
    )
    assert bytes_needed(digits, 28, 28, Way(), padding="zeros")[1] == 4 * 16 * 14 * 14
    tiny, small = (
        bytes_needed(digits, side, side, Way(windows=True), padding="zeros") for side in (1, 20)
    )
    assert tiny == small  # a window must fit


@pytest.mark.parametrize("padding", PADDINGS)
def test_the_channels_of_a_pixel_lie_together(digits: Model, padding: Padding) -> None:
    """As oneDNN wants them: else a picture takes twice the time."""
    found = infer(digits, np.zeros((40, 60, 3), np.uint8), padding=padding).maps
    across, down, right = found.strides
    assert across < right < down


def test_the_size_with_padding_is_known(digits: Model) -> None:
    margin = FIELD // 2 + 1  # rounded up to whole cells
    assert padded_size(digits, 33, 21, Way(), padding="zeros") == (34, 22)
    assert padded_size(digits, 33, 21, Way(), padding="replicate") == (
        34 + 2 * margin,
        22 + 2 * margin,
    )
