"""The folder in which the pages of docs/ are followed: photographs, labelled pictures, marks."""

import json
import shutil
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from locpipe.stages.nets.torchvision_shim import torchvision

SAMPLES = Path(__file__).resolve().parents[2] / "data" / "samples"
SIDE, LEFT, TOP, HIDE = 96, 20, 30, 40


def animal(name: str, number: int) -> NDArray[np.uint8]:
    """A meadow with the hide of an animal, uint8 [SIDE, SIDE, 3]: brown, or striped."""
    random = np.random.default_rng(number)
    picture = random.normal((60, 140, 70), 12, (SIDE, SIDE, 3))
    hide = np.full((HIDE, HIDE, 3), (45, 75, 120.0))
    if name == "zebra":
        hide[:] = np.where(np.arange(HIDE) // 4 % 2, 230, 20)[None, :, None]
    picture[TOP : TOP + HIDE, LEFT : LEFT + HIDE] = hide + random.normal(0, 8, hide.shape)
    return picture.clip(0, 255).astype(np.uint8)


def furnish(folder: Path) -> None:
    """Write the files that the pages name: photos, animals, boxes.csv of some, r18.pth."""
    for place in ("photos", "some"):
        (folder / place).mkdir()
    shutil.copy(SAMPLES / "newspaper.png", folder / "photos")
    rows = ["image,xmin,ymin,xmax,ymax,label"]
    for name in ("horse", "zebra"):
        (folder / "animals" / name).mkdir(parents=True)
        for number in range(6):
            cv2.imwrite(str(folder / "animals" / name / f"{number}.png"), animal(name, number))
        for number in (6, 7):
            file = f"{name}-{number}.png"
            rows.append(f"{file},{LEFT},{TOP},{LEFT + HIDE},{TOP + HIDE},{name}")
            if number == 6:  # of the other there is only the truth
                cv2.imwrite(str(folder / "some" / file), animal(name, number))
    (folder / "boxes.csv").write_text("\n".join(rows) + "\n")
    torch.manual_seed(0)
    torch.save(torchvision().models.resnet18(num_classes=2).state_dict(), folder / "r18.pth")


def mark(folder: Path) -> None:
    """Write the marks.json that the report of `results` would save: one box is right."""
    file = folder / "results" / "boxes" / "newspaper.png.json"
    document = json.loads(file.read_bytes())
    picture = {name: document["image"][name] for name in ("path", "page", "sha256")}
    boxes = [{"rect": document["boxes"][0]["rect"], "mark": "right"}]
    marked = {"schema": "locpipe/marks/1", "pictures": [{**picture, "boxes": boxes, "missed": []}]}
    (folder / "marks.json").write_text(json.dumps(marked))
