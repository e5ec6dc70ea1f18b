"""A picture in memory is what `load` makes of its file."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from locpipe.stages.given import image_of
from locpipe.stages.load import load

XMP = (
    '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
    '<rdf:Description xmlns:tiff="http://ns.adobe.com/tiff/1.0/" tiff:Orientation="6"/></rdf:RDF></x:xmpmeta>'
)
PIXELS = np.arange(12 * 16 * 3, dtype=np.uint8).reshape(12, 16, 3)


def same(file: Path) -> None:
    with Image.open(file) as picture:
        picture.load()
        before = dict(picture.info)
        given = image_of(picture)
        assert picture.info == before
    np.testing.assert_array_equal(given.rgb, load(file).rgb)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("name", ["a.png", "a.jpg", "a.webp", "a.tif"])
def test_it_is_turned_as_exif_says(name: str, orientation: int, tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.fromarray(PIXELS).save(tmp_path / name, exif=exif)
    same(tmp_path / name)


def test_it_is_not_turned_as_xmp_says(tmp_path: Path) -> None:
    text = PngInfo()
    text.add_itxt("XML:com.adobe.xmp", XMP)
    Image.fromarray(PIXELS).save(tmp_path / "a.png", pnginfo=text)
    with Image.open(tmp_path / "a.png") as picture:
        assert image_of(picture).rgb.shape == PIXELS.shape
    same(tmp_path / "a.png")


def test_it_lies_on_white(tmp_path: Path) -> None:
    rgba = np.dstack([PIXELS, np.full(PIXELS.shape[:2], 99, np.uint8)])
    Image.fromarray(rgba).save(tmp_path / "a.png")
    same(tmp_path / "a.png")
