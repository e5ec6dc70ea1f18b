"""What blocking each filter costs each class: the tables of a model, as `locpipe weigh` wrote them.

    python benchmarks/weights.py

Writes to results/weights.md and results/weights.json: dE per filter and class, the `paper` and the
`class` weights, and the filters whose sign differs between the two kinds of weights.
"""

import argparse
import json
from pathlib import Path

from locpipe.pipeline.training.digits.weigh import report, sign_changes
from locpipe.stages.heatmap import filter_weights
from locpipe.stages.models.loading import find_model, load_model

RESULTS = Path(__file__).parent / "results"


def main() -> None:
    """Print the report and write it."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0] if __doc__ else None)
    parser.add_argument("model", nargs="?", default="digits")
    parser.add_argument("--output", type=Path, default=RESULTS, help="folder of weights.md, .json")
    arguments = parser.parse_args()
    model = load_model(find_model(arguments.model))
    document = {
        "model": model.card.name,
        "model_sha256": model.sha256,
        "classes": model.card.classes,
        "count": model.tables.count.tolist(),
        "baseline": model.tables.baseline.tolist(),
        "dE": model.tables.error.tolist(),
        "paper": filter_weights(model, model.card.classes[0], weights="paper")[0][1].tolist(),
        "sign_changes": sign_changes(model),
    }
    text = (
        f"Printed by `benchmarks/weights.py` for the model {model.card.name}: growth of the mean "
        "negative log-likelihood of each class when each filter is blocked (dE, which is the weight "
        "of `class`), its mean over all samples (`paper`), and the classes for which their signs "
        f"differ.\n\n```\n{report(model)}\n```\n"
    )
    print(text)
    arguments.output.mkdir(parents=True, exist_ok=True)
    (arguments.output / "weights.md").write_text(text, "utf-8")
    (arguments.output / "weights.json").write_text(json.dumps(document) + "\n", "utf-8")


if __name__ == "__main__":
    main()
