"""Shared by programs of this folder: the command that they run, and the end of a report."""

import sys
from pathlib import Path


def run_command(config: str, pictures: Path, output: Path, *more: str) -> list[str]:
    """Return the words of a quiet `locpipe run`, with more options."""
    words = ["run", config, "--input", str(pictures), "--output", str(output), "-q"]
    return [sys.executable, "-m", "locpipe", *words, *more]


def keep(report: Path, text: str) -> None:
    """Write a report, and print it."""
    report.write_text(text)
    print(text)
