"""`locpipe train` for labelled pictures: a config in, a model folder and a report out."""

from ....stages.errors import ConfigError
from ....stages.nets import Network
from ....stages.nets.network import without_data
from ..checkpoint import CHECKPOINT_FILE, require_room
from ..curve import blank, write_curve
from .card import write_model
from .config import ImagesTrainConfig
from .data import Samples, read_samples
from .loop import network_of, train
from .measure import ImagesQuality
from .shown import Shown, features_of, shown


def train_images(config: ImagesTrainConfig, *, resume: bool) -> str:
    """Train, write the model folder, return what was measured on the validation.

    Raises:
        ConfigError: something is wrong with the data, or the folder holds another training.
        ImageError: a picture cannot be read.
        ModelError: there is no such network, or its weights do not fit.
        OutputError: the output folder cannot be written.
    """
    blank()
    require_room(config.output, resume=resume)
    samples = read_samples(config)
    network = network_of(config, len(samples[0].classes))
    _require_fit(config, network)
    parts = _parts(config, network, samples)
    trained = train(config, network, parts, resume=resume)
    write_curve(config.output, trained.curve)
    write_model(config, trained, samples[0])
    (config.output / CHECKPOINT_FILE).unlink(missing_ok=True)
    return report(trained.quality, samples[0].classes)


def report(quality: ImagesQuality, classes: tuple[str, ...]) -> str:
    """Return how good a network is, of every class."""
    what = "of decisions right" if quality.multi_label else "of pictures right"
    first = (
        f"{quality.accuracy:.2%} {what} on {len(quality.scores)} that it was not trained on, "
        f"mean average precision {quality.mean_average_precision:.2%}"
    )
    named = zip(classes, quality.per_class(), strict=True)
    return "\n".join([first, *(f"  {name}: found in {share:.2%}" for name, share in named)])


def _parts(
    config: ImagesTrainConfig, network: Network, samples: tuple[Samples, Samples]
) -> tuple[Shown, Shown]:
    """Return the input; if the trunk is frozen and nothing varies, F, computed once."""
    training, others = (shown(part, config) for part in samples)
    if not config.freeze or training.vary is not None:
        return training, others
    return features_of(network, training), features_of(network, others)


def _require_fit(config: ImagesTrainConfig, network: Network) -> None:
    """Check before the training that the network takes pictures of this size."""
    shape = 1, len(config.mean), config.size, config.size
    try:
        without_data(network, *shape)
    except RuntimeError as error:
        msg = (
            f"{config.network} takes no pictures of {config.size} x {config.size} pixels with "
            f"{shape[1]} channels ({str(error).splitlines()[0]}); change size, or mean and std"
        )
        raise ConfigError(msg) from error
