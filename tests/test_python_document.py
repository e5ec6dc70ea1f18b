"""docs/python.md: its blocks run, one after the other, in one process."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
BLOCKS = re.findall(r"^```python\n(.*?)^```", (ROOT / "docs" / "python.md").read_text(), re.DOTALL | re.MULTILINE)  # fmt: skip

# grad-cam imports torchvision, whose compiled operators do not load beside every torch.
PREAMBLE = (
    "from locpipe.stages.nets.torchvision_shim import declare_operators\ndeclare_operators()\n"
)


def test_every_block_runs(tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    shutil.copy(ROOT / "data" / "samples" / "newspaper.png", tmp_path / "photos")
    done = subprocess.run(
        [sys.executable, "-c", PREAMBLE + "".join(BLOCKS)],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert len(BLOCKS) == 7
    assert "minmax" in done.stdout
    assert "(32, 2) filters by classes" in done.stdout
    assert "(128, 160, 320, 224)" in done.stdout
    assert (tmp_path / "horse-model" / "model.yaml").is_file()
