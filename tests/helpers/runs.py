"""Shared by tests of whole runs."""

import json
from collections.abc import Mapping
from typing import Any

from locpipe.pipeline.config.sections import Config
from locpipe.pipeline.export.write import RunExports
from locpipe.pipeline.run.options import Options
from locpipe.pipeline.run.run import execute


def run(config: Config, **options: Any) -> dict[str, Any]:
    return execute(config, Options(**options), RunExports)


def with_(config: Config, section: str, **values: object) -> Config:
    changed = getattr(config, section).model_copy(update=values)
    return config.model_copy(update={section: changed})


def counts(report: Mapping[str, Any]) -> dict[str, int]:
    """Return the counts that are not zero."""
    return {name: count for name, count in report["counts"].items() if count}


def failures(config: Config) -> list[dict[str, Any]]:
    lines = (config.output.path / "failures.jsonl").read_text().splitlines()
    return [json.loads(line) for line in lines]


def boxes(config: Config, key: str) -> dict[str, Any]:
    document = json.loads((config.output.path / "boxes" / f"{key}.json").read_bytes())
    assert isinstance(document, dict)
    return document
