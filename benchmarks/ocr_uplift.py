"""How many words OCR reads without locpipe, and how many it reads in locpipe's boxes.

    locpipe render text --count 300 --start 7000000 --output rendered
    python benchmarks/ocr_uplift.py data-sets/text/icdar2015_train rendered --work uplift

`--others` only reads without locpipe. This part takes longest and needs no model of ours.

Tesseract reads whole pictures (in the page segmentation mode that reads most) and boxes. RapidOCR
reads whole pictures with its own detector, and boxes with its recognizer only. Texts read without
locpipe are kept in the work folder, so with a new model only our part runs again. A word counts as
read if its letters and digits are found, in upper or lower case, at the place that the truth names.
A text read in a region that nobody can read (`###`) is neither right nor wrong. Writes
benchmarks/results/ocr_uplift.md and .json.
"""

import json
import os
import shutil
import subprocess
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, astuple, dataclass
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any, Literal

import click
from picture_sets import evenly
from shapely import Point, Polygon, box

import locpipe

RESULTS = Path(__file__).parent / "results"
MODES = ("3", "6", "11", "12")
Rect = tuple[float, float, float, float]
Reader = Callable[[Path], list["Word"]]


@dataclass(frozen=True)
class Word:
    """A word and the upright rectangle it lies in: left, top, right, bottom in pixels."""

    text: str
    rect: Rect


@dataclass(frozen=True)
class Truth:
    """The words of a picture, and the regions that nobody can read."""

    words: tuple[tuple[str, Polygon], ...]
    ignored: tuple[Polygon, ...]


@dataclass(frozen=True)
class Score:
    """The numbers of words read right, of true words, of words read, and of pictures."""

    right: int = 0
    there: int = 0
    read: int = 0
    pictures: int = 0

    def __add__(self, other: "Score") -> "Score":
        """Add the counts of other pictures."""
        pairs = zip(astuple(self), astuple(other), strict=True)
        return Score(*(ours + theirs for ours, theirs in pairs))

    @property
    def recall(self) -> float:
        """Share of the true words that are read right."""
        return self.right / max(1, self.there)

    @property
    def precision(self) -> float:
        """Share of the words read that are right."""
        return self.right / max(1, self.read)


def letters(text: str) -> str:
    """Return letters and digits, in lower case."""
    return "".join(character for character in text.casefold() if character.isalnum())


def read_truth(file: Path) -> Truth:
    """Read `x1,y1,…,x4,y4,text` lines; a text without letter or digit is treated like `###`."""
    words, ignored = [], []
    for line in file.read_text(encoding="utf-8-sig").splitlines():
        *numbers, text = line.split(",", 8)
        xy = [float(number) for number in numbers]
        region = Polygon(list(zip(xy[::2], xy[1::2], strict=True))).buffer(0)
        if text.strip() == "###" or not letters(text):
            ignored.append(region)
        else:
            words.append((letters(text), region))
    return Truth(tuple(words), tuple(ignored))


def score(truth: Truth, words: Iterable[Word]) -> Score:
    """Count the words of a picture; each true word is matched with at most one word read."""
    left = list(truth.words)
    right = read = 0
    for word in words:
        text, place = letters(word.text), box(*word.rect)
        if not text:
            continue
        hit = next((w for w in left if w[0] == text and w[1].intersects(place)), None)
        if hit is not None:
            left.remove(hit)
            right += 1
        elif any(region.contains(Point(place.centroid)) for region in truth.ignored):
            continue
        read += 1
    return Score(right, len(truth.words), read, 1)


def tesseract(mode: str, picture: Path) -> list[Word]:
    """Read a whole picture with a page segmentation mode."""
    command = ["tesseract", str(picture), "-", "--psm", mode, "tsv"]
    environment = {**os.environ, "OMP_THREAD_LIMIT": "1"}
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
    rows = [line.split("\t") for line in done.stdout.splitlines()[1:]]
    return [_word(row) for row in rows if row[0] == "5" and row[11].strip()]


def _word(row: Sequence[str]) -> Word:
    left, top, width, height = (int(value) for value in row[6:10])
    return Word(row[11], (left, top, left + width, top + height))


def rapidocr() -> Reader:
    """Return RapidOCR with default settings on one thread: detector, classifier, recognizer."""
    threads = ("intra_op_num_threads", "inter_op_num_threads")
    settings = {f"EngineConfig.onnxruntime.{name}": 1 for name in threads}
    # The type of its result is a union over four kinds of calls.
    engine: Any = import_module("rapidocr").RapidOCR(
        params={"Global.log_level": "error", **settings}
    )

    def read(picture: Path) -> list[Word]:
        found = engine(str(picture))
        if found.txts is None:
            return []
        return [
            Word(word, (*corners.min(axis=0).tolist(), *corners.max(axis=0).tolist()))
            for corners, text in zip(found.boxes, found.txts, strict=True)
            for word in text.split()
        ]

    return read


def kept(
    file: Path, pictures: Sequence[Path], start: Callable[[], Reader]
) -> dict[str, list[Word]]:
    """Return the words that a program reads on pictures; texts read before come from the file."""
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("a+") as stream:
        stream.seek(0)
        whole = stream.read().rpartition("\n")[0]
        # Drop a line that a stopped run left unfinished.
        stream.truncate(len(whole) and len(whole) + 1)
        known = {line["picture"]: line["words"] for line in map(json.loads, whole.splitlines())}
        todo = [picture for picture in pictures if picture.stem not in known]
        reader = start() if todo else None
        for picture in todo:
            assert reader is not None
            known[picture.stem] = [[word.text, *word.rect] for word in reader(picture)]
            entry = {"picture": picture.stem, "words": known[picture.stem]}
            stream.write(json.dumps(entry) + "\n")
            stream.flush()
    return {
        picture.stem: [Word(text, tuple(rect)) for text, *rect in known[picture.stem]]
        for picture in pictures
    }


def from_boxes(
    pictures: Sequence[Path], engine: Literal["tesseract", "rapidocr"], run: Path
) -> dict[str, list[Word]]:
    """Return the words that an engine reads in the boxes of a run."""
    report = locpipe.read(run, engine)
    if report.exit_code:
        raise SystemExit(report.exit_code)
    found = {}
    for picture in pictures:
        document = json.loads((run / "read" / f"{picture.name}.json").read_bytes())
        found[picture.stem] = [
            Word(word, tuple(entry["rect"]))
            for entry in document["boxes"]
            if entry["counts"]
            for word in entry["text"].split()
        ]
    return found


def find_boxes(pictures: Sequence[Path], config: str, output: Path) -> Path:
    """Run locpipe on the pictures, unless a run with the same model and config is there."""
    output.mkdir(parents=True, exist_ok=True)
    listed = output.parent / f"{output.name}.txt"
    listed.write_text("".join(f"{picture.absolute()}\n" for picture in pictures))
    root = pictures[0].absolute().parent
    settings = {"input.path": listed, "input.root": root, "output.path": output}
    report = locpipe.run(
        config, settings={**settings, "output.masks": False, "output.overlays": False}
    )
    if report.exit_code:
        raise SystemExit(report.exit_code)
    return output


def pictures_of(dataset: Path, count: int) -> tuple[Path, ...]:
    """Return `count` pictures of a set, evenly spaced; 0 means all."""
    folder = next(dataset / name for name in ("images", "pictures") if (dataset / name).is_dir())
    return evenly(sorted(folder.iterdir()), count)


def by_others(pictures: Sequence[Path], cache: Path) -> dict[str, dict[str, list[Word]]]:
    """Return the words read without locpipe on whole pictures, by each way to read."""
    ways = {
        f"Tesseract, whole picture, psm {mode}": kept(
            cache / f"psm{mode}.jsonl", pictures, partial(partial, tesseract, mode)
        )
        for mode in MODES
    }
    ways["RapidOCR, its own detector"] = kept(cache / "rapidocr.jsonl", pictures, rapidocr)
    return ways


def measure(dataset: Path, count: int, config: str, work: Path) -> dict[str, Score]:
    """Return the score of every way to read a set."""
    pictures = pictures_of(dataset, count)
    truths = {picture.stem: read_truth(dataset / "gt" / f"{picture.stem}.txt") for picture in pictures}  # fmt: skip
    ways = by_others(pictures, work / "others" / dataset.name)
    run = find_boxes(pictures, config, work / f"{dataset.name}-run")
    ways["Tesseract, locpipe's boxes"] = from_boxes(pictures, "tesseract", run)
    ways["RapidOCR's recognizer, locpipe's boxes"] = from_boxes(pictures, "rapidocr", run)
    shutil.copy(run / "run.json", work / f"{dataset.name}-run.json")
    return {
        way: sum((score(truths[name], words[name]) for name in truths), Score())
        for way, words in ways.items()
    }


def table(name: str, scores: dict[str, Score]) -> list[str]:
    """Return the lines about a set; of Tesseract's four modes only the best is shown."""
    whole = {way: one for way, one in scores.items() if "psm" in way}
    best = max(whole, key=lambda way: (whole[way].right, whole[way].precision))
    shown = {way: one for way, one in scores.items() if way not in whole or way == best}
    lines = [
        f"`{name}`, {scores[best].pictures} pictures",
        "",
        "| | words read | recall | precision |",
        "|---|---|---|---|",
    ]
    for way, one in shown.items():
        lines.append(f"| {way} | {one.right} of {one.there} | {one.recall:.1%} | {one.precision:.1%} |")  # fmt: skip
    ours, alone = scores["Tesseract, locpipe's boxes"], scores[best]
    lines += ["", f"With locpipe Tesseract reads {ours.right / max(1, alone.right):.1f} times the words.", ""]  # fmt: skip
    return lines


@click.command()
@click.argument("datasets", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path))
@click.option(
    "--pictures", default=50, show_default=True, help="Of each set, evenly spaced; 0: all."
)
@click.option("--config", default="text", show_default=True)
@click.option("--work", default="uplift", type=click.Path(path_type=Path), show_default=True)
@click.option("--results", default=RESULTS, type=click.Path(path_type=Path), help="Folder.")
@click.option("--others", is_flag=True, help="Read only without locpipe; measure nothing.")
def main(
    datasets: tuple[Path, ...],
    pictures: int,
    config: str,
    work: Path,
    results: Path,
    *,
    others: bool,
) -> None:
    """Measure DATASETS, folders with images/ or pictures/ and gt/."""
    if others:
        for dataset in datasets:
            by_others(pictures_of(dataset, pictures), work / "others" / dataset.name)
        return
    lines: list[str] = []
    numbers = {}
    for dataset in datasets:
        scores = measure(dataset, pictures, config, work.absolute())
        model = json.loads((work / f"{dataset.name}-run.json").read_bytes())["model_sha256"]
        lines += table(dataset.name, scores)
        numbers[dataset.name] = {"model_sha256": model, **{way: asdict(one) for way, one in scores.items()}}  # fmt: skip
    click.echo("\n".join(lines))
    results.mkdir(exist_ok=True)
    (results / "ocr_uplift.md").write_text("\n".join(lines))
    (results / "ocr_uplift.json").write_text(json.dumps(numbers, indent=1) + "\n")


if __name__ == "__main__":
    main()
