"""Runs to export: a real one, and made-up pages for what no picture has."""

import copy
import hashlib
import json
import shutil
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from lxml import etree
from PIL import ExifTags, Image, ImageDraw, ImageFont

from locpipe.pipeline.config.sections import Config
from locpipe.pipeline.export.write import RunExports, export
from locpipe.pipeline.output.archive import open_run
from locpipe.pipeline.run.options import Options
from locpipe.pipeline.run.run import execute


@pytest.fixture(scope="session")
def finished_once(
    tmp_path_factory: pytest.TempPathFactory, photographs: dict[str, np.ndarray]
) -> Path:
    """`pictures/` and `out/`, the quick config's results for three of them."""
    folder = tmp_path_factory.mktemp("finished")
    pictures = folder / "pictures"
    (pictures / "signs").mkdir(parents=True)
    Image.fromarray(photographs["coffee"]).resize((300, 200)).save(pictures / "coffee.jpg")
    Image.fromarray(photographs["text"]).save(pictures / "signs" / "text.PNG")
    plain = [Image.new("L", (40 + n, 60), 200) for n in range(2)]
    plain[0].save(pictures / "plain.tif", save_all=True, append_images=plain[1:])
    execute(quick(pictures, folder / "out"), Options(), RunExports)
    return folder


def quick(pictures: Path, output: Path) -> Config:
    """The paper's settings, in this process."""
    return Config.model_validate(
        {
            "model": "digits",
            "input": {"path": pictures},
            "output": {"path": output},
            "heatmap": {"weights": "paper", "normalize": "minmax", "labels": ["text"]},
            "threshold": {"method": "mean_std"},
            "run": {"workers": 0},
        }
    )


@pytest.fixture
def finished(finished_once: Path, tmp_path: Path) -> Path:
    """A copy of a finished run's `pictures/` and `out/`, to spoil at will."""
    shutil.copytree(finished_once, tmp_path / "run")
    report = json.loads((tmp_path / "run" / "out" / "run.json").read_bytes())
    report["root"] = report["config"]["input"]["path"] = str(tmp_path / "run" / "pictures")
    (tmp_path / "run" / "out" / "run.json").write_text(json.dumps(report))
    return tmp_path / "run"


BOXES = [
    {"label": "text", "score": 0.93, "rect": [20, 30, 120, 60], "line": 0,
     "polygon": [[20.0, 30.0], [120.0, 30.0], [120.0, 60.0], [20.0, 60.0]]},
    {"label": "<b>&\"'\u0001", "score": 0.5, "rect": [130, 28, 201, 68], "line": 0,
     "polygon": [[133.0, 28.0], [201.0, 40.0], [198.0, 68.0], [130.0, 56.0]],
     "class": "7", "probability": 0.25},
    {"label": "text", "score": 0.75, "rect": [20, 70, 140, 110], "line": 1,
     "polygon": [[20.0, 90.0], [80.0, 70.0], [140.0, 90.0], [140.0, 110.0], [80.0, 90.0], [20.0, 110.0]]},
]  # fmt: skip
"""A word, a turned one beside it with a hostile label, and a curved one below; in 240 x 120."""

Made = tuple[Image.Image, int, list[dict[str, Any]]]
MakeRun = Callable[[dict[str, Made]], Path]
Export = Callable[..., Path]
ExportedSign = Callable[[str, int], Path]


def save_stored(upright: Image.Image, orientation: int, file: Path) -> None:
    """Save a picture so that EXIF has to turn it upright."""
    stored = upright if orientation == 1 else upright.transpose(STORED[orientation])
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = orientation
    file.parent.mkdir(parents=True, exist_ok=True)
    stored.save(file, exif=exif)


STORED = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}


def box_document(key: str, made: Made, sha256: str) -> dict[str, Any]:
    upright, orientation, boxes = made
    width, height = upright.size
    stored = (height, width) if orientation >= 5 else (width, height)
    return {
        "schema": "locpipe/boxes/2",
        "image": {
            "path": key,
            "page": 1,
            "width": width,
            "height": height,
            "exif_orientation": orientation,
            "stored_width": stored[0],
            "stored_height": stored[1],
            "sha256": sha256,
        },
        "made_by": {
            "locpipe": "0.2.0",
            "model": "m",
            "model_sha256": "0" * 64,
            "config_sha256": "1" * 64,
        },
        "labels": list(dict.fromkeys(["text", *(box["label"] for box in boxes)])),
        "boxes": boxes,
    }


@pytest.fixture
def make_run(tmp_path: Path) -> MakeRun:
    """Writes what a run over upright pictures, stored with an orientation, would have with boxes."""
    return lambda pictures: write_run(tmp_path / "made", pictures)


def write_run(folder: Path, pictures: dict[str, Made]) -> Path:
    for key, made in pictures.items():
        file = folder / "pictures" / key
        save_stored(made[0], made[1], file)
        write_boxes(folder, key, made, hashlib.sha256(file.read_bytes()).hexdigest())
    write_run_report(folder)
    return folder


def write_boxes(folder: Path, key: str, made: Made, sha256: str) -> None:
    boxes = folder / "out" / "boxes" / f"{key}.json"
    boxes.parent.mkdir(parents=True, exist_ok=True)
    boxes.write_text(json.dumps(box_document(key, made, sha256)))


def write_run_report(folder: Path) -> None:
    where = quick(folder / "pictures", folder / "out").model_dump(mode="json")
    report = {"schema": "locpipe/run/1", "exit_code": 0, "config": where}
    (folder / "out" / "run.json").write_text(json.dumps(report))
    (folder / "out" / "failures.jsonl").touch()


@pytest.fixture
def sign() -> Image.Image:
    """White, 240 x 120, with a mark that tells left from right and up from down."""
    picture = Image.new("RGB", (240, 120), "white")
    picture.paste((200, 0, 0), (20, 30, 60, 40))
    picture.paste((0, 0, 200), (100, 50, 120, 60))
    return picture


@pytest.fixture(scope="session")
def words() -> Made:
    """A page of print with a box around each of two words."""
    picture = Image.new("RGB", (700, 300), "white")
    draw = ImageDraw.Draw(picture)
    boxes = []
    for line, (text, at) in enumerate((("ALPHA", (40, 40)), ("BRAVO", (330, 190)))):
        font = ImageFont.load_default(60)
        left, top, right, bottom = (round(v) for v in draw.textbbox(at, text, font))
        draw.text(at, text, "black", font)
        polygon = [[left, top], [right, top], [right, bottom], [left, bottom]]
        boxes.append({"label": "text", "score": 0.9, "rect": [left, top, right, bottom], "polygon": [[float(x), float(y)] for x, y in polygon], "line": line})  # fmt: skip
    draw.text((40, 230), "noise", "black", ImageFont.load_default(30))
    return picture, 1, boxes


@pytest.fixture
def boxes() -> list[dict[str, Any]]:
    return copy.deepcopy(BOXES)


@pytest.fixture(scope="session")
def exported() -> Export:
    """Exports a made run, which leaves nothing out, and returns the folder of exports."""

    def run(folder: Path, *formats: str) -> Path:
        assert export(open_run(folder / "out"), formats) == 0
        return folder / "out" / "exports"

    return run


@pytest.fixture
def exported_sign(
    make_run: MakeRun, exported: Export, sign: Image.Image, boxes: list[dict[str, Any]]
) -> ExportedSign:
    """Exports the sign as `s/a.png`, stored with an orientation, and returns the folder of exports."""
    return lambda name, orientation: exported(
        make_run({"s/a.png": (sign, orientation, boxes)}), name
    )


@pytest.fixture(scope="session")
def official() -> Callable[[str], etree.XMLSchema]:
    """Official schemas by the name of their file, nothing fetched."""
    folder = Path(__file__).parents[1] / "pipeline" / "export" / "official"
    return cache(lambda name: etree.XMLSchema(etree.parse(folder / name)))
