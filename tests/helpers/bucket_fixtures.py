"""Shared by tests of buckets: a server, a proxy before it, pictures, and runs."""

import io
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from bucket_server import BucketServer, bucket_server
from PIL import Image
from troubled import Proxy, proxied

from locpipe.pipeline.config.file import find_config, parse_assignment, read_settings
from locpipe.pipeline.config.sections import Config
from locpipe.pipeline.export.write import RunExports
from locpipe.pipeline.run.options import Options
from locpipe.pipeline.run.run import execute
from locpipe.pipeline.storage import buckets

EXPORTED = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache", "locpipe", "exported")
Machine = Callable[[], None]
ODD = ["a b.png", "100%.png", "a%20b.png", "a+b.png", "a#b.png", "a?b.png", "é 漢.png", "q'\"&<>*[1]~.png"]  # fmt: skip


def png(shade: int) -> bytes:
    stream = io.BytesIO()
    Image.new("RGB", (64, 64), (shade, 3, 9)).save(stream, "PNG")
    return stream.getvalue()


@pytest.fixture(scope="module")
def server() -> Iterator[BucketServer]:
    with bucket_server() as running:
        yield running


@pytest.fixture
def at_server(server: BucketServer, monkeypatch: pytest.MonkeyPatch) -> BucketServer:
    use(monkeypatch, server.environment())
    return server


@pytest.fixture
def proxy(server: BucketServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[Proxy]:
    with proxied(server.port) as between:
        use(monkeypatch, server.environment(between.port))
        yield between


def use(monkeypatch: pytest.MonkeyPatch, environment: dict[str, str]) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    buckets._store.cache_clear()


def run(source: str | Path, output: str | Path, *settings: str, **options: Any) -> dict[str, Any]:
    """Run `digits` in this process on a source, and return the content of run.json."""
    paths = (f"input.path={source}", f"output.path={output}")
    given = [parse_assignment(text) for text in (*paths, "run.workers=0", *settings)]
    config = read_settings(find_config("digits"), Config, given).config
    return execute(config, Options(**options), RunExports)


def counts(report: dict[str, Any]) -> dict[str, int]:
    return {name: count for name, count in report["counts"].items() if count}


def boxes(output: Path) -> set[str]:
    files = (output / "boxes").rglob("*.json")
    return {str(file.relative_to(output / "boxes")).removesuffix(".json") for file in files}


@pytest.fixture(autouse=True)
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    """Simulate a separate machine; each call changes to another machine."""
    numbers = iter(range(9))

    def change() -> None:
        cache = tmp_path / f"machine-{next(numbers)}"
        (cache / "locpipe").mkdir(parents=True)
        (cache / "locpipe" / "exported").symlink_to(
            EXPORTED
        )  # networks, which take seconds to export
        monkeypatch.setenv("XDG_CACHE_HOME", str(cache))

    EXPORTED.mkdir(parents=True, exist_ok=True)
    change()
    return change


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    folder = tmp_path / "photos"
    (folder / "sub").mkdir(parents=True)
    for name, shade in {"a.png": 10, "sub/b.png": 90, "sub/c.png": 200}.items():
        (folder / name).write_bytes(png(shade))
    return folder
