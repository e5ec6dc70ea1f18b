"""The scales and polarities at which a network sees a picture."""

from __future__ import annotations

import math
from collections.abc import Iterator

from .settings import InferSettings, Polarity

_MOST = 1.5  # largest factor: an icon enlarged further shows nothing new
_COARSE = 1 / 4, 1 / 16  # times the smallest of the usual scales
_LEAST_SHOWN = 48  # pixels; on smaller copies, no letter is too large for the next larger scale


def passes(settings: InferSettings, width: int, height: int) -> Iterator[tuple[float, Polarity]]:
    """Yield scale and polarity of every pass over a picture, those of one scale together.

    Args:
        settings: scales, polarities and limits of size.
        width: of the picture in pixels.
        height: of the picture in pixels.
    """
    for scale in scales(settings, width, height):
        for polarity in settings.polarities:
            yield scale, polarity


def scales(settings: InferSettings, width: int, height: int) -> list[float]:
    """Return the factors on both sides of a picture of that size, largest first."""
    fit = fitted(settings, width, height)
    return [
        *(fit * scale for scale in settings.scale),
        *coarse_scales(settings, width, height),
    ]


def coarse_scales(settings: InferSettings, width: int, height: int) -> list[float]:
    """Return the factors of the passes that only look for large letters, largest first."""
    if settings.coarse == "none":
        return []
    least = fitted(settings, width, height) * settings.scale[-1]
    shorter = min(width, height)
    return [least * share for share in _COARSE if least * share * shorter >= _LEAST_SHOWN]


def fitted(settings: InferSettings, width: int, height: int) -> float:
    """Return the factor that a picture is enlarged or shrunk by, for its size."""
    wanted = settings.enlarge_to or 0.0
    larger = min(max(math.sqrt(1e6 * wanted / (width * height)), 1.0), _MOST)
    return min(larger, settings.long_side / max(width, height)) if settings.long_side else larger
