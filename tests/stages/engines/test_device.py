"""What computes on a graphics card, with this processor in its place: it runs, fails and is full."""

import logging
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import nn

from locpipe.pipeline.config.file import find_config, read_settings
from locpipe.pipeline.config.sections import Config
from locpipe.stages.engines import attempts, choice, pytorch
from locpipe.stages.engines.choice import Way, device_used, engine_used
from locpipe.stages.engines.pytorch import PyTorch
from locpipe.stages.errors import ConfigError, ModelError
from locpipe.stages.infer import infer
from locpipe.stages.localize import open_engine
from locpipe.stages.models.loading import Model, find_model, load_model
from locpipe.stages.precision import precision_used
from locpipe.stages.settings import PrecisionChoice

Refuse = Callable[[int], list[str]]


@pytest.fixture
def text() -> Model:
    """A model of its own for each test, as engines are kept with it."""
    model = load_model(find_model("text"))
    network = model.network
    return replace(model, get_network=lambda: network)


@pytest.fixture
def card(monkeypatch: pytest.MonkeyPatch) -> None:
    """A graphics card that is this processor."""
    monkeypatch.setattr(choice, "has_driver", lambda: True)
    monkeypatch.setattr(pytorch, "sees_cuda", lambda: True)
    monkeypatch.setattr(pytorch, "_device_of", lambda _: torch.device("cpu"))
    attempts._tell_once.cache_clear()


@pytest.fixture
def refuse(monkeypatch: pytest.MonkeyPatch) -> Refuse:
    """Have the card run out of memory for windows of more than so many values, and say who computes."""
    whole = PyTorch._compute

    def beyond(most: int) -> list[str]:
        by: list[str] = []

        def compute(self: PyTorch, number: int, inputs: list[NDArray[np.float32]]) -> object:
            if self.device == "cuda" and inputs[0].size > most:
                raise torch.cuda.OutOfMemoryError
            by.append(self.device)
            return whole(self, number, inputs)

        monkeypatch.setattr(PyTorch, "_compute", compute)
        return by

    return beyond


def test_without_a_card_auto_is_the_processor_and_cuda_an_error(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(choice, "has_driver", lambda: False)
    monkeypatch.setattr(pytorch, "sees_cuda", lambda: False)
    assert device_used("auto", "auto") == device_used("cpu", "torch") == "cpu"
    with pytest.raises(ConfigError, match=r"infer.device: .*set infer.device=cpu"):
        device_used("cuda", "torch")


@pytest.mark.usefixtures("card")
def test_with_a_card_auto_is_torch_on_it(text: Model) -> None:
    config = read_settings(find_config("text"), Config).config
    assert device_used("auto", "auto") == device_used("auto", "torch") == "cuda"
    assert device_used("auto", "onnxruntime") == device_used("cpu", "auto") == "cpu"
    assert open_engine(text, config, 1) == "torch on cuda"
    with pytest.raises(ConfigError, match=r"infer.device: cuda is for PyTorch, not for openvino"):
        engine_used(text.card, Way("openvino", device="cuda"))


@pytest.mark.usefixtures("card")
def test_a_card_gives_the_maps_of_the_processor_in_half_precision_nearly(
    text: Model, photo: NDArray[np.uint8]
) -> None:
    exact = infer(text, photo, padding="zeros")
    found = infer(text, photo, padding="zeros", engine="auto", device="auto")
    assert found.grid == exact.grid
    np.testing.assert_allclose(found.maps, exact.maps, atol=1e-5)
    choices: tuple[PrecisionChoice, ...] = ("auto", "bfloat16")
    for precision in choices:
        half = infer(text, photo, padding="zeros", device="cuda", precision=precision)
        assert 0 < np.abs(half.maps - exact.maps).max() < 0.02 * exact.maps.max()


def test_auto_is_float32_on_every_processor(processor: Callable[..., None]) -> None:
    processor(bfloat16=True)
    assert precision_used("auto") == precision_used("float32") == "float32"
    assert precision_used("bfloat16") == "bfloat16"
    processor(bfloat16=False)
    assert precision_used("bfloat16") == "float32"


@pytest.mark.usefixtures("card")
def test_no_layer_leaves_the_range_of_half_precision(text: Model, photo: NDArray[np.uint8]) -> None:
    largest: list[float] = []

    def see(_: nn.Module, __: object, given: object) -> None:
        if isinstance(given, torch.Tensor):
            largest.append(float(given.abs().max()))

    hooks = [module.register_forward_hook(see) for module in text.network.features.modules()]
    with torch.inference_mode():
        text.network.features(
            torch.from_numpy(photo[:64, :64] / 64 - 2).float().permute(2, 0, 1)[None]
        )
    for hook in hooks:
        hook.remove()
    assert 0 < max(largest) < np.finfo(np.float16).max / 100


@pytest.mark.usefixtures("card")
@pytest.mark.parametrize(
    ("most", "device", "calls", "lines"),
    [(10**6, "cuda", 9, 0), (400_000, "cuda", 10, 1), (0, "cpu", 9, 1)],
    ids=["enough", "smaller parts", "none"],
)
def test_a_full_card_is_shown_smaller_parts_and_then_the_processor_computes(
    text: Model,
    photo: NDArray[np.uint8],
    refuse: Refuse,
    caplog: pytest.LogCaptureFixture,
    most: int,
    device: str,
    calls: int,
    lines: int,
) -> None:
    picture = np.resize(photo, (256, 640, 3))
    exact = infer(text, picture, padding="zeros")
    infer(text, photo, padding="zeros", device="cuda")  # opens it
    by = refuse(most)
    with caplog.at_level(logging.WARNING):
        for _ in range(2):
            by.clear()
            found = infer(text, picture, padding="zeros", device="cuda")
            np.testing.assert_allclose(found.maps, exact.maps, atol=1e-4)
            assert set(by) == {device}
            assert len(by) >= calls
    assert caplog.text.count("too little memory") == lines


@pytest.mark.usefixtures("card")
def test_a_card_that_cannot_compute_is_told_and_left_alone(
    text: Model,
    photo: NDArray[np.uint8],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    def broken(*_: object) -> None:
        msg = "no kernel image is available"
        raise RuntimeError(msg)

    monkeypatch.setattr(PyTorch, "_try", broken)
    exact = infer(text, photo, padding="zeros")
    with caplog.at_level(logging.WARNING):
        found = infer(text, photo, padding="zeros", device="auto")
    np.testing.assert_array_equal(found.maps, exact.maps)
    assert caplog.text.count("no kernel image is available); the processor runs it") == 1
    with pytest.raises(ModelError, match=r"set infer.device=cpu"):
        infer(text, photo, padding="zeros", device="cuda")
