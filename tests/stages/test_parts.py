"""A network in parts gives the maps of the whole picture, in the memory that it is given."""

import re
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from locpipe.pipeline.config.file import find_config, read_settings
from locpipe.pipeline.config.sections import Config
from locpipe.stages.engines.limits import computing_with
from locpipe.stages.engines.pytorch import PyTorch
from locpipe.stages.infer import infer
from locpipe.stages.load import load
from locpipe.stages.localize import localize_image
from locpipe.stages.models.loading import Model, find_model, load_model
from locpipe.stages.nets.network import Network
from locpipe.stages.parts import WHOLE, planned, stream

SAMPLES = Path(__file__).resolve().parents[2] / "data" / "samples"
SIDES = 448, 960
LEAST = 1  # byte: the plan is the most sparing one


@pytest.fixture(scope="module")
def text() -> Model:
    return load_model(find_model("text"))


class Skewed(nn.Module):
    """Kernels and paddings that see more above than below, a coarse branch, and two ways up."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(nn.ZeroPad2d((2, 0, 2, 0)), nn.Conv2d(3, 4, 3), nn.ReLU())
        self.pool = nn.MaxPool2d(3, 2, ceil_mode=True)
        self.deep = nn.Sequential(nn.Conv2d(4, 6, 5, 4, 2), nn.ReLU(), nn.Conv2d(6, 4, 3, 1, 1))
        self.nearest = nn.Upsample(scale_factor=4, mode="nearest")
        self.bilinear = nn.Upsample(scale_factor=2, mode="bilinear")
        self.last = nn.Conv2d(8, 5, 3, padding=2, dilation=2)

    def forward(self, x: Tensor) -> Tensor:
        fine = self.stem(x)
        half = self.pool(fine)
        back = self.bilinear(half + self.nearest(self.deep(half)))
        last: Tensor = self.last(torch.cat([fine, back], dim=1))
        return last


def in_parts(
    engine: PyTorch, picture: NDArray[np.float32], memory: int
) -> tuple[NDArray[np.float32], int]:
    """Return the maps, and how often a part was run."""
    calls: list[int] = []
    pieces: list[tuple[int, int, NDArray[np.float32]]] = []

    def compute(
        number: int, inputs: Sequence[NDArray[np.float32]]
    ) -> Sequence[NDArray[np.float32]]:
        calls.append(number)
        return engine.compute(number, inputs)

    def take(top: int, left: int, window: NDArray[np.float32]) -> None:
        pieces.append((top, left, window))

    size = picture.shape[2], picture.shape[3]
    source = [0]

    def rows(top: int, bottom: int) -> NDArray[np.float32]:
        assert top == source[0] < bottom  # each once, in order
        source[0] = bottom
        return picture[:, :, top:bottom]

    stream(engine.parts, size, rows, compute, take, memory=memory, channels_last=True)
    channels, height, width = pieces[-1][2].shape
    found = np.full((channels, pieces[-1][0] + height, pieces[-1][1] + width), np.nan, np.float32)
    for top, left, window in pieces:
        place = found[:, top : top + window.shape[1], left : left + window.shape[2]]
        assert np.isnan(place).all()  # each cell once
        place[:] = window
    return found, len(calls)


@pytest.mark.parametrize("kind", ["text", "text-large", "skewed"])
def test_parts_give_the_maps_of_the_whole(kind: str) -> None:
    torch.manual_seed(0)
    network = Network(Skewed(), nn.Flatten()).eval()
    if kind != "skewed":
        network = load_model(find_model(kind)).network
    engine = PyTorch(network, "native", windows=False, bfloat16=False)
    picture = np.random.default_rng(0).standard_normal((1, 3, *SIDES), np.float32)
    with torch.inference_mode():
        whole = network.features(torch.from_numpy(picture))[0].numpy()
    found, calls = in_parts(engine, picture, LEAST)
    assert calls > 2 * len(engine.parts.parts) > 2
    np.testing.assert_allclose(found, whole, atol=1e-4)
    at_once, calls = in_parts(engine, picture, 2**40)
    assert calls == len(engine.parts.parts)
    np.testing.assert_allclose(at_once, whole, atol=1e-4)


def test_the_halo_is_needed(text: Model) -> None:
    """Without it the same plan gives other maps: the test above would notice a smaller one."""
    engine = PyTorch(text.network, "native", windows=False, bfloat16=False)
    picture = np.random.default_rng(0).standard_normal((1, 3, *SIDES), np.float32)
    right, _ = in_parts(engine, picture, LEAST)
    short = tuple(
        replace(part, halo=max(0, part.halo - part.stride)) for part in engine.parts.parts
    )
    engine.parts = replace(engine.parts, parts=short)
    wrong, _ = in_parts(engine, picture, LEAST)
    assert np.abs(wrong - right).max() > 0.01


@pytest.mark.parametrize("resolution", ["native", "atrous", "unpooled"])
def test_every_resolution_can_be_had_in_parts(digits: Model, resolution: Any) -> None:
    rgb = np.random.default_rng(0).integers(0, 256, (700, 500, 3), np.uint8)
    whole = infer(digits, rgb, resolution=resolution)
    with computing_with(1, LEAST):
        parts = infer(digits, rgb, resolution=resolution)
    assert parts.grid == whole.grid
    np.testing.assert_allclose(parts.maps, whole.maps, atol=1e-4)


@pytest.mark.parametrize("padding", ["zeros", "replicate", "reflect"])
@pytest.mark.parametrize("engine", ["torch", "onnxruntime", "openvino"])
def test_every_padding_and_engine_in_parts(text: Model, padding: Any, engine: Any) -> None:
    rgb = np.random.default_rng(1).integers(0, 256, (401, 307, 3), np.uint8)
    options: dict[str, Any] = {"padding": padding, "engine": engine, "polarity": "inverted"}
    whole = infer(text, rgb, **options)
    with computing_with(1, LEAST):
        parts = infer(text, rgb, **options)
    np.testing.assert_allclose(parts.maps, whole.maps, atol=1e-4)


def test_boxes_are_those_of_the_whole(text: Model) -> None:
    config = read_settings(find_config("text"), Config).config
    image = load(SAMPLES / "newspaper.png")
    results = []
    for memory in (LEAST, 2**40):
        with computing_with(1, memory):
            results.append(localize_image(image, text, config).boxes.items)
    parts, whole = results
    assert len(parts) == len(whole) > 30
    for one, other in zip(parts, whole, strict=True):
        np.testing.assert_allclose(one.polygon, other.polygon, atol=0.11)


@pytest.mark.parametrize("engine", ["torch", "onnxruntime"])
def test_the_last_rows_may_be_padding_alone(text: Model, engine: Any) -> None:
    """200 rows are padded to 256, and the network is shown 64 and some at a time."""
    rgb = np.random.default_rng(1).integers(0, 256, (200, 90, 3), np.uint8)
    whole = infer(text, rgb, padding="zeros", engine=engine)
    with computing_with(1, LEAST):
        parts = infer(text, rgb, padding="zeros", engine=engine)
    np.testing.assert_allclose(parts.maps, whole.maps, atol=1e-4)


class Global(nn.Module):
    """Adds the mean of the picture to each place."""

    def forward(self, x: Tensor) -> Tensor:
        return x + x.mean(dim=(2, 3), keepdim=True)


@pytest.mark.parametrize("layer", [Global(), nn.Conv2d(3, 3, 3)], ids=["global", "smaller maps"])
def test_what_must_see_the_whole_picture_does(layer: nn.Module) -> None:
    features = nn.Sequential(nn.Conv2d(3, 3, 1), layer)
    engine = PyTorch(
        Network(features, nn.Flatten()).eval(), "native", windows=False, bfloat16=False
    )
    assert [part.halo for part in engine.parts.parts] == [WHOLE]
    picture = np.random.default_rng(0).standard_normal((1, 3, 600, 400), np.float32)
    found, calls = in_parts(engine, picture, LEAST)
    assert calls == 1
    with torch.inference_mode():
        np.testing.assert_array_equal(found, features(torch.from_numpy(picture))[0].numpy())


def test_memory_decides_about_windows_and_nothing_else_does(text: Model) -> None:
    parts = PyTorch(text.network, "native", windows=False, bfloat16=False).parts
    sides = 3008, 4032
    for memory in (2**26, 2**27, 2**28, 2**29, 2**32):
        plan = planned(parts, *sides, memory)
        least = planned(parts, *sides, LEAST)
        assert plan.memory <= memory or plan == least
        assert planned(parts, *sides, memory) == plan
    assert planned(parts, *sides, 2**40).windows == (sides,) * len(parts.parts)
    # Height costs nothing once there are parts.
    assert (
        planned(parts, 64 * 1000, 4032, LEAST).memory
        == planned(parts, 64 * 500, 4032, LEAST).memory
    )


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="peak memory is read from /proc")
def test_twelve_megapixels_keep_to_the_plan() -> None:
    program = (
        "import re, numpy as np\n"
        "from pathlib import Path\n"
        "from locpipe.pipeline.workers.machine import reuse_freed_memory\n"
        "from locpipe.stages.engines.choice import Way\n"
        "from locpipe.stages.heatmap import weigher\n"
        "from locpipe.stages.infer import infer, bytes_needed\n"
        "from locpipe.stages.models.loading import find_model, load_model\n"
        "reuse_freed_memory()\n"
        "def peak():\n"
        "    status = Path('/proc/self/status').read_text()\n"
        "    return 1024 * int(re.search(r'VmHWM:\\s+(\\d+)', status)[1])\n"
        "model = load_model(find_model('text'))\n"
        "how = dict(padding='zeros', engine='onnxruntime')\n"
        "weigh = weigher(model, ['text'], ('native', 'normal', 1.0))\n"
        "infer(model, np.zeros((64, 64, 3), np.uint8), weigh=weigh, **how)\n"
        "rgb = np.full((3000, 4000, 3), 200, np.uint8)\n"
        "before = peak()\n"
        "infer(model, rgb, weigh=weigh, **how)\n"
        "print(peak() - before, *bytes_needed(model, 4000, 3000, Way('onnxruntime'), padding='zeros', labels=1))\n"
    )
    printed = subprocess.run(
        [sys.executable, "-c", program], check=True, capture_output=True, text=True
    ).stdout
    taken, planned_bytes, left = map(int, re.findall(r"\d+", printed))
    assert left == 3008 // 4 * 4032 // 4 * 4
    assert taken - left <= planned_bytes <= 2**28
