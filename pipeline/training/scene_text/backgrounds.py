"""What lies behind the text: photographs, and surfaces made from noise."""

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from ....stages.errors import ConfigError, ImageError
from .chance import chance, log_uniform, normal, pick, uniform, weighted
from .colours import any_colour
from .pose import Pose, rectangle, tilt
from .shapes import fill
from .texture import clouds, grain

SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff"})
Picture = NDArray[np.uint8]


def find_photographs(key: str, folders: tuple[Path, ...], keep_out_every: int) -> tuple[Path, ...]:
    """Photographs of each folder, sorted by name, without the first of every `keep_out_every`.

    `key` of the config names the folders, in messages.

    Raises:
        ConfigError: A folder does not exist or holds no pictures.
    """
    found: list[Path] = []
    for folder in folders:
        if not folder.is_dir():
            message = f"{key}: {folder} is no folder; name one that exists, or none"
            raise ConfigError(message)
        pictures = sorted(path for path in folder.iterdir() if path.suffix.lower() in SUFFIXES)
        if not pictures:
            message = f"{key}: no pictures in {folder}; name another folder, or none"
            raise ConfigError(message)
        every = keep_out_every
        found += [path for i, path in enumerate(pictures) if not every or i % every]
    return tuple(found)


@dataclass(frozen=True)
class Backgrounds:
    """Draws backgrounds of one size."""

    photographs: tuple[Path, ...]
    width: int
    height: int

    def photograph(self, rng: np.random.Generator) -> Picture:
        """A crop [height, width, 3] of a photograph; if there are none, a made-up surface."""
        if not self.photographs:
            return self.surface(rng)
        kind = weighted(rng, ("enlarge", "mirror", "collage"), (0.7, 0.12, 0.18))
        if kind == "collage":
            return self._collage(rng)
        return _crop(rng, self._load(rng), self.width, self.height, enlarge=kind == "enlarge")

    def _load(self, rng: np.random.Generator) -> Picture:
        path = pick(rng, self.photographs)
        picture = cv2.imread(str(path), cv2.IMREAD_COLOR)
        if picture is None:
            message = f"{path}: this background does not open; mend it or take it out of the folder"
            raise ImageError(message)
        return np.asarray(cv2.cvtColor(picture, cv2.COLOR_BGR2RGB), np.uint8)

    def _collage(self, rng: np.random.Generator) -> Picture:
        """Four photographs side by side, with the hard edges of windows and posters."""
        x = round(self.width * uniform(rng, 0.25, 0.75))
        y = round(self.height * uniform(rng, 0.25, 0.75))
        canvas = np.empty((self.height, self.width, 3), np.uint8)
        for rows in (slice(0, y), slice(y, self.height)):
            for columns in (slice(0, x), slice(x, self.width)):
                size = columns.stop - columns.start, rows.stop - rows.start
                canvas[rows, columns] = _crop(rng, self._load(rng), *size, enlarge=False)
        return canvas

    def surface(self, rng: np.random.Generator) -> Picture:
        """A wall, paper, wood, sky or a plain front of a house [height, width, 3]."""
        shape = (self.height, self.width)
        first, second = any_colour(rng), any_colour(rng)
        fade = _slope(rng, shape) * (uniform(rng, 0, 1) if chance(rng, 0.5) else 0)
        picture = (first + fade[..., None] * (second - first)).astype(np.float32)
        for _ in range(int(rng.integers(0, 4))):
            lumps = clouds(rng, shape, round(log_uniform(rng, 2, 120)), log_uniform(rng, 0.2, 12))
            picture += (uniform(rng, 2, 22) * lumps)[..., None]
        if chance(rng, 0.4):
            _front(rng, picture)
        if chance(rng, 0.4):
            picture += grain(rng, shape) * np.float32(uniform(rng, 1, 12))
        return np.clip(picture, 0, 255).astype(np.uint8)


def _front(rng: np.random.Generator, picture: NDArray[np.float32]) -> None:
    """Doors, panes, ledges and floors, in place: rectangles of all sizes on one tilted plane."""
    height, width = picture.shape[:2]
    matrix = tilt(normal(rng, 0.35), normal(rng, 0.2), normal(rng, 0.04), 1.3 * width)
    pose = Pose(matrix).moved(width / 2, height / 2)
    for _ in range(int(rng.integers(3, 30))):
        x, y = uniform(rng, -width, width), uniform(rng, -height, height)
        wide, tall = (log_uniform(rng, 0.01, 0.8) * side for side in (width, height))
        colour = any_colour(rng) if chance(rng, 0.4) else picture[0, 0] + normal(rng, 40)
        outline = pose.forward(rectangle(x, y, x + wide, y + tall))
        fill(picture, outline, np.clip(colour, 0, 255).astype(np.float64))


def _slope(rng: np.random.Generator, shape: tuple[int, int]) -> NDArray[np.float32]:
    """A rise [h, w] from 0 to 1 in some direction."""
    angle = uniform(rng, 0, 2 * np.pi)
    down, across = np.ogrid[-1 : 1 : shape[0] * 1j, -1 : 1 : shape[1] * 1j]
    rise = 0.5 + 0.4 * (np.cos(angle) * across + np.sin(angle) * down)
    return np.asarray(np.clip(rise, 0, 1), np.float32)


def _crop(
    rng: np.random.Generator, photo: Picture, width: int, height: int, *, enlarge: bool
) -> Picture:
    """Cut [height, width, 3] out; enlarge a photograph that is too small, or mirror its edges."""
    tall, wide = photo.shape[:2]
    cover = max(width / wide, height / tall)
    scale = log_uniform(rng, cover, 1.7 * cover) if enlarge else uniform(rng, 0.55, 1.0)
    size = max(round(scale * wide), 1), max(round(scale * tall), 1)
    photo = np.asarray(cv2.resize(photo, size, interpolation=cv2.INTER_LINEAR), np.uint8)
    if chance(rng, 0.5):
        photo = photo[:, ::-1]
    across, down = max(width - size[0], 0), max(height - size[1], 0)
    photo = np.asarray(cv2.copyMakeBorder(photo, 0, down, 0, across, cv2.BORDER_REFLECT), np.uint8)
    x = int(rng.integers(0, photo.shape[1] - width + 1))
    y = int(rng.integers(0, photo.shape[0] - height + 1))
    return np.ascontiguousarray(photo[y : y + height, x : x + width])
