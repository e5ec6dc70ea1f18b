"""From scratch, from a pretrained trunk, or taught by one: what gives most per CPU hour?

    LOCPIPE_DATA=data-sets OMP_NUM_THREADS=1 python benchmarks/text_training.py --minutes 20

Text networks (`text_arms.py`) learn the same rendered pictures in the same order with the
same crops, loss and schedule, for the same CPU time: a step of each is timed in alternation first,
and each gets as many as fit. The last figures are of photographs, which chose nothing. Writes
results/text_training.md, .json and .png after every arm. What --work holds is not done again; an
arm that was stopped goes on from its checkpoint.
"""

import argparse
import json
import os
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import torch
from matplotlib.figure import Figure
from text_arms import ARMS, network_of, seconds_a_step, started

from locpipe.pipeline.config.file import CONFIGS, Assignment, find_config, read_settings
from locpipe.pipeline.training.text.config import TextTrainConfig
from locpipe.pipeline.training.text.loop import TrainedText, complete
from locpipe.pipeline.training.text.validate import Rendered
from locpipe.stages.nets.cost import cost

RESULTS = Path(__file__).parent / "results"
TITLES = {
    "scratch": "TextNet from scratch",
    "pretrained": "TextNet on a trimmed EfficientNet-lite0 trunk, kept",
    "distilled": "TextNet taught by that one",
    "finetuned": "the trunk trained, too",
}
SETS = ("icdar2013_train", "icdar2015_train")
WARM_UP = 18  # CPU seconds
POINTS = 6  # of each curve
COLUMNS = (
    *("network", "parameters", "GMAC/MP", "CPU s per step", "crops", "CPU min"),
    *("F of cores", "IoU H", "2013 IoU H", "2013 DetEval H", "2015 IoU H", "2015 DetEval H"),
)
Done = dict[str, dict[str, Any]]


def main() -> None:
    """Train what is missing, print the table and write it."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0] if __doc__ else None)
    parser.add_argument("--data", type=Path, default=Path(os.environ.get("LOCPIPE_DATA", "data")))
    parser.add_argument("--minutes", type=float, default=20, help="of CPU time, each arm")
    parser.add_argument("--arms", nargs="+", choices=ARMS, default=ARMS, help="of these only")
    parser.add_argument("--photographs", type=int, default=40, help="of each set, at the end")
    parser.add_argument("--work", type=Path, default=Path("out/text_training"), help="checkpoints")
    parser.add_argument("--output", type=Path, default=RESULTS, help="folder of text_training.*")
    given = parser.parse_args()
    torch.set_num_threads(1)
    config = configured(given.data, given.photographs)
    rendered = Rendered(config.render, config.validation.pictures)
    seconds = kept_seconds(config, given.work)
    done: Done = {}
    for arm in given.arms:
        done[arm] = trained(arm, config, rendered, seconds, given)
        write(done, given.minutes, given.output)
    print(table(done))


def configured(data: Path, photographs: int) -> TextTrainConfig:
    """Return the shipped config, rendering in this process so that its CPU time is counted."""
    folders = {"render.backgrounds": [data / "backgrounds"]}
    folders["validation.real"] = [data / "text" / name for name in SETS]
    values: dict[str, Any] = {key: [str(one) for one in some] for key, some in folders.items()}
    values |= {"workers": 0, "device": "cpu", "validation.real_pictures": photographs}
    assignments = [
        Assignment(tuple(key.split(".")), value, "benchmark") for key, value in values.items()
    ]
    path = find_config("text", CONFIGS / "train")
    return read_settings(path, TextTrainConfig, assignments).config


def scaled(
    config: TextTrainConfig, arm: str, *, minutes: float, seconds: float, work: Path
) -> TextTrainConfig:
    """Return the config of an arm: as many steps as fit, and a schedule of the same shape.

    Only the warm-up is the same for any number of minutes, so that more of them later are the same
    training going on. Photographs are scored after the last step only.
    """
    steps = max(1, round(60 * minutes / seconds))
    validation = {"every": max(1, -(-steps // POINTS)), "real_every": steps}
    update = {
        "output": work / arm,
        "steps": steps,
        "warm_up": max(1, int(WARM_UP / seconds)),
        "half_life": max(1, steps // 4),
        "cool_down": steps // 4,
        "validation": config.validation.model_copy(update=validation),
    }
    return config.model_copy(update=update)


def kept_seconds(config: TextTrainConfig, work: Path, turns: int = 4) -> dict[str, float]:
    """Return the CPU seconds of a step of each arm as they were measured once for this folder."""
    file = work / "seconds.json"
    if not file.exists():
        work.mkdir(parents=True, exist_ok=True)
        measured = seconds_a_step(config.model_copy(update={"output": work / "timed"}), turns)
        file.write_text(json.dumps(measured) + "\n")
    seconds: dict[str, float] = json.loads(file.read_text())
    return seconds


def trained(
    arm: str,
    config: TextTrainConfig,
    rendered: Rendered,
    seconds: Mapping[str, float],
    given: argparse.Namespace,
) -> dict[str, Any]:
    """Train an arm, or what is left of it; return its size, its costs and its curve."""

    def of(one: str) -> TextTrainConfig:
        minutes, work = given.minutes, given.work
        return scaled(config, one, minutes=minutes, seconds=seconds[one], work=work)

    def keep(now: TrainedText) -> None:
        print(arm, now.curve[-1], flush=True)

    teacher = None
    if arm == "distilled":
        teacher = complete(started("pretrained", of("pretrained")), rendered, keep=keep).network
    run = started(arm, of(arm), teacher)
    curve = complete(run, rendered, keep=keep).curve
    parameters, mac = cost(network_of(arm, config), 3)
    return {
        "parameters": parameters,
        "gmac_per_megapixel": mac / 1000,
        "seconds_a_step": seconds[arm],
        "crops": run.step * config.batch_size,
        "curve": curve,
    }


def table(done: Done) -> str:
    """Return a line an arm: what it is, what it took, and what its last step was worth."""
    lines = [
        f"| {' | '.join(COLUMNS)} |",
        "|---" * len(COLUMNS) + "|",
    ]
    for arm, one in done.items():
        last = one["curve"][-1]
        scores = [last["core_f"], last["iou_h"]]
        scores += [last[name][protocol] for name in SETS for protocol in ("icdar2015", "deteval")]
        cells = [TITLES[arm], f"{one['parameters']:,}", f"{one['gmac_per_megapixel']:.2f}"]
        cells += [f"{one['seconds_a_step']:.2f}", f"{one['crops']:,}", f"{last['cpu'] / 60:.1f}"]
        lines.append(f"| {' | '.join(cells + [f'{100 * value:.1f}' for value in scores])} |")
    return "\n".join(lines)


def write(done: Done, minutes: float, folder: Path) -> None:
    """Write table, numbers and figure of what is done so far."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "text_training.json").write_text(json.dumps(done) + "\n", "utf-8")
    text = (
        f"Printed by `benchmarks/text_training.py`: {minutes:g} CPU minutes for each network on one "
        "thread, rendering included, one seed; steps were timed in alternation (`CPU s per step`) and "
        "counted out, `CPU min` is what they then took. F of cores and IoU H of words on rendered "
        "pictures; H of some photographs of ICDAR 2013 and 2015, which chose nothing, with one "
        "threshold. The taught one paid for its teacher's answers, not for its training, "
        f"{minutes:g} minutes more: counted, it stands on the right of the figure."
    )
    text += f"\n\n{table(done)}\n\n![H over CPU minutes](text_training.png)\n"
    (folder / "text_training.md").write_text(text, "utf-8")
    figure = Figure(figsize=(10, 4.2), layout="constrained")
    for axes, key, title in zip(
        figure.subplots(1, 2), ("core_f", "iou_h"), ("F of cores", "IoU H of words"), strict=True
    ):
        for arm, one in done.items():
            draw = partial(axes.plot, color=f"C{ARMS.index(arm)}", marker=".")
            spent = [one["seconds_a_step"] * record["step"] / 60 for record in one["curve"]]
            scores = [record[key] for record in one["curve"]]
            draw(spent, scores, label=TITLES[arm])
            if arm == "distilled":
                later = [minutes + value for value in spent]
                draw(later, scores, linestyle="--", label="the same, teacher's training counted")
        axes.set(title=f"{title}, rendered pictures", xlabel="CPU minutes", ylim=(0, 1))
        axes.grid(alpha=0.3)
    axes.legend(fontsize="small")
    figure.savefig(folder / "text_training.png", dpi=100)


if __name__ == "__main__":
    main()
