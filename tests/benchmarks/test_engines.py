"""The benchmark of the engines, with the least work."""

from pathlib import Path

import engines
import pytest
from click.testing import CliRunner


def test_the_tables_have_all_engines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "benchmarks" / "results").mkdir(parents=True)
    monkeypatch.setattr(engines, "ROOT", tmp_path)
    monkeypatch.setattr(engines, "MODELS", ("digits",))
    monkeypatch.setattr(engines, "_runs", lambda _: iter([[2.0, 1.0]]))
    monkeypatch.setattr(engines, "ENGINES", ("onnxruntime", "openvino"))
    monkeypatch.setattr(engines, "MALLOC", {"both, as workers do": "keep huge"})
    done = CliRunner().invoke(engines.main, ["--rounds", "1", "--sizes", "2"])
    assert done.exit_code == 0, done.output
    table = (tmp_path / "benchmarks" / "results" / "engines.md").read_text()
    assert "CPU s of all processes | 2.000 (1.00) | 1.000 (0.50) |" in table
    for engine in ("onnxruntime", "openvino"):
        assert f"| {engine} | both, as workers do | " in table
