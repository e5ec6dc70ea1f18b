"""Let kraken parse our PAGE and ALTO, cut every line out of its picture, and read it.

    python benchmarks/read_by_kraken.py [folder of kraken's environment]

Kraken's pins clash with ours, so it gets its own environment. It is made if it is missing (some
gigabytes). The pictures are four photographs that ship with locpipe. One of them is also stored in
ways that need turning. A line counts if kraken finds it, with our baseline, and can cut it out. Then
the command of docs/ocr.md reads the lines; it must give a line of text for each. Only one package
contains a recognition model: ParisaOCR, for Persian print. It knows Latin letters a little.
"""

import json
import subprocess
import sys
import tempfile
import venv
from pathlib import Path

from PIL import ExifTags, Image

ROOT = Path(__file__).resolve().parents[1]
PICTURES = ("bicycles.jpg", "coffee.png", "newspaper.png", "telegraph_office.webp")
TURNED = {"six.jpg": (6, Image.Transpose.ROTATE_90), "eight.tif": (8, Image.Transpose.ROTATE_270)}
KRAKEN = "kraken==7.1.1"
PARISA = "parisaocr==0.7.2"
MODEL = "parisaocr/models/parisaocr-fa-0.1.safetensors"
SHOWN = "page/newspaper.png.xml"

IN_KRAKEN = """
import json, sys
from kraken.lib.segmentation import extract_polygons
from kraken.lib.util import open_image
from kraken.lib.xml import XMLPage
for file in sys.argv[1:]:
    page = XMLPage(file)
    found = page.to_container()
    with open_image(page.imagename) as picture:
        cut = sum(1 for _ in extract_polygons(picture, found)) if found.lines else 0
        size = picture.size
    print(json.dumps([file, len(found.lines), cut, size == tuple(page.image_size)]))
"""


def main() -> None:
    """Print what kraken found, and fail if it differs from what locpipe wrote."""
    with tempfile.TemporaryDirectory() as folder:
        exports = exported(Path(folder), "page", "alto")
        place = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(folder, "kraken")
        python = environment(place, [KRAKEN], ["--no-deps", PARISA])
        files = sorted([*exports.rglob("page/*.xml"), *exports.rglob("alto/*.xml")])
        command = [str(python), "-c", IN_KRAKEN, *map(str, files)]
        read = subprocess.run(command, check=True, capture_output=True, text=True)
        _recognize(python, exports)
        columns = "lines written, lines parsed, lines cut out, picture upright, lines of text"
        lines = [f"{KRAKEN}, {PARISA}: file, {columns}\n"]
        wrong = False
        for entry in read.stdout.splitlines():
            file, found, cut, upright = json.loads(entry)
            written = Path(file).read_text().count("<TextLine ")
            text = Path(file).with_suffix(".txt").read_text()
            recognized = text.count("\n") + bool(written)
            wrong = wrong or not (written == found == cut == recognized and upright)
            name = Path(file).relative_to(exports)
            lines.append(f"{name}  {written}  {found}  {cut}  {upright}  {recognized}\n")
        lines += [f"\nWhat it reads of {SHOWN}:\n", (exports / SHOWN).with_suffix(".txt").read_text(), "\n"]  # fmt: skip
    print("".join(lines), end="")
    (ROOT / "benchmarks" / "results" / "read_by_kraken.txt").write_text("".join(lines))
    sys.exit(int(wrong))


def exported(folder: Path, *formats: str) -> Path:
    """Localize text on the pictures in `folder/pictures`, and return the folder of the exports."""
    pictures = folder / "pictures"
    pictures.mkdir()
    for name in PICTURES:
        (pictures / name).write_bytes((ROOT / "data" / "samples" / name).read_bytes())
    with Image.open(pictures / "newspaper.png") as picture:
        upright = picture.convert("RGB")
        for name, (orientation, stored) in TURNED.items():
            exif = Image.Exif()
            exif[ExifTags.Base.Orientation] = orientation
            upright.transpose(stored).save(pictures / name, exif=exif)
    locpipe = [sys.executable, "-m", "locpipe"]
    arguments = ["--input", str(pictures), "--output", str(folder / "out"), "--workers", "0", "-q"]
    subprocess.run([*locpipe, "run", "text", *arguments], check=True)
    subprocess.run([*locpipe, "export", str(folder / "out"), "--to", ",".join(formats)], check=True)
    return folder / "out" / "exports"


def _recognize(python: Path, exports: Path) -> None:
    """Read every file with the command of docs/ocr.md; kraken writes the text beside it."""
    kraken = python.with_name("kraken")
    (model,) = python.parents[1].rglob(MODEL)
    for name in ("page", "alto"):
        command = [str(kraken), "-f", "xml", "-I", f"{exports}/{name}/*.xml", "-o", ".txt"]
        subprocess.run([*command, "ocr", "-m", str(model)], check=True, stdout=subprocess.DEVNULL)


def environment(folder: Path, *wanted: list[str]) -> Path:
    """Return the Python of an environment; if it is missing, make it and let pip install `wanted`."""
    python = folder / "bin" / "python"
    if not python.exists():
        venv.create(folder, with_pip=True)
        for arguments in wanted:
            subprocess.run([str(python), "-m", "pip", "install", "-q", *arguments], check=True)
    return python


if __name__ == "__main__":
    main()
