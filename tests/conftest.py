"""What all tests share: a quick config, small pictures, ways to run, and one check of all JSON."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Generator, Iterator
from importlib.resources import files
from pathlib import Path
from typing import Any, Protocol

import hypothesis
import numpy as np
import pytest
from jsonschema.validators import validator_for
from PIL import Image
from skimage import data

from locpipe.pipeline.config.file import find_config, parse_assignment, read_settings
from locpipe.pipeline.config.sections import Config, InputConfig, OutputConfig, RunConfig
from locpipe.pipeline.export.write import RunExports
from locpipe.pipeline.run.options import Options
from locpipe.pipeline.run.run import execute
from locpipe.stages.settings import HeatmapSettings, ThresholdSettings

# Several tests run at a time: threads of one would only wait for those of the others.
os.environ.setdefault("OMP_NUM_THREADS", "1")

# A shell that runs us in the background has us ignore Ctrl-C, and so would all we start.
signal.signal(signal.SIGINT, signal.default_int_handler)

# How long an example takes says how busy the machine is.
hypothesis.settings.register_profile("locpipe", deadline=None)
hypothesis.settings.load_profile("locpipe")

SCHEMAS = {
    schema["$id"]: validator_for(schema)(schema)
    for file in files("locpipe.pipeline.output").joinpath("schemas").iterdir()
    if "boxes" in file.name and (schema := json.loads(file.read_text()))
}
"""What checks a box JSON, by the schema that it names."""


class RunLocpipe(Protocol):
    """Starts the command line in a process of its own."""

    def __call__(self, *arguments: str | Path, cwd: Path | None = None) -> subprocess.CompletedProcess[str]: ...  # fmt: skip


class StartLocpipe(Protocol):
    """The same, without waiting for its end; it leads a process group of its own."""

    def __call__(self, *arguments: str | Path) -> subprocess.Popen[str]: ...


class SetProcessor(Protocol):
    """Has the tests run as on a processor with bfloat16, or without; torch emulates what lacks."""

    def __call__(self, *, bfloat16: bool) -> None: ...


class RunHere(Protocol):
    """Runs pictures into an output, with settings as for `--set`; returns the report."""

    def __call__(self, pictures: Path, output: Path, *settings: str) -> dict[str, Any]: ...


def may_be_skipped(reason: str, system: str = sys.platform) -> bool:
    elsewhere = () if system == "linux" else ("Linux", "glibc", "/proc", "file system")
    return any(word in reason for word in ("LOCPIPE_DATA", "may not mount", *elsewhere))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """In CI a test whose tool is missing fails; data sets, rights and Linux may be missing anywhere."""
    report = yield
    if report.skipped and os.environ.get("CI") and not may_be_skipped(str(report.longrepr)):
        report.outcome = "failed"
        report.longrepr = f"skipped, which CI does not allow: {report.longrepr}"
    return report


@pytest.fixture(autouse=True)
def every_box_json_fits_the_published_schema(tmp_path: Path) -> Iterator[None]:
    yield
    for file in tmp_path.rglob("boxes/**/*.json"):
        document = json.loads(file.read_bytes())
        SCHEMAS[document["schema"]].validate(document)


@pytest.fixture(scope="session")
def photographs() -> dict[str, np.ndarray]:
    """Photographs that scikit-image ships."""
    return {
        "coffee": data.coffee(),
        "camera": data.camera(),
        "text": data.text(),
        "page": data.page(),
        "coins": data.coins(),
        "clock": data.clock(),
    }


@pytest.fixture
def pictures(tmp_path: Path, photographs: dict[str, np.ndarray]) -> Path:
    """A folder with two levels and four small pictures."""
    folder = tmp_path / "pictures"
    (folder / "signs").mkdir(parents=True)
    Image.fromarray(photographs["coffee"]).resize((300, 200)).save(folder / "coffee.jpg")
    Image.fromarray(photographs["text"]).save(folder / "signs" / "text.PNG")
    Image.fromarray(photographs["page"]).save(folder / "page.webp", lossless=True)
    Image.fromarray(photographs["camera"]).resize((96, 160)).save(folder / "signs" / "camera.bmp")
    return folder


@pytest.fixture
def config(pictures: Path, tmp_path: Path) -> Config:
    """The paper's settings on `pictures`, in this process, into `tmp_path / "out"`."""
    return Config(
        model="digits",
        input=InputConfig(path=pictures),
        output=OutputConfig(path=tmp_path / "out"),
        heatmap=HeatmapSettings(weights="paper", normalize="minmax", labels=("text",)),
        threshold=ThresholdSettings(method="mean_std"),
        run=RunConfig(workers=0),
    )


@pytest.fixture
def processor(monkeypatch: pytest.MonkeyPatch) -> SetProcessor:
    """Both kinds of processor on either, and no `LOCPIPE_PRECISION`."""
    monkeypatch.delenv("LOCPIPE_PRECISION", raising=False)

    def be(*, bfloat16: bool) -> None:
        flags = frozenset({"avx512_bf16"} if bfloat16 else ())
        monkeypatch.setattr("locpipe.stages.precision.processor_flags", lambda: flags)

    return be


@pytest.fixture(scope="session")
def run_digits() -> RunHere:
    """Runs the shipped config in the process of the tests, which has torch loaded already."""

    def run(pictures: Path, output: Path, *settings: str) -> dict[str, Any]:
        paths = (f"input.path={pictures}", f"output.path={output}")
        given = [parse_assignment(text) for text in (*paths, "run.workers=0", *settings)]
        config = read_settings(find_config("digits"), Config, given).config
        return execute(config, Options(argv=("locpipe", "run", "digits")), RunExports)

    return run


def command(arguments: tuple[str | Path, ...]) -> list[str]:
    return [sys.executable, "-m", "locpipe", *map(str, arguments)]


@pytest.fixture(scope="session")
def locpipe() -> RunLocpipe:
    def run(*arguments: str | Path, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command(arguments), cwd=cwd, capture_output=True, text=True, check=False, timeout=600
        )

    return run


@pytest.fixture
def start_locpipe() -> Iterator[StartLocpipe]:
    started: list[subprocess.Popen[str]] = []

    def start(*arguments: str | Path) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            command(arguments),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        started.append(process)
        return process

    yield start
    for process in started:
        with process:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)


@pytest.fixture(scope="session")
def tree() -> Callable[[Path], dict[str, bytes]]:
    """All results below a folder, without what differs from run to run."""

    def read(output: Path) -> dict[str, bytes]:
        return {
            str(file.relative_to(output)): file.read_bytes()
            for file in sorted(output.rglob("*"))
            if file.is_file() and ".locpipe" not in file.parts and file.name != "run.json"
        }

    return read
