"""`locpipe train` for digits: makes a model folder and a report from a config."""

from .card import write_model
from .config import DigitsTrainConfig
from .loop import train


def train_digits(config: DigitsTrainConfig, *, resume: bool) -> str:
    """Train, write the model folder, return what was measured on the test digits.

    Raises:
        ConfigError: MNIST or matplotlib is missing, or the folder holds another training.
        OutputError: the output folder cannot be written.
    """
    quality = write_model(config, train(config, resume=resume)).quality["mnist_test"]
    samples, accuracy, error = (quality[key] for key in ("samples", "accuracy", "error"))
    lines = [f"accuracy on {samples} test samples: {accuracy:.2%}, mean error {error:.4f}"]
    lines += [f"  {name}: {share:.2%}" for name, share in quality["accuracy_per_class"].items()]
    return "\n".join(lines)
