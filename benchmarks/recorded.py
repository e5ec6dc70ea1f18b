"""What it costs the parent to keep the outcome of a picture: in the state, and with shards also as a row.

    python benchmarks/recorded.py [--pictures 2000]

The outcomes are made up: 20 boxes, and a mask of 400 runs. State, shards and summary are real. Prints CPU µs per picture.
"""

import argparse
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from locpipe.pipeline.output.layout import SHARDS, prepare_output
from locpipe.pipeline.run.records import Planned
from locpipe.pipeline.run.shard_keeper import ShardKeeper
from locpipe.pipeline.run.state import State
from locpipe.pipeline.run.summary import Tally
from locpipe.pipeline.sources.pictures import Picture
from locpipe.pipeline.workers.messages import Outcome


def row() -> dict[str, Any]:
    """The row of a page."""
    corners = [[1.0, 2.0], [3.0, 2.0], [3.0, 4.0], [1.0, 4.0]]
    box = {"label": "text", "score": 0.9, "rect": [1, 2, 3, 4], "polygon": corners, "line": 0}
    image = {"width": 200, "height": 200, "exif_orientation": 1, "stored_width": 200, "stored_height": 200}  # fmt: skip
    made_by = {"model": "m", "model_sha256": "m", "config_sha256": "c", "locpipe": "0"}
    mask = {"mask_runs": np.full(400, 100, np.uint32), "mask_values": np.arange(400, dtype=np.uint8) % 2}  # fmt: skip
    return {"page": 1, "status": "done", "labels": ["text"], "boxes": [box] * 20, **image, **made_by, **mask}  # fmt: skip


def measure(output: Path, pictures: int, *, in_shards: bool) -> float:
    """Return the CPU seconds that it takes to keep `pictures` outcomes."""
    prepare_output(output)
    (output / SHARDS).mkdir()
    rows = (row(),) if in_shards else ()
    names = [f"{number:06}.jpg" for number in range(pictures)]
    seconds = {"load": 0.1, "infer": 0.2, "boxes": 0.1}
    outcomes = [Outcome(name, "done", "0" * 64, 1, 20, 40_000, seconds, rows=rows) for name in names]  # fmt: skip
    keeper = ShardKeeper(output, None, "c", "m") if in_shards else None
    with State(output, None, keeper) as state:
        state.plan(Planned(Picture(name, "/none"), 1, 1, todo=True, reason="new") for name in names)
        state.begin()
        tally, began = Tally(), time.process_time()
        for outcome in outcomes:
            state.record(outcome, "c", "m")
            tally.add(outcome)
        state.finish()
        return time.process_time() - began


def main() -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pictures", type=int, default=2000)
    pictures = parser.parse_args().pictures
    with tempfile.TemporaryDirectory() as folder:
        for layout in ("files", SHARDS):
            taken = measure(Path(folder, layout), pictures, in_shards=layout == SHARDS)
            print(f"{layout}: {1e6 * taken / pictures:.0f} µs per picture")


if __name__ == "__main__":
    main()
