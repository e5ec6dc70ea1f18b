"""A config that is nearly right is answered with the line to write."""

from pathlib import Path

import pytest

from locpipe.pipeline.config.file import read_settings
from locpipe.pipeline.config.sections import Config
from locpipe.stages.errors import ConfigError


@pytest.mark.parametrize(
    ("written", "line"),
    [
        ("input: /photos", "`input: {path: /photos}`, or --set 'input.path=/photos'"),
        ("output: out", "`output: {path: out}`"),
        ("threshold: 0.3", "`threshold: {value: 0.3}`"),
        ("heatmap: {labels: horse}", "`heatmap: {labels: [horse]}`"),
        ("model: {path: out/mine}", "`model: out/mine`"),
        ("model: {name: text}", "`model: text`"),
    ],
)
def test_the_message_shows_the_line(written: str, line: str, tmp_path: Path) -> None:
    file = tmp_path / "some.yaml"
    file.write_text(written if written.startswith("model") else f"model: text\n{written}\n")
    with pytest.raises(ConfigError) as error:
        read_settings(file, Config)
    assert f"write {line}" in str(error.value)
    assert "\n" not in str(error.value)
