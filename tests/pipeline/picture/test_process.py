"""Pictures that need more memory than there is, and what is said about them."""

import re
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file

from locpipe.pipeline.config.sections import Config
from locpipe.pipeline.export.write import RunExports
from locpipe.pipeline.output.box_json import Maker
from locpipe.pipeline.output.layout import prepare_output
from locpipe.pipeline.picture.process import PictureProcessor
from locpipe.stages.clock import Clock
from locpipe.stages.errors import ImageError
from locpipe.stages.models.loading import find_model, load_model
from locpipe.stages.nets.torchvision_shim import declare_operators

declare_operators()
from torchvision import models  # noqa: E402  after the operators

MEMORY = 50_000_000


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    path = tmp_path / "large.png"
    Image.fromarray(np.zeros((900, 1400, 3), np.uint8)).save(path)
    return path


def processor_of(name: str, folder: Path, long_side: int | None = None) -> PictureProcessor:
    torch.manual_seed(0)
    weights = folder / f"{name}.safetensors"
    save_file(models.get_model(name, num_classes=5).state_dict(), weights)
    sections = {
        "model": {"backbone": name, "weights": str(weights)},
        "output": {"path": folder / "out"},
        "infer": {"long_side": long_side, "padding": "zeros"},
        "heatmap": {"weights": "linear", "labels": ["class 1"], "normalize": "minmax"},
    }
    config = Config.model_validate(sections)
    prepare_output(config.output.path)
    model, maker = load_model(find_model(config.source)), Maker(name, "0" * 64, "0" * 64)
    return PictureProcessor(config, model, maker, RunExports(config), MEMORY)


def test_a_net_with_global_operations_is_named_and_where_it_has_them(
    picture: Path, tmp_path: Path
) -> None:
    processor = processor_of("mobilenet_v3_small", tmp_path)
    with pytest.raises(ImageError) as told:
        processor.process_file("large.png", picture, Clock())
    message = str(told.value)
    assert re.search(r"1400 x 900 pixels need about 0.\d GiB, a worker has 0.0 GiB", message)
    assert "cannot be shown to mobilenet_v3_small in parts" in message
    assert re.search(r"in 9 places, the first is .*avgpool", message)
    assert "raise run.memory_limit" in message


def test_the_long_side_that_is_proposed_fits(picture: Path, tmp_path: Path) -> None:
    processor = processor_of("mobilenet_v2", tmp_path)
    with pytest.raises(ImageError, match=r"set infer\.long_side=\d+, use fewer") as told:
        processor.process_file("large.png", picture, Clock())
    assert "in parts" not in str(told.value)
    side = int(str(told.value).partition("long_side=")[2].partition(",")[0])
    assert 200 < side < 1400
    fitting = processor_of("mobilenet_v2", tmp_path, side)
    assert fitting.process_file("large.png", picture, Clock()).pages == 1


def test_a_page_of_more_than_100_megapixels_may_take_longer(tmp_path: Path) -> None:
    sheet = tmp_path / "sheet.png"
    Image.new("1", (20_000, 10_000)).save(sheet)
    times: list[float] = []
    with pytest.raises(ImageError, match="need about"):
        processor_of("mobilenet_v2", tmp_path).process_file("sheet.png", sheet, Clock(on_large=times.append))  # fmt: skip
    assert times == [2.0]
