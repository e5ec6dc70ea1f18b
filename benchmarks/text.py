"""Scores shipped configs on a set of photographs with known words.

    python benchmarks/text.py data-sets/text/icdar2013_train --config text

Each config sees whole pictures with one setting. The scores are DetEval, ICDAR 2015 and pixel
measures, with their bootstrap intervals. Writes benchmarks/results/text-<name of the set>.md and .json.
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

import click

from locpipe.pipeline.evaluation.evaluate import evaluate
from locpipe.pipeline.evaluation.score import Report

RESULTS = Path(__file__).parent / "results"
NO_FAILURE_OR_SOME = (0, 3)


def run(config: str, pictures: Path, output: Path) -> dict[str, object]:
    """Run a config and return its run.json."""
    command = [sys.executable, "-m", "locpipe", "run", config]
    command += ["--input", str(pictures), "--output", str(output), "--set", "output.overlays=false"]
    status = subprocess.run([*command, "--set", "output.masks=false"], check=False).returncode
    if status not in NO_FAILURE_OR_SOME:
        sys.exit(status)
    report: dict[str, object] = json.loads((output / "run.json").read_text())
    return report


def as_row(config: str, report: Report) -> str:
    """Return a line of the table: P, R and H of every protocol in percent."""
    cells = []
    for name in ("deteval", "icdar2015", "pixel"):
        total = report.totals[name].score
        low, high = report.totals[name].low.h, report.totals[name].high.h
        cells.append(
            f"{100 * total.precision:.1f} / {100 * total.recall:.1f} / **{100 * total.h:.1f}** "
            f"[{100 * low:.1f}, {100 * high:.1f}]"
        )
    return f"| `{config}` | " + " | ".join(cells) + " |"


@click.command()
@click.argument("dataset", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--config", "configs", multiple=True, default=("digits", "text-lenet", "text"))
@click.option("--frame", type=click.Choice(["upright", "stored"]), default="upright")
def main(dataset: Path, configs: tuple[str, ...], frame: str) -> None:
    """Score configs on DATASET, a folder with images/ and gt/."""
    header = "| config | DetEval P / R / H [95 %] | IoU 0.5 P / R / H | pixel P / R / F |"
    lines = [f"`{dataset.name}`", "", header, "|---|---|---|---|"]
    totals = {}
    for config in configs:
        with tempfile.TemporaryDirectory() as folder:
            made = run(config, dataset / "images", Path(folder))
            report = evaluate(Path(folder), dataset, frame=frame)  # type: ignore[arg-type]  # click checked it
        lines.append(as_row(config, report))
        totals[config] = {
            "model_sha256": made["model_sha256"],
            "config_sha256": made["config_sha256"],
            "pictures": len(report.pictures),
            **{name: total.score.h for name, total in report.totals.items()},
        }
    table = "\n".join(lines) + "\n"
    click.echo(table)
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / f"text-{dataset.name}.md").write_text(table)
    (RESULTS / f"text-{dataset.name}.json").write_text(json.dumps(totals, indent=1) + "\n")


if __name__ == "__main__":
    main()
