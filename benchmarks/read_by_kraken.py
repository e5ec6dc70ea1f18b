"""Let kraken's own parser read our PAGE and ALTO, and cut every line out of its picture.

    python benchmarks/read_by_kraken.py [folder of kraken's environment]

Kraken's pins clash with ours, so it gets an environment of its own, made where there is none yet
(some gigabytes). Written and read: four photographs that ship, and one of them stored in ways that
need turning. A line counts when kraken finds it, with our baseline, and can cut it out.
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
    """Print what kraken found, and fail where that is not what was written."""
    with tempfile.TemporaryDirectory() as folder:
        exports = _export(Path(folder))
        python = _environment(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(folder, "kraken"))
        files = sorted([*exports.rglob("page/*.xml"), *exports.rglob("alto/*.xml")])
        command = [str(python), "-c", IN_KRAKEN, *map(str, files)]
        read = subprocess.run(command, check=True, capture_output=True, text=True)
        lines = [f"{KRAKEN}: file, lines written, lines read, lines cut out, picture upright\n"]
        wrong = False
        for text in read.stdout.splitlines():
            file, found, cut, upright = json.loads(text)
            written = Path(file).read_text().count("<TextLine ")
            wrong = wrong or not (written == found == cut and upright)
            lines.append(
                f"{Path(file).relative_to(exports)}  {written}  {found}  {cut}  {upright}\n"
            )
    print("".join(lines), end="")
    (ROOT / "benchmarks" / "results" / "read_by_kraken.txt").write_text("".join(lines))
    sys.exit(int(wrong))


def _export(folder: Path) -> Path:
    """Localize text on the pictures, and return the folder of the exports."""
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
    subprocess.run([*locpipe, "export", str(folder / "out"), "--to", "page,alto"], check=True)
    return folder / "out" / "exports"


def _environment(folder: Path) -> Path:
    """Return the Python of an environment with kraken."""
    python = folder / "bin" / "python"
    if not python.exists():
        venv.create(folder, with_pip=True)
        subprocess.run([str(python), "-m", "pip", "install", "-q", KRAKEN], check=True)
    return python


if __name__ == "__main__":
    main()
