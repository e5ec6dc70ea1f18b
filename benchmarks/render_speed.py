"""Pictures of scene text rendered a second on one core.

    python benchmarks/render_speed.py --backgrounds FOLDER

The aim is 15 pictures of 512 x 512 per second, the truth about every word included.
"""

import argparse
import platform
import time
from pathlib import Path

import cv2

from locpipe.pipeline.training.scene_text.render import Renderer
from locpipe.pipeline.training.scene_text.settings import Proportions, RenderSettings


def measure(renderer: Renderer, count: int) -> tuple[float, float]:
    """Pictures per second of processor time, and words per picture, over `count` pictures."""
    renderer.render(0)
    start = time.process_time()
    words = sum(len(renderer.render(index).words) for index in range(count))
    return count / (time.process_time() - start), words / count


def main() -> None:
    """Print the speed of the default mixture, then of every kind of picture alone."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0] if __doc__ else None)
    parser.add_argument("--backgrounds", type=Path, nargs="*", default=[])
    parser.add_argument("--count", type=int, default=300)
    arguments = parser.parse_args()
    cv2.setNumThreads(1)
    settings = RenderSettings(backgrounds=tuple(arguments.backgrounds))
    start = time.perf_counter()
    renderer = Renderer(settings)
    print(f"{platform.processor() or platform.machine()}, one thread, {arguments.count} pictures")
    print(f"building the renderer: {time.perf_counter() - start:.1f} s")
    for kind in ("mixture", *Proportions.model_fields):
        shares = {name: float(name == kind) for name in Proportions.model_fields}
        kinds = settings.kinds if kind == "mixture" else Proportions(**shares)
        renderer.settings = settings.model_copy(update={"kinds": kinds})
        speed, words = measure(renderer, arguments.count)
        print(f"{kind:10} {speed:6.1f} pictures/s   {words:6.1f} words/picture")


if __name__ == "__main__":
    main()
