"""The benchmark of the engines, with the least work."""

from pathlib import Path

import engines
import pytest
from click.testing import CliRunner


def test_the_table_has_both_engines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "benchmarks" / "results").mkdir(parents=True)
    (tmp_path / "data").symlink_to(engines.ROOT / "data")
    monkeypatch.setattr(engines, "ROOT", tmp_path)
    monkeypatch.setattr(engines, "_runs", lambda _: iter([(2.0, 1.0)]))
    done = CliRunner().invoke(engines.main, ["--rounds", "1", "--sizes", "3"])
    assert done.exit_code == 0, done.output
    table = (tmp_path / "benchmarks" / "results" / "engines.md").read_text()
    assert "| a run on two small pictures, CPU s of all processes | 2.000 | 1.000 | 0.50 |" in table
    assert "onnxruntime, 3 pictures of up to" in table
