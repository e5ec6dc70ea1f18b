"""The effects of light, lens, sensor and file format on a picture."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from .chance import chance, log_uniform, normal, pick, uniform
from .texture import grain

Picture = NDArray[np.uint8]


@dataclass(frozen=True)
class Shot:
    """The finished picture [H, W, 3], how blurred (deviation in pixels) and how noisy it is."""

    rgb: Picture
    blur: float
    noise: float


def shoot(rgb: Picture, rng: np.random.Generator, most_blur: float) -> Shot:
    """Light, blur, sample, add noise and compress a picture [H, W, 3]; `rng` chooses which.

    `most_blur` is the deviation in pixels that most of the text still bears.
    """
    if chance(rng, 0.45):
        rgb = _light(rgb, rng)
    rgb = _develop(rgb, rng)
    rgb, blur = _blur(rgb, rng, most_blur)
    noise = log_uniform(rng, 1.5, 14) if chance(rng, 0.45) else 0.0
    if noise:
        noisy = rgb + np.float32(noise) * grain(rng, rgb.shape)
        rgb = np.clip(noisy, 0, 255).astype(np.uint8)
        if noise > 5 and chance(rng, 0.5):  # phones smooth their noise away
            rgb = np.asarray(cv2.GaussianBlur(rgb, (0, 0), 0.7), np.uint8)
    if chance(rng, 0.12):
        soft = cv2.GaussianBlur(rgb, (0, 0), 1.2)
        rgb = np.asarray(cv2.addWeighted(rgb, 1.8, soft, -0.8, 0), np.uint8)
    if chance(rng, 0.5):
        rgb = _compress(rgb, round(log_uniform(rng, 25, 95)))
    return Shot(rgb, blur, noise)


def _light(rgb: Picture, rng: np.random.Generator) -> Picture:
    """Uneven light: slopes, a lamp, or the hard edge of a shadow."""
    brightest = 1.25 if chance(rng, 0.8) else 2.2  # lamps and lit signs burn out
    coarse = rng.uniform(0.45, brightest, (int(rng.integers(2, 4)), int(rng.integers(2, 4))))
    gain = cv2.resize(coarse.astype(np.float32), rgb.shape[1::-1], interpolation=cv2.INTER_LINEAR)
    if chance(rng, 0.25):
        edge = (rng.random((4, 2)) * rgb.shape[1::-1]).astype(np.int32)
        cv2.fillPoly(gain, [cv2.convexHull(edge)], uniform(rng, 0.4, 0.8))
        gain = cv2.GaussianBlur(gain, (0, 0), log_uniform(rng, 0.8, 8))
    return np.asarray(np.clip(rgb * np.asarray(gain)[..., None], 0, 255), np.uint8)


def _develop(rgb: Picture, rng: np.random.Generator) -> Picture:
    """Exposure, contrast, white balance and gamma, as one table per channel."""
    if chance(rng, 0.3):
        return rgb
    level = np.arange(256) / 255
    gamma, gain = np.exp(normal(rng, 0.32)), np.exp(normal(rng, 0.15))
    lift = normal(rng, 0.05)
    tint = np.exp(0.05 * rng.standard_normal(3))
    values = level[:, None] ** gamma * gain * tint + lift
    if chance(rng, 0.15):  # dusk, haze, or the sky in a window pane: few greys are left
        values = uniform(rng, 0, 0.5) + (values - 0.5 * rng.random()) * uniform(rng, 0.25, 0.8)
    table = np.clip(values, 0, 1) * 255
    return np.asarray(cv2.LUT(rgb, table.astype(np.uint8)[None]), np.uint8)


def _blur(rgb: Picture, rng: np.random.Generator, most: float) -> tuple[Picture, float]:
    """Defocus, shake, or fewer pixels than the picture has."""
    kind = pick(rng, ("sharp", "sharp", "defocus", "resample", "resample", "shake"))
    sigma = min(log_uniform(rng, 0.4, 4.5), most)
    if kind == "sharp" or sigma < 0.35:
        return rgb, 0.0
    if kind == "defocus":
        return np.asarray(cv2.GaussianBlur(rgb, (0, 0), sigma), np.uint8), sigma
    if kind == "resample":
        factor = 1 / (1 + sigma)
        down = pick(rng, (cv2.INTER_AREA, cv2.INTER_LINEAR, cv2.INTER_CUBIC))
        small = cv2.resize(rgb, None, fx=factor, fy=factor, interpolation=down)
        up = pick(rng, (cv2.INTER_LINEAR, cv2.INTER_CUBIC))
        return np.asarray(
            cv2.resize(small, rgb.shape[1::-1], interpolation=up), np.uint8
        ), sigma / 2
    return _shake(rgb, rng, sigma), sigma


def _shake(rgb: Picture, rng: np.random.Generator, sigma: float) -> Picture:
    """Smear along a line of deviation `sigma` (a line of length l has l / √12)."""
    length = max(3, round(sigma * 3.46))
    kernel = np.zeros((length, length), np.float32)
    angle, middle = uniform(rng, 0, np.pi), (length - 1) / 2
    along = np.array([np.cos(angle), np.sin(angle)]) * middle
    ends = np.round((middle + np.stack([-along, along])) * 16).astype(int)
    cv2.line(kernel, ends[0].tolist(), ends[1].tolist(), 1.0, 1, cv2.LINE_8, 4)
    return np.asarray(cv2.filter2D(rgb, -1, kernel / kernel.sum()), np.uint8)


def _compress(rgb: Picture, quality: int) -> Picture:
    bgr = cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR)
    _, data = cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, quality])
    decoded = cv2.imdecode(data, cv2.IMREAD_COLOR)
    assert decoded is not None
    return np.asarray(cv2.cvtColor(decoded, cv2.COLOR_BGR2RGB), np.uint8)
