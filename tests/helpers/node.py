"""Packages of Node for tests, from its registry: not installed, and without dependencies."""

import shutil
import subprocess
import tarfile
from pathlib import Path

import pytest


def unpacked(package: str, folder: Path) -> Path:
    """Fetch `name@version` into a folder; return where its files lie. Without npm the test is skipped."""
    npm = shutil.which("npm")
    if npm is None:
        pytest.skip("needs npm (Debian: npm)")
    done = subprocess.run(
        [npm, "pack", package, "--silent"], cwd=folder, capture_output=True, text=True, check=False
    )
    if done.returncode:
        pytest.skip(f"npm does not fetch {package}: {done.stderr}")
    with tarfile.open(folder / done.stdout.strip()) as packed:
        packed.extractall(folder, filter="data")
    return folder / "package"
