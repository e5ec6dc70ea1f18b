"""Time from a fresh clone to the first result, split into install and run.

    python benchmarks/first_result.py

Clones this repository into an empty folder and types the README's first command, in its parts.
"""

import re
import subprocess
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def main() -> None:
    """Print the seconds of every part of the README's command."""
    readme = (ROOT / "README.md").read_text()
    command = re.search(r"```sh\n(python3 .*locpipe run.*)\n```", readme)
    assert command is not None, "the README has no command that sets up and runs"
    lines = []
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(["git", "clone", "-q", str(ROOT), folder], check=True)
        for part in command[1].split(" && "):
            started = time.monotonic()
            subprocess.run(part, shell=True, check=True, cwd=folder)  # noqa: S602  our own README
            lines.append(f"{time.monotonic() - started:7.1f} s  {part}\n")
        boxes = len(list(Path(folder, "out").rglob("boxes/*.json")))
    lines.append(f"{boxes} pictures with boxes\n")
    print("".join(lines))
    (ROOT / "benchmarks" / "results" / "first_result.txt").write_text("".join(lines))


if __name__ == "__main__":
    main()
