"""No empty, torn or outdated result is ever done, whatever a loss of power takes."""

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from power_loss import Power, compiler

from locpipe.pipeline.run.state import State

Tree = Callable[[Path], dict[str, bytes]]
RunHere = Callable[..., dict[str, Any]]
PICTURES = 16
PROGRAM = """
from locpipe.pipeline.cli.main import main
from locpipe.pipeline.run import state

state.COMMIT_SECONDS = 0.05  # groups of a few pictures
main()
"""

pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="LD_PRELOAD is of Linux"),
    pytest.mark.skipif(compiler() is None, reason="there is no C compiler"),
]


@pytest.fixture
def many(pictures: Path, tmp_path: Path) -> Path:
    folder = tmp_path / "many"
    for n in range(PICTURES):
        (folder / f"{n % 3}").mkdir(parents=True, exist_ok=True)
        shutil.copy(pictures / "coffee.jpg", folder / f"{n % 3}" / f"{n}.jpg")
    return folder


def killed(power: Power, many: Path, output: Path, finished: int, *settings: str) -> None:
    """Run until so many pictures have new results, then kill; nothing it says matters."""
    given = [part for setting in settings for part in ("--set", setting)]
    run = ("run", "digits", "--input", many, "--output", output, "--workers", "0")
    command = [sys.executable, "-c", PROGRAM, *map(str, run), *given]
    before = {file: file.stat().st_mtime_ns for file in output.rglob("boxes/**/*.json")}
    with subprocess.Popen(
        command, env=power.environment(), stderr=subprocess.DEVNULL, start_new_session=True
    ) as process:
        try:
            deadline = time.monotonic() + 300
            while new_results(output, before) < finished:
                assert process.poll() is None
                assert time.monotonic() < deadline
                time.sleep(0.01)
        finally:
            os.killpg(process.pid, signal.SIGKILL)


def new_results(output: Path, before: dict[Path, int]) -> int:
    found = 0
    for file in output.rglob("boxes/**/*.json"):
        try:
            found += before.get(file) != file.stat().st_mtime_ns
        except FileNotFoundError:
            continue
    return found


def said_to_be_done(output: Path, keys: list[str]) -> Iterator[str]:
    with State(output, read_only=True) as state:
        for key in keys:
            known = state.known(key)
            if known is not None and known.status == "done":
                yield key


def after_the_loss(power: Power, folder: Path) -> Iterator[Path]:
    """The disk as it may be afterwards: with what was synced only, and at random."""
    for seed in (None, 0, 1):
        if folder.exists():
            shutil.rmtree(folder)
        power.lose(folder, None if seed is None else random.Random(seed))
        yield folder / "out"


def test_what_the_state_says_is_done_is_on_the_disk(
    many: Path, tmp_path: Path, run_digits: RunHere, tree: Tree
) -> None:
    run_digits(many, tmp_path / "whole")
    whole = tree(tmp_path / "whole")
    (tmp_path / "disk").mkdir()
    power = Power(tmp_path / "disk", tmp_path / "kept")
    killed(power, many, tmp_path / "disk" / "out", 12)
    keys = sorted(str(file.relative_to(many)) for file in many.rglob("*.jpg"))
    for output in after_the_loss(power, tmp_path / "later"):
        there = tree(output)
        results = {name: there[name] for name in there if name.startswith(("boxes", "masks"))}
        assert results.items() <= whole.items()
        done = list(said_to_be_done(output, keys))
        assert len(done) > 3
        assert {f"boxes/{key}.json" for key in done} <= results.keys()
        assert {f"masks/{key}.png" for key in done} <= results.keys()
        run_digits(many, output)
        assert tree(output) == whole


def test_what_an_earlier_config_left_is_not_taken_for_new(
    many: Path, tmp_path: Path, run_digits: RunHere, tree: Tree
) -> None:
    output = tmp_path / "disk" / "out"
    run_digits(many, output)
    whole = tree(output)
    power = Power(tmp_path / "disk", tmp_path / "kept")
    changed = "threshold.value=0.2", "boxes.fill=true"
    killed(power, many, output, 10, *changed)
    run_digits(many, tmp_path / "other", *changed)
    other = tree(tmp_path / "other")
    assert other != whole
    config = json.loads((tmp_path / "other" / "run.json").read_bytes())["config_sha256"]
    for later in after_the_loss(power, tmp_path / "later"):
        again = shutil.copytree(later, tmp_path / "again", dirs_exist_ok=False)
        run_digits(many, again)
        assert tree(again) == whole
        shutil.rmtree(again)
        assert run_digits(many, later, *changed)["config_sha256"] == config
        assert tree(later) == other


EXPORT = """
import sys
from pathlib import Path
from locpipe.pipeline.export.source import PageSource
from locpipe.pipeline.export.write import export_page
from locpipe.pipeline.output.box_json import read_page
from locpipe.pipeline.output.layout import prepare_output
from locpipe.stages.load import load

box_json, picture, output = map(Path, sys.argv[1:])
prepare_output(output)
source = PageSource(picture, lambda: load(picture).rgb, lambda: None)
for name in ("crops", "hocr", "uzn"):
    export_page(output, name, read_page(box_json), source)
"""


def test_the_last_file_of_an_export_vouches_for_the_others(
    pictures: Path, tmp_path: Path, run_digits: RunHere
) -> None:
    """Nothing else is exported again at the end of a run."""
    (tmp_path / "in").mkdir()
    picture = Path(shutil.copy(pictures / "coffee.jpg", tmp_path / "in"))
    run_digits(tmp_path / "in", tmp_path / "out")
    box_json = tmp_path / "out" / "boxes" / "coffee.jpg.json"
    (tmp_path / "disk").mkdir()
    power = Power(tmp_path / "disk", tmp_path / "kept")
    command = [sys.executable, "-c", EXPORT, str(box_json), str(picture), str(power.root / "out")]
    subprocess.run(command, env=power.environment(), check=True)
    exports = power.root / "out" / "exports"
    files = {file.relative_to(exports) for file in exports.rglob("*") if not file.is_dir()}
    assert len(files) > 6
    vouched = 0
    for seed in range(12):
        later = tmp_path / f"{seed}"
        power.lose(later, random.Random(seed))
        there = {name for name in files if (later / "out" / "exports" / name).is_symlink() or (later / "out" / "exports" / name).exists()}  # fmt: skip
        for name in ("crops/coffee.jpg/crops.jsonl", "hocr/coffee.jpg.hocr", "uzn/coffee.jpg.uzn"):
            if Path(name) in there:
                vouched += 1
                assert {one for one in files if one.parts[0] == Path(name).parts[0]} <= there
    assert vouched > 6
