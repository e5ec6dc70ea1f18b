"""Metrics of a run as Prometheus reads them."""

import json
import re
from pathlib import Path

import pytest
from run_fixtures import quick

from locpipe.pipeline.export.write import RunExports
from locpipe.pipeline.run.metrics import metrics
from locpipe.pipeline.run.options import Options
from locpipe.pipeline.run.run import execute
from locpipe.stages.errors import OutputError

# https://prometheus.io/docs/instrumenting/exposition_formats: a label escapes \, " and line feeds.
SAMPLE = re.compile(r'(\w+)\{((?:\w+="(?:[^"\\\n]|\\[\\"n])*",?)+)\} (\S+)')


def read(text: str) -> dict[tuple[str, str], float]:
    """Samples by name and labels; each line is one, or a comment."""
    samples = {}
    for line in text.splitlines():
        if not line.startswith(("# HELP ", "# TYPE ")):
            found = SAMPLE.fullmatch(line)
            assert found, line
            samples[found[1], found[2]] = float(found[3])
    return samples


def test_a_run_writes_what_its_report_says(finished: Path, tmp_path: Path) -> None:
    file = tmp_path / "collector" / "locpipe.prom"
    (finished / "pictures" / "broken.png").touch()
    config = quick(finished / "pictures", finished / "out")
    report = execute(config, Options(metrics=file), RunExports)
    samples = read(file.read_text())
    output = f'output="{finished / "out"}"'
    assert samples["locpipe_exit_code", output] == 3
    assert samples["locpipe_pictures", f'{output},status="failed"'] == 1
    assert samples["locpipe_pictures", f'{output},status="found"'] == report["counts"]["found"] == 4
    assert samples["locpipe_run_seconds", output] == report["seconds"]
    assert [path.name for path in file.parent.iterdir()] == [file.name]


def test_labels_are_escaped(finished: Path) -> None:
    report = json.loads((finished / "out" / "run.json").read_bytes())
    report["config"]["output"]["path"] = 'a"b\\c\nd\udcff'
    assert ("locpipe_exit_code", r'output="a\"b\\c\nd?"') in read(metrics(report))


def test_metrics_that_cannot_be_written_end_the_run_with_an_error(finished: Path) -> None:
    (finished / "file").touch()
    options = Options(metrics=finished / "file" / "locpipe.prom")
    with pytest.raises(OutputError, match=r"locpipe\.prom"):
        execute(quick(finished / "pictures", finished / "out"), options, RunExports)
