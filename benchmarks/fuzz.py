"""Fuzzes the readers of foreign files: pictures, configs, ground truth and box JSON.

    python benchmarks/fuzz.py [--minutes 10]

Atheris (`pip install atheris`) makes inputs that reach further into each reader, so many minutes per
reader. What a reader may raise is its own error; anything else is a finding. A finding is kept, and the
search goes on. Writes results/fuzz.md. Needs Linux.
"""

import argparse
import json
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from commands import keep
from mutated_files import real_files

from locpipe.pipeline.config.file import CONFIGS, read_settings, show_settings
from locpipe.pipeline.config.sections import Config
from locpipe.pipeline.evaluation.truth import read_truth
from locpipe.pipeline.output.box_json import box_document, boxes_dropped, read_page
from locpipe.stages.errors import ConfigError, ImageError
from locpipe.stages.load import load, probe

HERE: Final = Path(__file__).resolve().parent
REPORT: Final = HERE / "results" / "fuzz.md"
PROGRAM: Final = """
import sys
import atheris
with atheris.instrument_imports(include=["locpipe", "PIL", "yaml"]):
    import fuzz
fuzz.work(sys.argv[1], sys.argv[2:])
"""
"""What counts the branches of a module must see it as it is imported."""
LARGEST: Final = 4096
"""Most bytes of an input."""
MEGAPIXELS: Final = 1.0


def fuzz_load(file: Path) -> None:
    """Decode a picture."""
    with suppress(ImageError):
        probe(file)
        load(file, max_megapixels=MEGAPIXELS)


def fuzz_config(file: Path) -> None:
    """Read a config, and show it."""
    with suppress(ConfigError):
        show_settings(read_settings(file, Config))


def fuzz_truth(file: Path) -> None:
    """Read ground truth."""
    with suppress(ConfigError):
        read_truth(file)


def fuzz_boxes(file: Path) -> None:
    """Read a box JSON, and write it again."""
    try:
        page = read_page(file)
    except ConfigError:
        return
    json.dumps(box_document(page, dropped=boxes_dropped(page)), allow_nan=False)


TARGETS: Final[dict[str, Callable[[Path], None]]] = {
    "load": fuzz_load,
    "config": fuzz_config,
    "truth": fuzz_truth,
    "boxes": fuzz_boxes,
}


def seeds(target: str) -> list[bytes]:
    """Return valid inputs of a reader."""
    if target == "load":
        return [content for content in real_files().values() if len(content) <= LARGEST]
    if target == "config":
        return [file.read_bytes() for file in CONFIGS.glob("*.yaml")]
    if target == "truth":
        return ["1,2,30,2,30,40,1,40,a word, ###\n\ufeff\n0,0,1,0,1,1,0,1,###\n".encode()]
    box = {"label": "text", "score": 0.9, "rect": [1, 2, 30, 40], "line": 0, "class": "7",
           "polygon": [[1, 2], [30, 2], [30, 40], [1, 40]], "probability": 0.5}  # fmt: skip
    image = {"path": "a.png", "page": 1, "width": 40, "height": 50, "exif_orientation": 1,
             "stored_width": 40, "stored_height": 50, "sha256": "0"}  # fmt: skip
    maker = {"model": "m", "model_sha256": "0", "config_sha256": "1"}
    page = {"image": image, "made_by": maker, "labels": ["text"], "boxes": [box]}
    warned = {"warnings": ["1 of 3 boxes are kept; raise boxes.max to see all"]}
    return [
        json.dumps({"schema": "locpipe/boxes/1", **page}).encode(),
        json.dumps({"schema": "locpipe/boxes/2", **page, **warned}).encode(),
    ]


@dataclass
class Found:
    """The result for a reader.

    Attributes:
        inputs: number of inputs that it got.
        reached: edges of its code and counts of them, as libFuzzer tells them ("cov" and "ft").
        findings: one input per finding, by the last line of the traceback.
    """

    inputs: int = 0
    reached: str = ""
    findings: dict[str, Path] = field(default_factory=dict)


def search(target: str, seconds: float, folder: Path) -> Found:
    """Search for `seconds`, and go on after a finding."""
    inputs, kept = folder / target / "inputs", folder / target / "kept"
    inputs.mkdir(parents=True)
    kept.mkdir()
    for number, seed in enumerate(seeds(target)):
        (inputs / f"{number}").write_bytes(seed)
    found, end = Found(), time.monotonic() + seconds
    while (left := end - time.monotonic()) > 1:
        command = [sys.executable, "-c", PROGRAM, target, f"-max_total_time={left:.0f}"]
        command += [f"-max_len={LARGEST}", f"-artifact_prefix={kept}/", "-timeout=60", str(inputs)]
        done = subprocess.run(
            command, cwd=HERE, capture_output=True, text=True, errors="replace", check=False
        )
        _read(done.stderr + done.stdout, found)
        crashes = [Path(name) for name in re.findall(r"Test unit written to (\S+)", done.stderr)]
        if done.returncode and not crashes:
            sys.exit(f"{target}: {done.stderr}")
        for crash in crashes:
            said = re.findall(
                r"^(\w[\w.]*(?:Error|Exception)\b.*)$", done.stdout + done.stderr, re.MULTILINE
            )
            found.findings.setdefault(said[-1] if said else crash.name, crash)
    return found


def _read(said: str, found: Found) -> None:
    """Add what libFuzzer says of its work, as in `#4096 pulse cov: 71 ft: 80 corp: 5/90b`."""
    told = re.findall(r"#(\d+)\s+\w+\s+cov: (\d+) ft: (\d+)", said)
    if told:
        found.inputs += int(told[-1][0])
        found.reached = f"{told[-1][1]}, {told[-1][2]}"


def work(target: str, arguments: list[str]) -> None:
    """Fuzz a reader in this process, with the arguments of libFuzzer; does not return."""
    import atheris  # type: ignore[import-untyped]  # noqa: PLC0415 - it ships no types, and is used only here

    file = Path(tempfile.mkdtemp(dir="/dev/shm")) / "input"

    def one(data: bytes) -> None:
        file.write_bytes(data)
        if data:
            TARGETS[target](file)

    atheris.Setup([sys.argv[0], *arguments], one)
    atheris.Fuzz()


def report(found: dict[str, Found], minutes: float) -> str:
    """Return the findings as Markdown."""
    lines = [
        "# Readers of files from strangers, fuzzed",
        "",
        f"`python benchmarks/fuzz.py --minutes {minutes:g}`: so many minutes per reader, with Atheris.",
        "",
        "| reader | inputs | reached (edges, features) | findings |",
        "|---|---|---|---|",
    ]
    for name, of in found.items():
        lines.append(f"| {name} | {of.inputs:,} | {of.reached} | {len(of.findings)} |")
    findings = [f"- {name}: `{said[:200]}`" for name, of in found.items() for said in of.findings]
    return "\n".join([*lines, *([""] if findings else []), *findings, ""])


def main() -> None:
    """Fuzz every reader, and write the report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=10.0)
    given = parser.parse_args()
    folder = Path(tempfile.mkdtemp())
    found = {target: search(target, 60 * given.minutes, folder) for target in TARGETS}
    keep(REPORT, report(found, given.minutes))
    if any(of.findings for of in found.values()):
        sys.exit(f"the findings lie in {folder}")
    shutil.rmtree(folder)


if __name__ == "__main__":
    main()
