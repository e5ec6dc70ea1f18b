"""Both text models on one small photograph with words and one without."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

from tiers import table

ROOT = Path(__file__).parents[2]
SAMPLES = ROOT / "data" / "samples"


def test_both_models_are_scored_on_the_same_pictures(tmp_path: Path) -> None:
    words = tmp_path / "data" / "text" / "icdar2015_train"
    for kind, name in (("images", "circuit_board.jpg"), ("gt", "gt/circuit_board.txt")):
        (words / kind).mkdir(parents=True)
        for stem in ("a", "b"):
            shutil.copy(SAMPLES / name, words / kind / f"{stem}{Path(name).suffix}")
    (tmp_path / "data" / "backgrounds").mkdir()
    shutil.copy(SAMPLES / "photographer_grey.png", tmp_path / "data" / "backgrounds")
    command: list[str | Path] = [sys.executable, ROOT / "benchmarks" / "tiers.py"]
    command += ["--data", tmp_path / "data"]
    command += ["--work", tmp_path / "work", "--results", tmp_path / "results"]
    command += ["--speed", "2", "--rounds", "3"]  # most of it is start-up, so the median counts
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "results" / "tiers.md").read_text() in done.stdout
    found = json.loads((tmp_path / "results" / "tiers.json").read_text())
    for config in ("text", "text-large"):
        parts = found["sets"]["icdar2015_train"][config]
        assert (parts["all"]["pictures"], parts["even"]["pictures"]) == (2, 1)
        assert parts["all"]["deteval"]["score"]["h"] > 0.3
        assert found["sets"]["backgrounds"][config]["all"]["pictures"] == 1
    cost = found["cpu_seconds_per_picture"]
    assert 0 < cost["text"] < cost["text-large"]


def test_a_line_has_the_whole_set_and_its_even_half() -> None:
    rates = {"precision": 0.5, "recall": 0.25, "h": 1 / 3}
    bounds = {key: {"precision": 0, "recall": 0, "h": value} for key, value in (("low", 0.2), ("high", 0.4))}  # fmt: skip
    totals = {key: {"score": rates, **bounds} for key in ("icdar2015", "deteval")}
    parts = {"all": {"pictures": 3, **totals}, "even": {"pictures": 1, **totals}}
    none = {"all": {"pictures": 4, "with_a_box": 1}, "even": {"pictures": 2, "with_a_box": 0}}
    text = table({"a": {"text": parts}, "backgrounds": {"text": none}}, {"text": 0.5})
    cell = "50.0 / 25.0 / **33.3** [20.0, 40.0]"
    assert f"| a, 3 | `text` | {cell} | {cell} | 33.3, 33.3 (1) |" in text
    assert "1 of 4 get a box (25.0 %) |  | 0 of 2 get a box (0.0 %) |" in text
    assert text.endswith("- `text`: 0.500 CPU s per picture\n")
