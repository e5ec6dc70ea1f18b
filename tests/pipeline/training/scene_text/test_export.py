import hashlib
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

from locpipe.pipeline.cli.render import render
from locpipe.pipeline.evaluation.truth import read_truth
from locpipe.pipeline.training.scene_text.export import export, page_of_rendering
from locpipe.pipeline.training.scene_text.render import Renderer
from locpipe.pipeline.training.scene_text.settings import RenderSettings
from locpipe.pipeline.training.scene_text.truth import UNREADABLE
from locpipe.stages.errors import ConfigError, OutputError


def test_files_hold_what_the_renderer_gave(
    settings: RenderSettings, renderer: Renderer, tmp_path: Path
) -> None:
    words = export(settings, tmp_path, [3, 4])
    rendering = renderer.render(3)
    picture = tmp_path / "pictures" / "000003.png"
    with Image.open(picture) as image:
        assert np.array_equal(np.asarray(image), rendering.rgb)
    document = json.loads((tmp_path / "boxes" / "000003.png.json").read_text())
    assert document["image"]["sha256"] == hashlib.sha256(picture.read_bytes()).hexdigest()
    readable = [word for word in rendering.words if word.text != UNREADABLE]
    assert [box["line"] for box in document["boxes"]] == [word.line for word in readable]
    others = [word for word in renderer.render(4).words if word.text != UNREADABLE]
    assert words == len(readable) + len(others)


def test_ground_truth_reads_back(
    settings: RenderSettings, renderer: Renderer, tmp_path: Path
) -> None:
    export(settings, tmp_path, range(8))
    for index in range(8):
        regions = read_truth(tmp_path / "gt" / f"{index:06d}.txt")
        words = renderer.render(index).words
        assert len(regions) == len(words)
        for region, word in zip(regions, words, strict=True):
            assert np.allclose(region.polygon, word.quad, atol=0.01)


@pytest.mark.parametrize("index", range(10))
def test_boxes_lie_inside_the_picture(
    settings: RenderSettings, renderer: Renderer, index: int
) -> None:
    page = page_of_rendering(renderer.render(index), "a.png", b"", settings)
    for box in page.boxes:
        left, top, right, bottom = box.rect
        assert 0 <= left < right <= settings.width
        assert 0 <= top < bottom <= settings.height
        across, down = zip(*box.polygon, strict=True)
        assert left <= min(across) < left + 1
        assert top <= min(down) < top + 1
        assert right - 1 < max(across) <= right
        assert bottom - 1 < max(down) <= bottom
        assert box.label == "text"


def test_output_that_cannot_be_written(settings: RenderSettings, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match="cannot be written"):
        export(settings, tmp_path / "file" / "below", [0])


def arguments(settings: RenderSettings, config: Path) -> list[str]:
    config.write_text(
        f"words: {settings.words}\nfonts: {{folders: ['{settings.fonts.folders[0]}']}}\n"
    )
    return [str(config), "--count", "2", "--start", "5"]


def test_command_writes_pictures_and_says_where(settings: RenderSettings, tmp_path: Path) -> None:
    output = tmp_path / "out"
    options = ["--output", str(output), "--set", "width=128"]
    done = CliRunner().invoke(render, [*arguments(settings, tmp_path / "c.yaml"), *options])
    assert done.exit_code == 0, done.output
    names = sorted(path.name for path in (output / "pictures").iterdir())
    assert names == ["000005.png", "000006.png"]
    with Image.open(output / "pictures" / names[0]) as image:
        assert image.size == (128, 512)
    assert "2 pictures with" in done.stdout


def test_command_hands_on_errors(settings: RenderSettings, tmp_path: Path) -> None:
    wrong = [*arguments(settings, tmp_path / "c.yaml"), "--set", "words=/nowhere/words"]
    done = CliRunner().invoke(render, wrong)
    assert isinstance(done.exception, ConfigError)
    assert "/nowhere/words cannot be read" in str(done.exception)


def test_missing_extra_is_named(
    settings: RenderSettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("locpipe.pipeline.training.scene_text.fonts.TTFont", None)
    done = CliRunner().invoke(render, arguments(settings, tmp_path / "c.yaml"))
    assert isinstance(done.exception, ConfigError)
    assert "pip install 'locpipe[train]'" in str(done.exception)


def test_a_training_names_the_missing_extra_too(tmp_path: Path) -> None:
    """In a process of its own, which has not imported the renderer yet."""
    program = (
        "import sys; sys.modules['fontTools.ttLib'] = None; "
        "from locpipe.pipeline.cli.main import main; main()"
    )
    command = [sys.executable, "-c", program, "train", "text", "--output", str(tmp_path / "model")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr == "rendering text needs fontTools: pip install 'locpipe[train]'\n"


def test_help_shows_an_example() -> None:
    done = CliRunner().invoke(render, ["--help"])
    assert "Example: locpipe render configs/render/text.yaml" in done.output
