"""Runs that are stopped or killed, and what the next run makes of it."""

import os
import re
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
from PIL import Image

from locpipe.pipeline.run.status import status, told

Tree = Callable[[Path], dict[str, bytes]]
RunHere = Callable[..., dict[str, Any]]
Start = Callable[..., subprocess.Popen[str]]


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory, photographs: dict[str, np.ndarray]) -> Path:
    """Thirty pictures, two of them damaged."""
    folder = tmp_path_factory.mktemp("many")
    text = Image.fromarray(photographs["text"])
    for n in range(28):
        text.resize((448 + n, 172 + n)).save(folder / f"{n:02}.png")
    (folder / "00-empty.png").touch()
    (folder / "99-empty.png").touch()
    return folder


@pytest.fixture(scope="module")
def whole(
    many: Path, tmp_path_factory: pytest.TempPathFactory, run_digits: RunHere, tree: Tree
) -> dict[str, bytes]:
    """What a run that nobody disturbs writes."""
    output = tmp_path_factory.mktemp("whole")
    assert run_digits(many, output)["exit_code"] == 3
    return tree(output)


def start(start_locpipe: Start, many: Path, output: Path) -> subprocess.Popen[str]:
    """Start a run and wait until it has written three results."""
    process = start_locpipe("run", "digits", "--input", many, "--output", output, "--workers", "1")
    deadline = time.monotonic() + 300
    while len(list(output.glob("boxes/*.json"))) < 3:
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.01)
    return process


def results(tree: dict[str, bytes]) -> dict[str, bytes]:
    return {name: content for name, content in tree.items() if name != "failures.jsonl"}


def test_killed_at_any_moment_the_next_run_ends_as_if_nothing_had_happened(
    many: Path, whole: dict[str, bytes], tmp_path: Path,
    start_locpipe: Start, run_digits: RunHere, tree: Tree,
) -> None:  # fmt: skip
    process = start(start_locpipe, many, tmp_path)
    assert re.match(r"running: \d+ of 30 pictures \(\d+ %\), ", told(status(tmp_path)))
    workers = psutil.Process(process.pid).children(recursive=True)
    process.kill()
    process.wait()
    assert re.match(r"broken off: after \d+ of 30 pictures ", told(status(tmp_path)))
    _, alive = psutil.wait_procs(workers, timeout=120)
    assert alive == [], "workers end with their parent"
    assert results(tree(tmp_path)).items() < whole.items()

    assert run_digits(many, tmp_path)["exit_code"] == 3
    assert tree(tmp_path) == whole
    assert list((tmp_path / ".locpipe" / "tmp").iterdir()) == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_lets_what_is_in_flight_finish_and_keeps_it(
    number: signal.Signals, many: Path, whole: dict[str, bytes], tmp_path: Path,
    start_locpipe: Start, run_digits: RunHere, tree: Tree,
) -> None:  # fmt: skip
    process = start(start_locpipe, many, tmp_path)
    os.killpg(process.pid, number)  # as a terminal and systemd do: the workers too
    _, said = process.communicate(timeout=300)
    assert process.returncode == 128 + number
    assert "Traceback" not in said
    assert re.search(r"\d+ pictures done", said)
    stopped = tree(tmp_path)
    assert results(stopped).items() < whole.items()
    boxes, masks = ([n for n in stopped if n.startswith(kind)] for kind in ("boxes", "masks"))
    assert len(boxes) == len(masks)

    report = run_digits(many, tmp_path)
    assert report["exit_code"] == 3
    assert report["counts"]["up_to_date"] == len(boxes)
    assert tree(tmp_path) == whole


def test_a_second_signal_leaves_at_once(tmp_path: Path, start_locpipe: Start) -> None:
    endless = tmp_path / "endless.png"
    with endless.open("wb") as file:
        file.truncate(10**12)
    output = tmp_path / "out"
    process = start_locpipe("run", "digits", "--input", endless, "--output", output, "--workers", "1")  # fmt: skip
    deadline = time.monotonic() + 300
    while not list(output.glob(".locpipe/tmp/running-*")):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    process.send_signal(signal.SIGTERM)
    with pytest.raises(subprocess.TimeoutExpired):
        process.wait(1)
    process.send_signal(signal.SIGINT)
    assert process.wait(10) == 130


SLOW = """
import time
from locpipe.pipeline.picture import process
real = process.localize_page
def slow(path, *others):
    time.sleep(0.3)
    return real(path, *others)
process.localize_page = slow
"""


@pytest.mark.parametrize("workers", ["0", "1"])
def test_a_signal_stops_a_file_at_the_next_page_and_the_next_run_goes_on_there(
    workers: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, start_locpipe: Start,
    run_digits: RunHere,
) -> None:  # fmt: skip
    """A hundred pages take half a minute."""
    sheets = [Image.new("L", (90 + n, 60), 255) for n in range(100)]
    sheets[0].save(tmp_path / "book.tif", save_all=True, append_images=sheets[1:])
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "sitecustomize.py").write_text(SLOW)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "site"))
    output = tmp_path / "out"
    process = start_locpipe(
        "run", "digits", "--input", tmp_path / "book.tif", "--output", output, "--workers", workers
    )
    deadline = time.monotonic() + 300
    while len(list(output.glob("boxes/*.json"))) < 3:
        assert process.poll() is None, process.stderr
        assert time.monotonic() < deadline
        time.sleep(0.01)
    process.send_signal(signal.SIGTERM)
    _, said = process.communicate(timeout=300)
    assert process.returncode == 143, said
    before = {file.name: file.stat().st_ino for file in output.glob("boxes/*.json")}
    assert 3 <= len(before) < 50, "it was not waited for the whole file"
    assert not (output / "failures.jsonl").read_text()
    assert list((output / ".locpipe" / "tmp").iterdir()) == []

    report = run_digits(tmp_path / "book.tif", output)
    assert (report["exit_code"], report["counts"]["done"]) == (0, 1)
    after = {file.name: file.stat().st_ino for file in output.glob("boxes/*.json")}
    assert len(after) == 100
    assert before.items() <= after.items(), "pages that were done are kept"
