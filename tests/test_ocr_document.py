"""docs/ocr.md: every command in it runs, one after the other, on a real photograph."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
BLOCKS = re.findall(r"^```(sh|python)\n(.*?)^```", (ROOT / "docs" / "ocr.md").read_text(), re.DOTALL | re.MULTILINE)  # fmt: skip


def test_every_command_runs(tmp_path: Path) -> None:
    if not shutil.which("tesseract"):
        pytest.skip("install tesseract-ocr and tesseract-ocr-eng")
    (tmp_path / "photos").mkdir()
    shutil.copy(ROOT / "data" / "samples" / "newspaper.png", tmp_path / "photos")
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = {
        **os.environ,
        "PATH": path,
        # NumPy 2 and pycocotools 2.0.11 disagree about a keyword, in words only.
        "PYTHONWARNINGS": "ignore",
    }
    said = ""
    for language, text in BLOCKS:
        command = [sys.executable, "-c", text] if language == "python" else ["bash", "-euo", "pipefail", "-c", text]  # fmt: skip
        done = subprocess.run(
            command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, f"{text}\n{done.stderr}"
        said += done.stdout
    assert "newspaper.png 0 has its middle at" in said
    assert (tmp_path / "text.txt").read_text().strip(), "Tesseract read nothing"
