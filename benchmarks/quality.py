"""Our text model and the competitors that pip can install, on the same pictures in the same run.

    python benchmarks/quality.py --data data-sets

Each detector sees whole pictures, at its default settings, without recognition. Word boxes are
compared with words on ICDAR 2013 and 2015, and lines with lines on MSRA-TD500 (word boxes are first
joined by `line`). False alarms are counted on every fifth picture of backgrounds/. The code of
`locpipe evaluate` scores all of them. Speed is CPU seconds on one thread, without decoding. Each
competitor takes turns with ours on a few of the same pictures. Ours is `locpipe run configs/text.yaml`.

Each competitor runs in its own virtual environment below --work, with the exact versions in
benchmarks/detectors/*.txt. A competitor that cannot be installed is listed as missing, with the
reason. Boxes found are kept below --work. A later run measures only the speeds again, and our boxes
if our model or config has changed. Writes benchmarks/results/quality.md and .json.
"""

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import click
from competitors import COMPETITORS, OURS, Detector, Unavailable, running
from picture_sets import Set, evenly, sets_of
from quality_scores import answer_file, scores
from quality_table import Row, Speed, table
from tqdm import tqdm

CONFIG = Path(__file__).parents[1] / "configs" / "text.yaml"
NO_FAILURE_OR_SOME = (0, 3)


def detect(detector: Detector, sets: Sequence[Set], work: Path) -> None:
    """Show a competitor the pictures that it has not seen yet, and keep the boxes that it finds.

    Raises:
        Unavailable: the competitor cannot be installed or has died.
    """
    to_do = [
        (picture, file)
        for one in sets
        for picture in one.pictures
        if not (file := answer_file(detector, one, picture, work)).exists()
    ]
    if not to_do:
        return
    with running(detector, work) as process:
        for picture, file in tqdm(to_do, detector.name, disable=None):
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(json.dumps(process.ask(picture).found))


def run_ours(sets: Sequence[Set], work: Path, workers: int | None = None) -> str:
    """Run the shipped config over all sets and return the sha256 of the model."""
    model = ""
    for one in sets:
        output = work / "found" / OURS.name / one.name
        listed = work / f"{one.name}.jsonl"
        work.mkdir(parents=True, exist_ok=True)
        paths = [json.dumps(str(picture.resolve())) for picture in one.pictures]
        listed.write_text("".join(path + "\n" for path in paths))
        command = [sys.executable, "-m", "locpipe", "run", str(CONFIG)]
        command += ["--input", str(listed), "--output", str(output)]
        command += ["--set", "output.overlays=false", "--set", "output.masks=false"]
        common = os.path.commonpath([picture.resolve().parent for picture in one.pictures])
        command += ["--set", f"input.root={common}"]
        if workers is not None:
            command += ["--workers", str(workers)]
        status = subprocess.run(command, check=False).returncode
        if status not in NO_FAILURE_OR_SOME:
            sys.exit(status)
        model = json.loads((output / "run.json").read_text())["model_sha256"]
    return model


def measure_speeds(
    detectors: Sequence[Detector], pictures: Sequence[Path], work: Path
) -> dict[str, Speed]:
    """Return speeds by name: of each detector, measured in turn with ours, and of ours.

    A slow detector sees the first two pictures only.
    """
    if not pictures:
        return {}
    speeds, spent, shown = {}, 0.0, 0.0
    with running(OURS, work) as ours:
        ours.ask(pictures[0])
        for detector in detectors:
            some = pictures[:2] if detector.slow else pictures
            with running(detector, work) as theirs:
                # The first picture costs more than others: memory is claimed, and kernels are chosen.
                theirs.ask(some[0])
                pairs = [(ours.ask(picture), theirs.ask(picture)) for picture in some]
            megapixels = sum(one.width * one.height / 1e6 for one, _ in pairs)
            own, other = (sum(one.seconds for one in side) for side in zip(*pairs, strict=True))
            speeds[detector.name] = Speed(other / megapixels, other / own)
            spent, shown = spent + own, shown + megapixels
    return {OURS.name: Speed(spent / max(shown, 1e-9), 1.0), **speeds}


def rows_of(
    detector: Detector,
    sets: Sequence[Set],
    work: Path,
    *,
    note: str = "",
    speed: Speed | None = None,
) -> list[Row]:
    """Return the rows of a detector that has seen all pictures of the sets."""
    # The file of our detector exists only once a speed was measured.
    file = work / "about" / f"{detector.name}.json"
    about = json.loads(file.read_text()) if file.exists() else {}
    return [
        Row(
            variant,
            note=note,
            sets={one.name: scores(detector, variant, one, work) for one in sets},
            speed=speed,
            about=about,
        )
        for variant in detector.variants
    ]


@dataclass(frozen=True)
class Comparison:
    """The pictures of a run, and where everything is kept.

    Attributes:
        sets: the pictures that most detectors see.
        few: the pictures that slow detectors see.
        work: folder of environments, detections and scores.
    """

    sets: Sequence[Set]
    few: Sequence[Set]
    work: Path

    def of(self, detectors: Sequence[Detector], speed: int) -> list[Row]:
        """Let all detectors see the pictures, and return the rows of the table."""
        failed: dict[str, str] = {}
        for detector in detectors:
            try:
                detect(detector, self._sets_of(detector), self.work)
            except Unavailable as reason:
                failed[detector.name] = str(reason)
        able = [detector for detector in detectors if detector.name not in failed]
        with_truth = [one for each in self.sets if each.has_truth for one in each.pictures]
        speeds = measure_speeds(able, evenly(with_truth, max(1, speed)) if speed else (), self.work)
        rows = rows_of(OURS, self.sets, self.work, speed=speeds.get(OURS.name))
        if any(detector.slow for detector in able):
            rows += rows_of(OURS, self.few, self.work, note=_counts(self.few))
        for detector in detectors:
            if detector.name in failed:
                rows += [Row(one, missing=failed[detector.name]) for one in detector.variants]
            else:
                note = _counts(self.few) if detector.slow else ""
                sets, measured = self._sets_of(detector), speeds.get(detector.name)
                rows += rows_of(detector, sets, self.work, note=note, speed=measured)
        return rows

    def _sets_of(self, detector: Detector) -> Sequence[Set]:
        return self.few if detector.slow else self.sets


def _counts(sets: Sequence[Set]) -> str:
    return " / ".join(str(len(one.pictures)) for one in sets) + " pictures"


def write(rows: Sequence[Row], sets: Sequence[Set], model: str, folder: Path) -> None:
    """Print the table, and write it together with all its numbers."""
    counts = ", ".join(f"{len(one.pictures)} of {one.name}" for one in sets)
    text = (
        f"Printed by `benchmarks/quality.py`: {counts} (every fifth, kept out of training). Model "
        f"`{model[:12]}`. Percent; IoU at 0.5 one to one, DetEval as in ICDAR 2013; false alarms: "
        "share of pictures without text with any box. CPU seconds per megapixel on one thread, and "
        f"how many times what ours took in alternation.\n\n{table(rows)}"
    )
    click.echo(text)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "quality.md").write_text(text, "utf-8")
    document = {"model_sha256": model, "rows": [asdict(row) for row in rows]}
    (folder / "quality.json").write_text(json.dumps(document, indent=1) + "\n", "utf-8")


NAMES = [one.name for one in COMPETITORS]
FOLDER = click.Path(file_okay=False, path_type=Path)


@click.command()
@click.option("--data", required=True, type=click.Path(exists=True, path_type=Path))
@click.option("--pictures", default=0, help="Of each set, evenly spaced; 0: all.")
@click.option("--slow-pictures", default=24, show_default=True, help="Of each set, for CRAFT.")
@click.option("--detectors", default=",".join(NAMES), show_default=True)
@click.option("--speed", default=5, show_default=True, help="Pictures to measure it on; 0: not.")
@click.option("--workers", type=int, help="Of `locpipe run`; its own choice if not given.")
@click.option("--work", default=Path("out/quality"), show_default=True, type=FOLDER)
@click.option("--results", default=Path(__file__).parent / "results", type=FOLDER)
def main(
    data: Path,
    pictures: int,
    slow_pictures: int,
    detectors: str,
    speed: int,
    workers: int | None,
    work: Path,
    results: Path,
) -> None:
    """Compare our text model with others on the pictures below --data."""
    names = [name for name in detectors.split(",") if name]
    if unknown := set(names) - set(NAMES):
        sys.exit(f"--detectors: no {', '.join(sorted(unknown))}; known are {', '.join(NAMES)}")
    wanted = [one for one in COMPETITORS if one.name in names]
    sets = [one.thinned(pictures) for one in sets_of(data)]
    model = run_ours(sets, work, workers)
    comparison = Comparison(sets, [one.thinned(slow_pictures) for one in sets], work)
    write(comparison.of(wanted, speed), sets, model, results)


if __name__ == "__main__":
    main()
