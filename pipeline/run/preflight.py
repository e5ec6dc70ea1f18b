"""The checks before a run starts. They write nothing and run no network."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ...stages.engines.choice import engine_used, way_of
from ...stages.errors import ConfigError
from ...stages.models.card import Backbone, ModelCard
from ...stages.models.loading import find_model, list_models, read_card, verify_model
from ...stages.precision import float32_only
from ..config.sections import Config
from ..output.root import choose_root
from ..output.shards import check_package
from ..sources.bucket import open_bucket
from ..sources.pictures import Picture, Pictures, open_source
from ..sources.results import RUN_REPORT
from ..storage.objects import bytes_at
from ..storage.urls import RemotePath
from ..workers.messages import Job
from .options import Options
from .plan import Terms


@dataclass(frozen=True)
class Ready:
    """A run that can start.

    Attributes:
        job: the data that are the same for every picture.
        terms: the terms that decide whether a picture is done.
        pictures: the pictures of the source.
    """

    job: Job
    terms: Terms
    pictures: Pictures

    def found(self) -> Iterator[Picture]:
        """Yield the pictures of the source, or those of the part."""
        part = self.job.part
        return (each for each in self.pictures if part is None or each.key in part)


def preflight(config: Config, options: Options) -> Ready:
    """Check everything that can be checked before anything is started or written.

    Raises:
        ConfigError: the source does not exist, or the model cannot do what the config asks for.
        ModelError: the model is missing or damaged.
    """
    _check_bucket(config)
    folder, model_sha256 = check_model(config)
    config_sha256 = config.sha256()
    config = _absolute(config)
    pictures = _open_pictures(config)
    # The worker looks up the name: its copy of a shipped model may lie elsewhere.
    model = config.source if folder in list_models() else _whole_path(folder)
    terms = Terms(
        config.output,
        config_sha256,
        model_sha256,
        config.run.max_attempts,
        retry_failed=options.retry_failed,
        force=options.force,
        since=options.since,
    )
    job = Job(config, config_sha256, model, model_sha256, options.part)
    return Ready(job, terms, pictures)


def _check_bucket(config: Config) -> None:
    output = config.output
    if not isinstance(output.path, RemotePath):
        return
    if output.path.parts[0] == "memory:" and config.run.workers != 0:
        msg = f"output.path: {output.path} is in the memory of one process; set run.workers=0"
        raise ConfigError(msg)
    if output.exports:
        msg = (
            "output.exports: results in a bucket are not exported as they finish; set output.exports=[], "
            f"and later type: locpipe fetch {output.path} DIR, then locpipe export DIR"
        )
        raise ConfigError(msg)


def _open_pictures(config: Config) -> Pictures:
    source, output, root = config.input.path, config.output, config.input.root
    if isinstance(source, RemotePath):
        pictures: Pictures = open_bucket(source, output.path, root)
    else:
        pictures = open_source(source, output.path, choose_root(output.path, source, root))
    if output.exports and isinstance(pictures.root, RemotePath):
        msg = (
            "output.exports: pictures in a bucket are not exported as they finish; set "
            "output.exports=[], copy the pictures to a disk, and run locpipe export with --input"
        )
        raise ConfigError(msg)
    return pictures


def check_model(config: Config) -> tuple[Path | Backbone, str]:
    """Check that the model exists, is whole, and can do what a config asks for.

    Returns:
        The folder of the model or the backbone, and its sha256.

    Raises:
        ConfigError: the config asks for something that the model does not have.
        ModelError: the model is missing or damaged.
    """
    float32_only()  # an unknown value is an error now, not with the first picture
    folder = find_model(config.source)
    card = read_card(folder)
    check_masks(card, config)
    check_shards(config)
    model_sha256 = verify_model(folder)
    if not _ran_before(config, config.sha256(), model_sha256):
        card.supports(config)
    engine_used(card, way_of(config))
    return folder, model_sha256


def _ran_before(config: Config, config_sha256: str, model_sha256: str) -> bool:
    """Say whether the last run had this config. If so, torch is not needed for the check."""
    try:
        report = json.loads(bytes_at(config.output.path / RUN_REPORT))
        before = report["config_sha256"], report["model_sha256"]
    except (OSError, ValueError, TypeError, KeyError):
        return False
    return before == (config_sha256, model_sha256)


def _whole_path(folder: Path | Backbone) -> str | Backbone:
    return folder if isinstance(folder, Backbone) else str(folder.absolute())


def _absolute(config: Config) -> Config:
    root = config.input.root and config.input.root.absolute()
    sections = {
        "input": {"path": config.input.path.absolute(), "root": root},
        "output": {"path": config.output.path.absolute()},
    }
    changed = {name: getattr(config, name).model_copy(update=sections[name]) for name in sections}
    return config.model_copy(update=changed)


def check_shards(config: Config) -> None:
    """Check that shards can hold all results that the config asks for.

    Raises:
        ConfigError: they cannot, or the package that writes them is missing.
    """
    if config.output.layout != "shards":
        return
    check_package()
    for name in ("overlays", "heatmaps", "exports"):
        if getattr(config.output, name):
            none = "[]" if name == "exports" else "false"
            msg = (
                f"output.{name}: shards have no place for these; set output.{name}={none}, or "
                "output.layout=files"
            )
            raise ConfigError(msg)


def check_masks(card: ModelCard, config: Config) -> None:
    """Check that the 8 bits of masks are enough for the number of labels.

    Raises:
        ConfigError: they do not.
    """
    count = card.count_of_maps(config.heatmap)
    if config.output.masks and count > 255:
        msg = (
            f"output.masks: a mask of 8 bits numbers 255 labels, but there are {count}; "
            "name fewer in heatmap.labels, or set output.masks=false"
        )
        raise ConfigError(msg)
