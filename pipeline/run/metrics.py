"""Metrics of a run in the text format of Prometheus, for the node exporter's textfile collector."""

import time
from collections.abc import Iterator, Mapping
from typing import Any

_Samples = Iterator[tuple[Mapping[str, str], float]]


def metrics(report: Mapping[str, Any]) -> str:
    """Return the metrics of a finished run, from its run.json.

    All have the label `output`, the folder of the results. Times are in seconds, memory in bytes.
    """
    labels = {"output": str(report["config"]["output"]["path"])}
    lines = []
    for name, about, samples in _families(report):
        lines += [f"# HELP locpipe_{name} {about}", f"# TYPE locpipe_{name} gauge"]
        for more, value in samples:
            inside = ",".join(
                f'{key}="{_escaped(text)}"' for key, text in {**labels, **more}.items()
            )
            lines.append(f"locpipe_{name}{{{inside}}} {value!r}")
    return "\n".join(lines) + "\n"


def _families(report: Mapping[str, Any]) -> Iterator[tuple[str, str, _Samples]]:
    def one(value: float) -> _Samples:
        yield {}, value

    counts, stages = report["counts"], report["stages"]
    yield "exit_code", "Of the last run; 0: all pictures have results.", one(report["exit_code"])
    yield "ended_timestamp_seconds", "When the last run ended.", one(round(time.time(), 3))
    yield "run_seconds", "How long the last run took.", one(report["seconds"])
    yield "pictures", "Pictures by what the last run found or did.", (({"status": name}, count) for name, count in counts.items())  # fmt: skip
    yield "boxes", "Found in the last run.", one(report["boxes"])
    yield "pixels", "Of the pictures done in the last run.", one(report["pixels"])
    yield "stage_seconds", "Of all pictures of the last run.", (({"stage": name}, times["total"]) for name, times in stages.items())  # fmt: skip
    yield "worker_memory_bytes", "The most that a worker held.", one(max(report["peak_memory"].values(), default=0))  # fmt: skip


def _escaped(text: str) -> str:
    """Return a label; bytes that are not UTF-8 are written as question marks."""
    readable = text.encode("utf-8", "replace").decode()
    return readable.replace("\\", r"\\").replace("\n", r"\n").replace('"', r"\"")
