"""Square parts of pictures as a training shows them."""

import cv2
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray


def cut_out(
    rgb: NDArray[np.uint8], corner: NDArray[np.float64], zoom: float, side: int
) -> NDArray[np.uint8]:
    """Return the part that begins at a corner (x, y), enlarged by `zoom`, uint8 [side, side, 3]."""
    # OpenCV maps pixel centres; our frame starts at the outer corner of the first pixel.
    matrix = np.array([[1, 0, corner[0] - 0.5], [0, 1, corner[1] - 0.5]])
    matrix[:, :2] /= zoom
    matrix[:, 2] += 0.5 / zoom
    mode = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    border = cv2.BORDER_REPLICATE
    source = _softened(rgb, zoom)
    cut = cv2.warpAffine(source, matrix, (side, side), flags=mode, borderMode=border)
    return np.asarray(cut, np.uint8)


def zoomed(
    height: int, width: int, side: int, zoom: tuple[float, float], random: Generator
) -> float:
    """Draw how much a part is enlarged, log-uniform, at least so that it lies in the picture."""
    drawn = np.exp(random.uniform(*np.log(zoom)))
    return float(max(drawn, side / min(height, width)))


def _softened(rgb: NDArray[np.uint8], zoom: float) -> NDArray[np.uint8]:
    """Blur before shrinking, as the pixels of a camera do."""
    if zoom > 0.9:
        return rgb
    return np.asarray(cv2.GaussianBlur(rgb, (0, 0), 0.4 / zoom), np.uint8)


def recoloured(rgb: NDArray[np.uint8], random: Generator) -> NDArray[np.uint8]:
    """Invert, swap channels or take the colour away at times, so that a second crop looks new."""
    kind = random.random()
    if kind < 0.15:
        rgb = 255 - rgb
    elif kind < 0.3:
        rgb = rgb[..., random.permutation(3)]
    elif kind < 0.4:
        rgb = np.repeat(cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY)[..., None], 3, axis=2)
    return np.ascontiguousarray(rgb)
