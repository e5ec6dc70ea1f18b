"""CPU and memory of the parent process for many real files: a new run, a done run, a resumed run.

    python benchmarks/many_files.py [--pictures 200000] [--real 300] [--folder /dev/shm]

The pictures are tiny JPEGs: hard links, in folders of a thousand. `--real` of them are really run, in both layouts.
These give the bytes and objects per picture. Their rows and results are copied for all other pictures: each
picture gets a row in the state. In the layout `files` it also gets links to a box JSON and to a mask. Writes
results/many_files.md. Needs Linux.
"""

import argparse
import shutil
import tempfile
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import Final

from many_rows import measured_with
from PIL import Image

from locpipe.pipeline.config.file import find_config, parse_assignment, read_settings
from locpipe.pipeline.config.sections import Config
from locpipe.pipeline.output.layout import KINDS, prepare_folders, prepare_output
from locpipe.pipeline.run.options import Options
from locpipe.pipeline.run.preflight import preflight
from locpipe.pipeline.run.state import State
from locpipe.pipeline.sources.results import RUN_REPORT

REPORT: Final = Path(__file__).parent / "results" / "many_files.md"
ROW: Final = "INSERT INTO pictures VALUES (?, ?, ?, ?, ?, ?, 'done', 1, 0, 1, NULL, NULL, NULL, '')"
LAYOUTS: Final = ("files", "shards")
WRITTEN: Final = ("boxes", "masks")


def name_of(number: int) -> str:
    """The name of a picture; each folder has a thousand pictures."""
    return f"{number // 1000:04}/{number % 1000:03}.jpg"


def link(source: Path, folder: Path, names: Iterator[str]) -> None:
    """Make links to a file."""
    for name in names:
        place = folder / name
        if name.split("/")[1].startswith("000"):
            place.parent.mkdir(parents=True, exist_ok=True)
        place.hardlink_to(source)


def settings(folder: Path, layout: str) -> list[str]:
    """The settings of a run."""
    output = f"output.path={folder / layout}"
    return [f"input.path={folder / 'in'}", output, f"output.layout={layout}", "output.overlays=false", "run.workers=0"]  # fmt: skip


def make_done(folder: Path, layout: str, pictures: int, *, part: float) -> None:
    """Write a state that calls this part of the pictures done; in the layout `files`, results too."""
    output = folder / layout
    report = (output / RUN_REPORT).read_bytes()  # without it, a run first loads the network
    shutil.rmtree(output)
    given = [parse_assignment(text) for text in settings(folder, layout)]
    config = read_settings(find_config("digits"), Config, given).config
    terms = preflight(config, Options()).terms
    prepare_output(output)
    prepare_folders(config.output)
    (output / RUN_REPORT).write_bytes(report)
    status = (folder / "one.jpg").stat()
    count = int(part * pictures)
    same = (status.st_size, status.st_mtime_ns, "0" * 64, terms.config_sha256, terms.model_sha256)
    with State(output) as state:
        state.begin()
        state._db.executemany(ROW, ((name_of(n).encode(), *same) for n in range(count)))  # noqa: SLF001 - recording so many outcomes would take hours
        if part == 1:
            state.finish()
    for kind in WRITTEN if layout == "files" else ():
        names = (f"{name_of(n)}{KINDS[kind]}" for n in range(count))
        link(folder / "one.jpg", output / kind, names)


def size_of(output: Path, real: int) -> str:
    """Return bytes and objects per picture of a run, as cells of a table."""
    files = [each for each in output.rglob("*") if each.is_file() and ".locpipe" not in each.parts]
    results = [each for each in files if each.parent != output]
    state = (output / ".locpipe" / "state.sqlite").stat().st_size
    taken = sum(each.stat().st_size for each in results)
    return f"{taken / real:.0f} | {state / real:.0f} | {len(results) / real:.3f}"


def main() -> None:
    """Make the files, measure the runs, and write the report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pictures", type=int, default=200_000)
    parser.add_argument("--real", type=int, default=300)
    parser.add_argument("--folder", default="/dev/shm")  # noqa: S108 - memory is as quick as a cache
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=given.folder) as name:
        folder = Path(name)
        lines = []
        for line in chain(_head(given.pictures), _rows(folder, given.pictures, given.real)):
            print(line, flush=True)
            lines.append(line)
    REPORT.write_text("\n".join(lines))


def _head(pictures: int) -> list[str]:
    return ["# Many real files", "", f"`python benchmarks/many_files.py --pictures {pictures}`", ""]


def _rows(folder: Path, pictures: int, real: int) -> Iterator[str]:
    one = folder / "one.jpg"
    Image.effect_noise((16, 16), 90).save(one)
    link(one, folder / "in", map(name_of, range(pictures)))
    yield f"{real} of these pictures, of 16 x 16 pixels, were run for real."
    yield ""
    yield "| layout | bytes of results per picture | bytes of state | files per picture |"
    yield "|---|---|---|---|"
    for layout in LAYOUTS:
        measured_with(settings(folder, layout), "--limit", str(real))
        yield f"| {layout} | {size_of(folder / layout, real)} |"
    yield ""
    yield f"The parent, of {pictures} pictures:"
    yield ""
    yield "| layout, run | CPU s | µs per picture | MiB |"
    yield "|---|---|---|---|"
    for layout in LAYOUTS:
        for what, part in (("planned anew", 0.0), ("resumed, half is done", 0.5), ("all done", 1.0)):  # fmt: skip
            make_done(folder, layout, pictures, part=part)
            words = settings(folder, layout)
            cpu, memory, _ = measured_with(words, *(("--limit", "0") if part < 1 else ()))
            yield f"| {layout}, {what} | {cpu:.1f} | {1e6 * cpu / pictures:.1f} | {memory:.0f} |"
    yield ""


if __name__ == "__main__":
    main()
