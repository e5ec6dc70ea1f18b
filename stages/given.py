"""A picture in memory becomes an `Image`, as `load` makes it from a file."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image as PillowImage

from .decoding.orientation import UPRIGHT_WHEN_DECODED, exif_orientation, turned_upright
from .errors import ImageError
from .load import Image

_HOW = (
    "give a file, a PIL image, uint8 [H, W, 3] in the order red, green, blue, or grey as [H, W], or a "
    "tensor [3, H, W] of uint8 or of 0..1 (one of a batch; not normalized)"
)
_WHOLE = frozenset({"1", "L", "LA", "P", "PA", "RGB", "RGBA", "CMYK", "YCbCr", "LAB", "HSV"})


def image_of(picture: object) -> Image:
    """Return a picture in memory as an upright image.

    Args:
        picture: an array uint8 [H, W, 3] (sRGB) or [H, W], upright; or a PIL image, which is turned
            upright by EXIF and composed on white; or a tensor [3, H, W] or [1, H, W], uint8 or
            floating point in 0..1.

    Raises:
        ImageError: the argument is none of these; the message says what is accepted.
    """
    if isinstance(picture, PillowImage.Image):
        return _image(_of_pillow(picture))
    if isinstance(picture, np.ndarray):
        return _image(picture)
    if hasattr(picture, "detach") and hasattr(picture, "cpu"):  # a tensor; torch need not be loaded
        return _image(_of_tensor(picture))
    kind = type(picture).__name__
    remedy = "; for several pictures call it once per picture" if kind in {"list", "tuple"} else ""
    msg = f"a {kind} is not a picture; {_HOW}{remedy}"
    raise ImageError(msg)


def _of_pillow(picture: PillowImage.Image) -> NDArray[np.uint8]:
    if picture.mode not in _WHOLE:
        msg = (
            f"a PIL image of mode {picture.mode} has more than 8 bits; save it and give the file, or "
            "scale it to uint8"
        )
        raise ImageError(msg)
    stored = picture.copy()  # the caller's picture is not changed
    orientation = 1 if picture.format in UPRIGHT_WHEN_DECODED else exif_orientation(stored)
    if stored.has_transparency_data:
        stored = stored.convert("RGBA")
        white = PillowImage.new("RGBA", stored.size, "white")
        stored = PillowImage.alpha_composite(white, stored)
    return turned_upright(np.asarray(stored.convert("RGB"), np.uint8), orientation)


def _of_tensor(tensor: Any) -> NDArray[Any]:  # noqa: ANN401 - torch need not be loaded
    """Return a tensor as uint8 [H, W, 3] or [H, W]; if it is no picture, as an array unchanged."""
    values = tensor.detach().cpu()
    pixels: NDArray[Any] = values.float().numpy() if values.is_floating_point() else values.numpy()
    if pixels.ndim == 3 and pixels.shape[0] in {1, 3}:
        pixels = pixels[0] if pixels.shape[0] == 1 else np.moveaxis(pixels, 0, -1)
    if pixels.dtype == np.float32 and pixels.size and pixels.min() >= 0 and pixels.max() <= 1:
        return np.asarray(np.rint(pixels * 255), np.uint8)
    return pixels


def _image(pixels: NDArray[Any]) -> Image:
    rgb = np.repeat(pixels[..., None], 3, axis=2) if pixels.ndim == 2 else pixels
    if rgb.dtype != np.uint8 or rgb.ndim != 3 or rgb.shape[2] != 3 or 0 in rgb.shape:
        msg = f"an array of {pixels.dtype} {list(pixels.shape)} is not a picture; {_HOW}"
        raise ImageError(msg)
    height, width = rgb.shape[:2]
    return Image(np.ascontiguousarray(rgb), Path(), 1, 1, 1, width, height)
