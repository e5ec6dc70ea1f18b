"""Renderings as files: pictures, boxes in the schema of our results, and ground truth.

    pictures/000007.png            boxes/000007.png.json          gt/000007.txt

The boxes are what a perfect model would find. The ground truth also has the transcriptions, and the
words that nobody could read (`###`), in the format that `locpipe evaluate` reads.
"""

import hashlib
import io
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from PIL import Image

from ....stages.geometry.box import Box
from ...output.atomic import write_atomically, write_json
from ...output.box_json import Maker, Page, box_document
from ...output.layout import prepare_output, result_path
from .render import Renderer
from .settings import RenderSettings
from .truth import UNREADABLE, RenderedWord, Rendering


def export(settings: RenderSettings, output: Path, indices: Iterable[int]) -> int:
    """Write the three files of every index; return how many readable words these pictures have.

    Raises:
        ConfigError: The renderer finds no fonts, words or backgrounds.
        ImageError: A background does not open.
        OutputError: The folder cannot be written.
    """
    renderer = Renderer(settings)
    prepare_output(output)
    words = 0
    for index in indices:
        rendering, name = renderer.render(index), f"{index:06d}.png"
        picture = io.BytesIO()
        Image.fromarray(rendering.rgb).save(picture, "PNG")
        data = picture.getvalue()
        write_atomically(output, output / "pictures" / name, data)
        write_atomically(output, output / "gt" / f"{index:06d}.txt", _truth(rendering))
        document = box_document(page_of_rendering(rendering, name, data, settings))
        write_json(output, result_path(output, "boxes", name, 1), document)
        words += sum(word.text != UNREADABLE for word in rendering.words)
    return words


def _truth(rendering: Rendering) -> bytes:
    """A line for every word: x1,y1,x2,y2,x3,y3,x4,y4,transcription."""
    lines = [
        ",".join([*(f"{value:.2f}" for value in word.quad.ravel().tolist()), word.text])
        for word in rendering.words
    ]
    return "".join(f"{line}\n" for line in lines).encode()


def page_of_rendering(
    rendering: Rendering, path: str, data: bytes, settings: RenderSettings
) -> Page:
    """Return a picture with its readable words as boxes.

    The document names the picture by `path`. It has the hashes of its file (`data`) and of the
    settings.
    """
    height, width = rendering.rgb.shape[:2]
    settings_sha256 = hashlib.sha256(settings.model_dump_json().encode()).hexdigest()
    readable = [word for word in rendering.words if word.text != UNREADABLE]
    return Page(
        key=path,
        page=1,
        width=width,
        height=height,
        exif_orientation=1,
        stored_width=width,
        stored_height=height,
        sha256=hashlib.sha256(data).hexdigest(),
        labels=("text",),
        boxes=tuple(_box(word, width, height) for word in readable),
        made_by=Maker("renderer:scene_text", settings_sha256, settings_sha256),
    )


def _box(word: RenderedWord, width: int, height: int) -> Box:
    # Boxes are cut off at the border of the picture.
    corners = np.clip(word.polygon, 0, (width, height)).round(2).astype(float)
    left, top = np.floor(corners.min(0)).astype(int).tolist()
    right, bottom = np.ceil(corners.max(0)).astype(int).tolist()
    polygon = tuple((x, y) for x, y in corners.tolist())
    return Box("text", 1.0, polygon, (left, top, right, bottom), word.line)
