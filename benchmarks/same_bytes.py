"""Prove that a change of the code leaves every result as it was, byte for byte.

    python benchmarks/same_bytes.py record before --data ../shared/data/text
    python benchmarks/same_bytes.py record after --data ../shared/data/text    # with the new code
    python benchmarks/same_bytes.py compare before after
    python benchmarks/same_bytes.py boxes before after    # how far corners moved

A record holds the files that every shipped config makes from data/samples and from 40 photographs of
three data sets. These are files of every kind: results, exports, texts read, scores, figures. The program
runs the `locpipe` of its own interpreter, and imports none of it. Some keys say nothing of a result; they
are dropped before two records are compared (`DROPPED` in `same_bytes_files.py`). A record needs 0.6 GB.
Compare only records of the same processor. A record also has hashes.json, with a hash per file, and
folders.json, with a hash per folder; benchmarks/results/same_bytes.json is a copy of folders.json.
"""

import json
import re
import shutil
import statistics
import subprocess
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, get_args

import click
from same_bytes_files import Comparison, Record, Verdict, compared, folded, kind_of, sha256

SAMPLES: Final = Path(__file__).resolve().parents[1] / "data" / "samples"
PHOTOGRAPHS: Final = {"icdar2013_train": 14, "icdar2015_train": 14, "msra_td500_train": 12}
"""The number of pictures of each data set, evenly spaced by name."""
FEW: Final = (
    *("astronaut.png", "bicycles.jpg", "circuit_board.jpg", "coffee.png", "dogs_in_window.jpg"),
    *("newspaper.png", "street.jpg", "telegraph_office.webp"),
)
"""The samples on which variants of a config run."""
PICTURES: Final = frozenset({".jpg", ".png", ".webp"})
FORMATS: Final = "uzn,crops,page,alto,hocr,icdar,coco,labelstudio"
KINDS: Final = ("masks", "overlays", "heatmaps")
WORDS: Final = (
    ("tesseract", "--engine", "tesseract", "--unit", "word"),
    ("rapidocr", "--engine", "rapidocr"),
)
LINES: Final = (("tesseract-line", "--engine", "tesseract", "--unit", "line"),)
TEXT: Final = {
    "words": ("--truth", "truth"),
    "lines": ("--truth", "truth", "--join-lines", "--frame", "stored"),
}
WSOL: Final = {"wsol": ("--truth", "few.csv", "--protocol", "wsol")}
"""For few pictures: it holds their heat in many pixels, more than 20 GB for the samples (2026)."""
PATIENCE: Final = "7200"
"""Seconds for a picture; long enough that no picture fails on a busy machine."""
SHOWN: Final = "pictures/samples/street.jpg"


@dataclass(frozen=True)
class Job:
    """A config, and the steps that are done with it.

    Attributes:
        name: of the folder of its results.
        config: name of a shipped config.
        settings: values that replace those of the config.
        pictures: folder in the record.
        readings: names and options of `locpipe read`.
    """

    name: str
    config: str
    settings: tuple[str, ...] = ()
    pictures: str = "pictures"
    readings: tuple[tuple[str, ...], ...] = ()

    @property
    def output(self) -> str:
        """Folder of the run."""
        return f"results/{self.name}"


SHIPPED: Final = (
    Job("text", "text", readings=WORDS),
    Job("text-lenet", "text-lenet"),
    Job("digits", "digits"),
    Job("digits-windows", "digits-windows", readings=WORDS),
    Job("objects", "objects"),
)
"""Other configs are not read. Thousands of boxes by text-lenet and digits take minutes; objects have no text."""
VARIANTS: Final = (
    Job("polygon", "text", ("boxes.shape=polygon", "run.workers=0"), "few", LINES),
    Job("merge", "text", ("boxes.merge=10",), "few", WORDS[:1]),
    Job("grabcut", "text", ("refine.method=grabcut",), "few"),
    Job("objects-grabcut", "objects", ("refine.method=grabcut",), "few"),
    Job("objects-crf", "objects", ("refine.method=crf",), "few"),
)


@dataclass(frozen=True)
class Locpipe:
    """The command of this interpreter, run in the folder of a record."""

    record: Path

    def __call__(self, job: Job, step: str, *arguments: str) -> None:
        """Run a command; keep its output as a result and its log beside the results; print its time."""
        started = time.monotonic()
        printed = self.record / "printed" / job.name / f"{step}.txt"
        log = self.record / "logs" / f"{job.name}-{step}.txt"
        for file in (printed, log):
            file.parent.mkdir(parents=True, exist_ok=True)
        command = [sys.executable, "-m", "locpipe", *arguments]
        with printed.open("wb") as stdout, log.open("wb") as stderr:
            done = subprocess.run(
                command, cwd=self.record, stdout=stdout, stderr=stderr, check=False
            )
        click.echo(f"{time.monotonic() - started:7.1f} s  {job.name}: {step}")
        if done.returncode:
            sys.exit(f"{' '.join(command)}\nended with {done.returncode}; see {log}")


def assemble(record: Path, data: Path | None) -> None:
    """Copy the pictures, and their truth, into the record."""
    samples = [path for path in sorted(SAMPLES.iterdir()) if path.suffix in PICTURES]
    _copy(samples, record / "pictures" / "samples")
    _copy([SAMPLES / name for name in FEW], record / "few")
    truth = [SAMPLES / "gt" / f"{path.stem}.txt" for path in samples]
    for name, count in PHOTOGRAPHS.items() if data else ():
        assert data is not None
        pictures = _evenly(sorted((data / name / "images").iterdir()), count)
        _copy(pictures, record / "pictures" / name)
        truth += [data / name / "gt" / f"{path.stem}.txt" for path in pictures]
    _copy(truth, record / "truth")
    few = [SAMPLES / "gt" / Path(name).with_suffix(".txt") for name in FEW]
    (record / "few.csv").write_text(_table(few))


def _copy(files: Iterable[Path], folder: Path) -> None:
    folder.mkdir(parents=True)
    for file in files:
        shutil.copy(file, folder)


def _evenly(paths: Sequence[Path], count: int) -> list[Path]:
    return [paths[i * len(paths) // count] for i in range(count)]


def _table(truth: Iterable[Path]) -> str:
    """Return upright rectangles around all regions, in the format of `--protocol wsol`."""
    lines = ["image,xmin,ymin,xmax,ymax\n"]
    for file in truth:
        lines.append(f"{file.stem},,,,\n")  # names the picture even if there is nothing on it
        for region in filter(str.strip, file.read_text("utf-8-sig").split("\n")):
            corners = [float(number) for number in region.split(",")[:8]]
            x, y = corners[::2], corners[1::2]
            lines.append(f"{file.stem},{min(x)},{min(y)},{max(x)},{max(y)}\n")
    return "".join(lines)


def do(locpipe: Locpipe, job: Job) -> None:
    """Run a config and read its boxes; each engine writes into its own folder."""
    given = [f"output.{kind}=true" for kind in KINDS]
    given += [f"output.exports=[{FORMATS}]", f"run.timeout={PATIENCE}", *job.settings]
    options = [word for setting in given for word in ("--set", setting)]
    locpipe(job, "run", "run", job.config, "--input", job.pictures, "--output", job.output, *options)  # fmt: skip
    for name, *how in job.readings:
        locpipe(job, f"read-{name}", "read", job.output, "--timeout", PATIENCE, *how)
        kept = locpipe.record / "readings" / job.name / name
        kept.mkdir(parents=True)
        for file in ("read", "read.json", "read-failures.jsonl"):
            (locpipe.record / job.output / file).rename(kept / file)


def score(locpipe: Locpipe, job: Job) -> None:
    """Evaluate the results of a config by every protocol."""
    (locpipe.record / "scores" / job.name).mkdir(parents=True)
    for name, how in WSOL.items() if job.pictures == "few" else TEXT.items():
        scores = f"scores/{job.name}/{name}.json"
        locpipe(job, f"evaluate-{name}", "evaluate", job.output, *how, "-o", scores)


def show(locpipe: Locpipe, job: Job) -> None:
    """Draw a picture."""
    (locpipe.record / "shown" / job.name).mkdir(parents=True)
    figure = f"shown/{job.name}/figure.png"
    locpipe(job, "show", "show", SHOWN, "--config", job.config, "-o", figure)


def export_again(locpipe: Locpipe, job: Job) -> None:
    """Keep the exports of the run, and export all of them again with the command."""
    kept = locpipe.record / "exported_by_run" / job.name
    kept.parent.mkdir()
    (locpipe.record / job.output / "exports").rename(kept)
    locpipe(job, "export", "export", job.output, "--to", FORMATS)


def write_hashes(record: Path) -> int:
    """Write the hashes of all results and return how many there are."""
    root = str(record)
    versions = json.loads((record / SHIPPED[0].output / "run.json").read_bytes())["versions"]
    opened = Record(record, root, {"processor": processor(), "versions": versions})
    hashes = {name: sha256(name, opened.content(name)) for name in opened.names()}
    _write_json(record / "hashes.json", {"root": root, "machine": opened.about, "sha256": hashes})
    kept = {key: value for key, value in versions.items() if key not in {"executable", "platform"}}
    machine = {"processor": processor(), "versions": kept}
    _write_json(record / "folders.json", {"machine": machine, "folders": folded(hashes)})
    return len(hashes)


def _write_json(file: Path, document: object) -> None:
    file.write_text(json.dumps(document, indent=1) + "\n")


def processor() -> str:
    """Name the processor and those of its features that decide the bytes of a result (Linux)."""
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    known = dict(line.replace("\t", "").split(":", 1) for line in lines if ":" in line)
    flags = set(known["flags"].split())
    vectors = "AVX-512" if "avx512f" in flags else "AVX2 only" if "avx2" in flags else "no AVX2"
    precision = "bfloat16" if flags & {"avx512_bf16", "amx_bf16"} else "float32"
    return f"{known['model name'].strip()}, {vectors}, {precision}"


def report(old: Record, new: Record) -> bool:
    """Print the differences of two records; return whether any is more than an added key."""
    before, after = old.names(), new.names()
    both = [name for name in before if name in set(after)]
    seen = {name: compared(name, old.content(name), new.content(name)) for name in both}
    _print_table(seen)
    if old.about["processor"] != new.about["processor"]:
        click.echo(f"other processors: {old.about['processor']} -> {new.about['processor']}")
    alone = [f"only in {old.folder}: {name}" for name in before if name not in seen]
    alone += [f"only in {new.folder}: {name}" for name in after if name not in seen]
    differ = [f"{name}: {one.first}" for name, one in seen.items() if one.verdict == "differ"]
    _print_list(f"{len(differ)} files differ, {len(alone)} are on one side only", differ + alone)
    added = Counter(
        f"{kind_of(name)}: {_any_place(key)}"
        for name, one in seen.items()
        for key in {_any_place(key) for key in one.added}
    )
    _print_list(f"{len(added)} keys were added", [f"{key} ({n} files)" for key, n in added.items()])
    return bool(differ or alone)


def _any_place(key: str) -> str:
    """Return the path of a key without the indices of lists."""
    return re.sub(r"\[\d+\]", "[]", key)


def _print_table(seen: dict[str, Comparison]) -> None:
    verdicts = get_args(Verdict)
    counts: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for name, one in seen.items():
        counts[kind_of(name)][one.verdict] += 1
        counts["all"][one.verdict] += 1
    click.echo(f"{'kind':<36}{'files':>8}" + "".join(f"{verdict:>13}" for verdict in verdicts))
    for kind, count in sorted(counts.items()):
        cells = "".join(f"{count[verdict]:>13}" for verdict in verdicts)
        click.echo(f"{kind:<36}{count.total():>8}{cells}")


def _print_list(heading: str, lines: Iterable[str]) -> None:
    click.echo("\n".join([f"\n{heading}", *(f"  {line}" for line in lines)]))


@click.group()
def main() -> None:
    """Record results, and compare two records."""


@main.command()
@click.argument("out", type=click.Path(path_type=Path))
@click.option("--data", type=click.Path(exists=True, file_okay=False, path_type=Path), help="Folder of the data sets.")  # fmt: skip
@click.option("--quick", is_flag=True, help="The samples only.")
def record(out: Path, data: Path | None, *, quick: bool) -> None:
    """Write a record into OUT, a new folder outside the repository."""
    if data is None and not quick:
        sys.exit("give --data, the folder of the data sets, or --quick")
    if out.exists():
        sys.exit(f"{out} is there already; give a new folder")
    started = time.monotonic()
    out = out.resolve()
    assemble(out, None if quick else data)
    locpipe = Locpipe(out)
    for job in (*SHIPPED, *VARIANTS):
        do(locpipe, job)
    for job in (*SHIPPED, *VARIANTS):
        score(locpipe, job)
    for job in SHIPPED:
        show(locpipe, job)
    export_again(locpipe, SHIPPED[0])
    count = write_hashes(out)
    click.echo(f"{time.monotonic() - started:7.1f} s  all: {count} results in {out}")


@main.command()
@click.argument("old", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.argument("new", type=click.Path(exists=True, file_okay=False, path_type=Path))
def compare(old: Path, new: Path) -> None:
    """Compare the records OLD and NEW; exit with 1 if more differs than added keys."""
    sys.exit(int(report(Record.opened(old), Record.opened(new))))


@main.command()
@click.argument("old", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.argument("new", type=click.Path(exists=True, file_okay=False, path_type=Path))
def boxes(old: Path, new: Path) -> None:
    """Print per run how far the corners of boxes moved from OLD to NEW."""
    click.echo("| run | pictures | boxes | moved | median, largest move in pixels | over 1 pixel |")
    click.echo("|---|---|---|---|---|---|")
    for run in sorted((old / "results").iterdir()):
        files = sorted((run / "boxes").rglob("*.json"))
        pairs = [(file, new / file.relative_to(old)) for file in files]
        moves = [move for pair in pairs for move in _moves(*pair)]
        moved = sorted(move for move in moves if move) or [0.0]
        row = f"| `{run.name}` | {len(files)} | {len(moves)} | {sum(map(bool, moves))} |"
        far = sum(move > 1 for move in moves)
        click.echo(f"{row} {statistics.median(moved):.2f}, {moved[-1]:.2f} | {far} |")


def _moves(old: Path, new: Path) -> Iterable[float]:
    """Yield for every box the pixels by which its most moved corner moved."""
    before, after = (json.loads(file.read_bytes())["boxes"] for file in (old, new))
    if len(before) != len(after):
        sys.exit(f"{old} has {len(before)} boxes, {new} has {len(after)}")
    for one, other in zip(before, after, strict=True):
        corners = zip(one["polygon"], other["polygon"], strict=True)
        yield max(abs(a - b) for pair in corners for a, b in zip(*pair, strict=True))


if __name__ == "__main__":
    main()
