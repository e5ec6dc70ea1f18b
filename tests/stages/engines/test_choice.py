"""Which engine runs a network, and that all give the same."""

import logging
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from sockets import SocketGuard

from locpipe.pipeline.config.file import find_config, read_settings
from locpipe.pipeline.config.sections import Config
from locpipe.stages.engines import choice
from locpipe.stages.engines.choice import Way, engine_used, opened
from locpipe.stages.errors import ConfigError, ModelError
from locpipe.stages.infer import infer
from locpipe.stages.load import load
from locpipe.stages.localize import localize_image
from locpipe.stages.models.loading import Model, find_model, load_model
from locpipe.stages.settings import InferEngineName, Precision, Resolution

COPIED: tuple[InferEngineName, ...] = ("onnxruntime", "openvino")
SAMPLES = Path(__file__).resolve().parents[3] / "data" / "samples"


@pytest.fixture(scope="module")
def text() -> Model:
    return load_model(find_model("text"))


@pytest.fixture
def unshipped(digits: Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Model:
    """A model without an ONNX file beside it, and an empty cache."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    network, card = digits.network, digits.card.model_copy(update={"files": {}})
    return replace(digits, card=card, exported=None, get_network=lambda: network)


def kept(tmp_path: Path) -> list[Path]:
    return sorted((tmp_path / "cache").rglob("*.zip"))


@pytest.mark.parametrize(
    ("name", "size"),
    [("text", (1, 1)), ("text", (65, 400)), ("text", (300, 200)), ("text-large", (65, 200))],
)
def test_the_file_that_ships_gives_what_the_weights_give(
    name: str, photo: NDArray[np.uint8], size: tuple[int, int]
) -> None:
    model = load_model(find_model(name))
    rgb = np.resize(photo, (*size, 3))
    exact = infer(model, rgb, engine="torch", padding="zeros")
    for engine in COPIED:
        found = infer(model, rgb, engine=engine, padding="zeros")
        assert found.grid == exact.grid
        np.testing.assert_allclose(found.maps, exact.maps, atol=2e-5)


@pytest.mark.parametrize("resolution", ["native", "atrous", "unpooled"])
def test_a_network_is_exported_once_for_all_engines(
    unshipped: Model, photo: NDArray[np.uint8], tmp_path: Path, resolution: Resolution
) -> None:
    exact = infer(unshipped, photo, resolution=resolution)
    found = infer(unshipped, photo, resolution=resolution, engine="onnxruntime")
    np.testing.assert_allclose(found.maps, exact.maps, atol=2e-5)
    (file,) = kept(tmp_path)
    written = file.stat().st_mtime_ns
    again = replace(unshipped, get_network=lambda: unshipped.network)
    for engine in COPIED:
        found = infer(again, photo, resolution=resolution, engine=engine)
        np.testing.assert_allclose(found.maps, exact.maps, atol=2e-5)
    assert file.stat().st_mtime_ns == written


def test_a_damaged_export_is_made_again(
    unshipped: Model, photo: NDArray[np.uint8], tmp_path: Path
) -> None:
    exact = infer(unshipped, photo, engine="onnxruntime")
    (file,) = kept(tmp_path)
    file.write_bytes(file.read_bytes()[:1000])
    again = replace(unshipped, get_network=lambda: unshipped.network)
    found = infer(again, photo, engine="onnxruntime")
    np.testing.assert_array_equal(found.maps, exact.maps)
    assert file.stat().st_size > 1000


def test_where_nothing_can_be_kept_the_export_serves_this_process(
    unshipped: Model, photo: NDArray[np.uint8], tmp_path: Path
) -> None:
    (tmp_path / "cache").write_text("no folder")
    found = infer(unshipped, photo, engine="onnxruntime")
    np.testing.assert_allclose(found.maps, infer(unshipped, photo).maps, atol=2e-5)


def test_auto_is_a_rule(
    text: Model, unshipped: Model, processor: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    def auto(model: Model, precision: Precision = "bfloat16", *, windows: bool = False) -> str:
        return engine_used(model.card, Way("auto", precision, windows=windows))

    processor(bfloat16=False)
    assert auto(text) == auto(unshipped) == "onnxruntime"
    assert auto(text, windows=True) == "torch"
    monkeypatch.setattr(choice, "find_spec", lambda name: None if name == "onnx" else name)
    assert (auto(text), auto(unshipped)) == ("onnxruntime", "torch")
    monkeypatch.setattr(choice, "find_spec", lambda _: None)
    assert auto(text) == "torch"
    monkeypatch.undo()
    processor(bfloat16=True)
    assert (auto(text), auto(text, "float32")) == ("torch", "onnxruntime")
    assert engine_used(text.card, Way("openvino", "bfloat16")) == "openvino"


def test_asked_for_by_name_it_says_why_it_cannot(
    text: Model, unshipped: Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(ConfigError, match=r"infer.engine: onnxruntime .* text: .*heatmap.weights"):
        engine_used(text.card, Way("onnxruntime", windows=True))
    monkeypatch.setattr(choice, "find_spec", lambda name: None if name == "onnx" else name)
    with pytest.raises(ConfigError, match=r"pip install 'locpipe\[onnx\]', or set infer.engine"):
        engine_used(unshipped.card, Way("onnxruntime"))
    monkeypatch.setattr(choice, "find_spec", lambda _: None)
    with pytest.raises(
        ConfigError, match=r"openvino .*not installed; pip install 'locpipe\[openvino\]'"
    ):
        engine_used(text.card, Way("openvino"))


def test_what_cannot_be_exported_runs_in_torch_under_auto_with_a_line(
    unshipped: Model, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def refuses(*_: object) -> None:
        msg = "ONNX has no such operation"
        raise RuntimeError(msg)

    monkeypatch.setattr("locpipe.stages.engines.export.export", refuses)
    with caplog.at_level(logging.WARNING):
        engine = opened(unshipped, Way("auto"), 1)
    assert type(engine).__name__ == "PyTorch"
    assert "ONNX has no such operation); set infer.engine=torch; PyTorch runs it" in caplog.text
    with pytest.raises(ModelError, match="no such operation"):
        opened(unshipped, Way("onnxruntime"), 1)


def test_boxes_are_the_same_whatever_runs_the_network(text: Model) -> None:
    image = load(SAMPLES / "newspaper.png")
    config = read_settings(find_config("text"), Config).config
    found = []
    for engine in ("torch", *COPIED):
        changes = {"engine": engine, "precision": "float32", "enlarge_to": None}
        changed = config.model_copy(update={"infer": config.infer.model_copy(update=changes)})
        found.append(localize_image(image, text, changed).boxes.items)
    exact, *others = found
    assert len(exact) > 5
    for boxes in others:
        for one, other in zip(exact, boxes, strict=True):
            np.testing.assert_allclose(one.polygon, other.polygon, atol=0.1)
            assert one.score == pytest.approx(other.score, abs=1e-3)


REPORTS = """
import pathlib
pathlib.Path(__file__).with_name("reported").touch()
"""


@pytest.mark.parametrize("engine", COPIED)
def test_without_torch_and_without_a_word_to_their_makers(tmp_path: Path, engine: str) -> None:
    """In a process of its own: no torch, and neither what switches reports off nor a guard may miss."""
    Image.open(SAMPLES / "coffee.png").resize((150, 100)).save(tmp_path / "coffee.png")
    reporter = tmp_path / "openvino_telemetry"  # as if it were installed beside OpenVINO
    reporter.mkdir()
    (reporter / "__init__.py").write_text(REPORTS)
    program = (
        "import os, sys, locpipe\n"
        f"settings = {{'infer.engine': {engine!r}}}\n"
        f"found = locpipe.localize({str(tmp_path / 'coffee.png')!r}, 'text', settings=settings)\n"
        f"print('torch' in sys.modules, {engine!r} in sys.modules)\n"
        "print(os.environ.get('ORT_DISABLE_TELEMETRY'))\n"
    )
    guard = SocketGuard(tmp_path)
    environment = {**guard.environment(), "PYTHONPATH": str(tmp_path)}
    environment.pop("ORT_DISABLE_TELEMETRY", None)
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        check=True,
        env=environment,
    )
    silenced = {"onnxruntime": "1", "openvino": "None"}
    assert done.stdout.split() == ["False", "True", silenced[engine]]
    assert not (reporter / "reported").exists()
    assert guard.attempts() == []
