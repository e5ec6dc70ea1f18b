"""Any 8-bit Pillow mode to sRGB, through the embedded ICC profile where there is one."""

import io
from functools import lru_cache

import numpy as np
import PIL.Image
from numpy.typing import NDArray
from PIL import ImageCms

_MODE_OF_SPACE = {"RGB": "RGB", "GRAY": "L", "CMYK": "CMYK"}


def as_meant(
    picture: PIL.Image.Image, covered: tuple[int, int, int, int] | None, *, is_sure: bool
) -> PIL.Image.Image:
    """Give a picture the alpha that viewers show. The stored alpha may differ.

    Args:
        picture: Any 8-bit mode.
        covered: Left, top, right, bottom of the part that the first frame of a GIF covers. The rest
            is transparent. None: the frame covers everything.
        is_sure: Whether the file says that its fourth channel is alpha. If it does not say so, an
            alpha of 0 everywhere counts as never set.
    """
    if not is_sure and picture.mode == "RGBA" and picture.getchannel("A").getextrema() == (0, 0):
        return picture.convert("RGB")
    if covered is None or covered == (0, 0, *picture.size):
        return picture
    canvas = PIL.Image.new("RGBA", picture.size)
    canvas.paste(picture.convert("RGBA").crop(covered), covered[:2])
    return canvas


def split_alpha(picture: PIL.Image.Image) -> tuple[PIL.Image.Image, PIL.Image.Image | None]:
    """Return the colours without transparency, and the alpha channel (mode L) or None."""
    if picture.mode == "La":
        picture = picture.convert("LA")  # Pillow converts this mode to no other
    if not picture.has_transparency_data:
        return picture, None
    rgba = picture.convert("RGBA")
    # Grey stays grey, since a grey profile fits nothing else.
    colours = picture.convert("L") if picture.mode in {"1", "L", "LA"} else rgba.convert("RGB")
    return colours, rgba.getchannel("A")


def means_srgb(mode: str, icc_profile: bytes | None) -> bool:
    """Say whether pixels of mode L or RGB are sRGB already, so that `to_srgb` changes nothing."""
    if icc_profile is None:
        return True
    try:
        of_profile, transform = _transform(icc_profile)
    except ValueError:
        return False
    return transform is None and (of_profile == "RGB" or mode == "L")


def to_srgb(picture: PIL.Image.Image, icc_profile: bytes | None) -> PIL.Image.Image:
    """Convert a picture without alpha to RGB mode in sRGB.

    Args:
        picture: Mode 1, L, P, RGB, YCbCr, CMYK or LAB.
        icc_profile: The profile that the file embeds. None means sRGB or its grey; for CMYK it
            means Pillow's plain formula.

    Raises:
        ValueError: The profile is broken, or made for another colour space than the picture's.
    """
    if picture.mode == "LAB":
        return _apply(_lab_to_srgb(), picture)
    if icc_profile is None:
        return _as_mode(picture, "RGB")
    mode, transform = _transform(icc_profile)
    if (mode == "CMYK") != (picture.mode == "CMYK") or (
        mode == "L" and picture.mode not in {"1", "L"}
    ):
        msg = f"it describes {mode} pixels, the picture has {picture.mode}"
        raise ValueError(msg)
    if transform is None:
        return _as_mode(picture, "RGB")
    return _apply(transform, _as_mode(picture, mode))


def _as_mode(picture: PIL.Image.Image, mode: str) -> PIL.Image.Image:
    return picture if picture.mode == mode else picture.convert(mode)  # convert would copy


@lru_cache(maxsize=16)
def _transform(icc_profile: bytes) -> tuple[str, ImageCms.ImageCmsTransform | None]:
    """Return the pixel mode of a profile, and its transform to sRGB; None: it is sRGB already."""
    try:
        profile = ImageCms.ImageCmsProfile(io.BytesIO(icc_profile))
        space = profile.profile.xcolor_space.strip()
        mode = _MODE_OF_SPACE[space]
        transform = ImageCms.buildTransform(profile, ImageCms.createProfile("sRGB"), mode, "RGB")
    except KeyError as error:
        msg = f"{error} is no colour space that pictures are stored in"
        raise ValueError(msg) from error
    except (OSError, ImageCms.PyCMSError) as error:
        raise ValueError(str(error)) from error
    return mode, None if _is_identity(transform, mode) else transform


def _is_identity(transform: ImageCms.ImageCmsTransform, mode: str) -> bool:
    """Say whether no colour of a 9-step lattice moves by more than one level.

    Dozens of profiles mean sRGB, with different names and bytes. The test takes 2 ms once. It saves
    a transform of 13 ms per megapixel, which would also move some pixels by a rounding step.
    """
    if mode == "CMYK":
        return False
    steps = np.linspace(0, 255, 9).round().astype(np.uint8)
    cube: NDArray[np.uint8] = np.stack(np.meshgrid(steps, steps, steps), axis=-1)
    lattice = PIL.Image.fromarray(cube.reshape(27, 27, 3)).convert(mode)
    before = np.asarray(lattice.convert("RGB"), dtype=np.int16)
    after = np.asarray(_apply(transform, lattice), dtype=np.int16)
    return bool(np.abs(after - before).max() <= 1)


@lru_cache(maxsize=1)
def _lab_to_srgb() -> ImageCms.ImageCmsTransform:
    lab, srgb = ImageCms.createProfile("LAB"), ImageCms.createProfile("sRGB")
    return ImageCms.buildTransform(lab, srgb, "LAB", "RGB")


def _apply(transform: ImageCms.ImageCmsTransform, picture: PIL.Image.Image) -> PIL.Image.Image:
    converted = ImageCms.applyTransform(picture, transform)
    assert converted is not None  # None is only returned when working in place
    return converted
