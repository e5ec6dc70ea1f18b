"""locpipe for programs: the same work and the same objects as on the command line.

The top of the package has all of it: `locpipe.localize`, `locpipe.run`, `locpipe.read`,
`locpipe.boxes`. `locpipe.weigh` and `locpipe.load` are in `training/module.py`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np

from ..stages.clock import Clock
from ..stages.engines.limits import computing_with
from ..stages.errors import ConfigError
from ..stages.given import image_of
from ..stages.load import Header
from ..stages.localize import Result, localize_image, open_engine
from ..stages.maps import boxes_of, heatmap_of
from ..stages.models.card import Backbone
from ..stages.models.loading import Model, find_model, load_model
from ..stages.paths import sha256_of
from ..stages.settings import BoxesSettings, Section, ThresholdSettings
from .config.defaults import with_defaults_of_model
from .config.file import Assignment, find_config, read_settings, settings_of
from .config.file import Settings as Checked
from .config.sections import Config, RunConfig
from .export.write import RunExports
from .ocr.settings import FOLDER, ReadConfig, checked
from .output.failures import FAILURES, READ_FAILURES, Failure, read_failures
from .picture.memory import check_memory
from .picture.process import localize_page
from .run.options import Options
from .run.run import execute
from .storage.urls import located, on_disk
from .workers.machine import MEMORY

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from PIL.Image import Image as PillowImage
    from torch import Tensor, nn

    from ..stages.geometry.box import Boxes
    from .ocr.engines import EngineName
    from .ocr.settings import Unit

Settings = Mapping[str, object]


@dataclass(frozen=True)
class RunReport:
    """What a run did.

    Attributes:
        output: folder of the results, or their place in a bucket.
        exit_code: exit code of the same command: 0 all done, 3 some pictures failed.
        counts: numbers of pictures: found, ignored, up_to_date, given_up, done, kept, failed. After
            `read`, numbers of pages: pages, up_to_date, done, failed, without_boxes.
        boxes: how many boxes this run found or read.
        seconds: wall time of the run.
        document: the whole report, as in run.json.
        failures_file: one line of JSON per picture without a result.
    """

    output: Path
    exit_code: int
    counts: Mapping[str, int]
    boxes: int
    seconds: float
    document: Mapping[str, Any]
    failures_file: Path

    @classmethod
    def of(cls, document: Mapping[str, Any], output: Path, failures_file: Path) -> RunReport:
        """Make a report from the content of run.json."""
        return cls(
            output=output,
            exit_code=document["exit_code"],
            counts=MappingProxyType(document["counts"]),
            boxes=document["boxes"],
            seconds=document["seconds"],
            document=MappingProxyType(dict(document)),
            failures_file=failures_file,
        )

    def failures(self) -> Iterator[Failure]:
        """Yield the pictures without a result, sorted by path, each with the reason."""
        return read_failures(self.failures_file)


def localize(
    picture: NDArray[np.uint8] | PillowImage | Tensor | str | Path,
    model: str | Path | Config | Model | nn.Module = "text",
    *,
    config: str | Path | Config | None = None,
    page: int = 1,
    settings: Settings | None = None,
    layer: str | None = None,
    classes: Sequence[str] = (),
    mean: Sequence[float] = (),
    std: Sequence[float] = (),
) -> Result:
    """Find what is on one picture, without writing anything.

    A named model is loaded once per process. `run` writes the same result for that picture.

    With a classifier in memory, the map is that of the most probable class. `settings` can choose
    other classes: `{"heatmap.labels": ["horse"]}`. If the model has no calibration, maps are scaled
    by the minimum and maximum of each picture. Then `result.heatmap.normalize` is `minmax`.

    Args:
        picture: a file; or an array uint8 [H, W, 3] (sRGB) or [H, W] (grey), upright, of any size
            from 1 x 1; or a PIL image; or a tensor [3, H, W], uint8 or floating point in 0..1.
        model: name ("text", "digits") or path of a config, or a `Config`; or a classifier in
            memory: any `torch.nn.Module`, or a result of `locpipe.weigh`.
        config: the config to use with `model`; its own model is ignored. With it, `model` may also
            be the name or folder of a model.
        page: which page of a multi-page TIFF, from 1.
        settings: values that override those of the config, such as `{"boxes.min_area": 20}`.
        layer: for a module: the weighed layer; None: the last convolutional stage.
        classes: for a module: names of all classes, in the order of its logits.
        mean: for a module: mean of each channel of its pictures in 0..1; empty: that of ImageNet.
        std: for a module: deviation of each channel; empty: that of ImageNet.

    Returns:
        The upright image, heatmap, mask and boxes, and the seconds that each stage took.

    Raises:
        ConfigError: the config does not exist or is wrong.
        ImageError: the picture cannot be read, is too large for memory, or is none of the above.
        ModelError: the model is missing, damaged, or lacks what the config asks for.

    Example:
        >>> import locpipe
        >>> result = locpipe.localize("data/samples/newspaper.png")
        >>> result.image.rgb.shape == (result.image.height, result.image.width, 3)
        True
        >>> box = result.boxes.items[0]
        >>> box.label, len(box.rect), 0 <= box.score <= 1
        ('text', 4, True)
        >>> result.mask.values.shape == (1, result.image.height, result.image.width)
        True

        The picture may be an array, and `settings` override those of the config:

        >>> import numpy as np
        >>> blank = np.full((120, 200, 3), 200, np.uint8)
        >>> locpipe.localize(blank, settings={"boxes.min_side": 8}).boxes.items
        ()
    """
    if isinstance(model, str | Path | Config):
        whole = _config(model, settings) if config is None else _beside(model, config, settings)
        ready = _model(whole.source)
    else:
        ready = _in_memory(model, layer=layer, classes=classes, mean=mean, std=std)
        whole = _config_of(ready, settings) if config is None else _config(config, settings)
    open_engine(ready, whole, whole.run.threads)
    memory = whole.run.memory_limit or MEMORY
    with computing_with(whole.run.threads, whole.run.memory):
        if isinstance(picture, str | Path):
            return localize_page(Path(picture), page, ready, whole, memory, Clock())
        image = image_of(picture)
        sides = image.width, image.height
        check_memory(Path("array"), Header(*sides, *sides, 1, 1, "array"), ready, whole, memory)
        return localize_image(image, ready, whole)


def run(
    config: str | Path | Config = "text",
    *,
    settings: Settings | None = None,
    limit: int | None = None,
    retry_failed: bool = False,
    force: bool = False,
) -> RunReport:
    """Do what `locpipe run` does: process many pictures, write results, skip finished pictures.

    Processes are spawned unless `run.workers` is 0. So call it under `if __name__ == "__main__"`.

    Args:
        config: name of a shipped config ("text", "digits"), path of a config, or a `Config`.
        settings: values that override those of the config, such as `{"input.path": "photos"}`.
        limit: largest number of pictures to process; None: all.
        retry_failed: try all failed pictures again, however often they failed.
        force: do everything again.

    Raises:
        ConfigError: the config or the limit is wrong, or the source does not exist.
        ModelError: the model is missing or damaged.
        OutputError: results cannot be written.
        LocpipeError: another run uses the same output, or no worker can be started.

    Example:
        >>> import locpipe, tempfile
        >>> folder = tempfile.mkdtemp()
        >>> report = locpipe.run(
        ...     "text",
        ...     settings={
        ...         "input.path": "data/samples/newspaper.png",
        ...         "output.path": folder,
        ...         "run.workers": 0,
        ...     },
        ... )
        >>> report.exit_code, report.counts["done"], list(report.failures())
        (0, 1, [])
        >>> (report.output / "boxes" / "newspaper.png.json").exists()
        True
    """
    whole = _config(config, settings)
    if limit is not None and limit < 0:
        msg = f"limit: {limit} is not a number of pictures; give 0 or more, or None for all"
        raise ConfigError(msg)
    document = execute(whole, Options(limit, retry_failed, force), RunExports)
    output = located(str(document["config"]["output"]["path"]))
    return RunReport.of(document, output, output / FAILURES)


def read(
    run: str | Path,
    engine: EngineName = "tesseract",
    *,
    unit: Unit = "auto",
    language: str | None = None,
    min_confidence: float | None = None,
    pictures: str | Path | None = None,
    workers: int | None = None,
    force: bool = False,
    incomplete: bool = False,
) -> RunReport:
    """Do what `locpipe read` does: read the text in boxes of a run, skip pages read before.

    Processes are spawned unless `workers` is 0. So call it under `if __name__ == "__main__"`.

    Args:
        run: folder of a finished run.
        engine: `tesseract` (the program) or `rapidocr` (an extra of locpipe).
        unit: what the engine reads at a time: `word`: a box; `line`: the boxes of a line (Tesseract
            only); `auto`: decided per page.
        language: name of the language in the engine; None: English, or Chinese and Latin for
            rapidocr.
        min_confidence: 0..1; less sure text does not count; None: what suits the engine.
        pictures: the new place of the pictures of the run, if they have moved.
        workers: number of processes; None: one per core; 0: this process.
        force: read everything again.
        incomplete: also read files with a page that failed in the run.

    Returns:
        A report. Its `output` is the folder of the texts, its `boxes` counts boxes with text.

    Raises:
        ConfigError: the run is not finished, the engine or language is missing, or an argument is
            out of range.
        OutputError: results cannot be written.
        LocpipeError: a run uses the same output, or no worker can be started.

    Example:
        >>> import locpipe, tempfile
        >>> folder = tempfile.mkdtemp()
        >>> picture = "data/samples/newspaper.png"
        >>> settings = {"input.path": picture, "output.path": folder, "run.workers": 0}
        >>> locpipe.run("text", settings=settings).exit_code
        0
        >>> report = locpipe.read(folder, "rapidocr", workers=0)
        >>> report.exit_code, report.counts["done"], report.boxes > 0
        (0, 1, True)
        >>> (report.output / "newspaper.png.txt").read_text() != ""
        True
    """
    from .ocr import run as reading  # noqa: PLC0415 - slow to import

    config = checked(
        ReadConfig, engine=engine, unit=unit, language=language, min_confidence=min_confidence
    )
    options = reading.ReadOptions(
        pictures=None if pictures is None else Path(pictures),
        workers=checked(RunConfig, workers=workers),
        force=force,
        incomplete=incomplete,
    )
    folder = on_disk(run).absolute()
    document = reading.execute(folder, config, options)
    return RunReport.of(document, folder / FOLDER, folder / READ_FAILURES)


def boxes(
    heatmap: NDArray[np.floating],
    *,
    picture_size: tuple[int, int],
    threshold: float = 0.5,
    labels: Sequence[str] = (),
    settings: Settings | None = None,
) -> Boxes:
    """Turn any heatmap into boxes: cut it at a threshold and take connected components.

    Args:
        heatmap: float [h, w], or [K, h, w] for K labels, in 0..1. Its cells divide the picture
            evenly.
        picture_size: width and height of the upright picture, in pixels. Boxes are in its frame.
        threshold: cells above it are foreground.
        labels: one name per map; empty: `heatmap`, or `heatmap 0`, `heatmap 1`, ….
        settings: values of the sections `threshold` and `boxes`, such as `{"boxes.min_area": 20}`.

    Raises:
        ConfigError: the map, the size, the labels or a setting is wrong.

    Example:
        >>> import locpipe
        >>> heatmap = np.zeros((8, 10))
        >>> heatmap[2:4, 3:7] = 0.9
        >>> [box] = locpipe.boxes(heatmap, picture_size=(100, 80), threshold=0.45).items
        >>> box.rect, round(box.score, 2)
        ((30, 20, 70, 40), 0.9)
    """
    chosen = settings_of(
        _MapSettings, {"threshold": {"value": threshold}}, _assignments(settings or {})
    )
    heat = heatmap_of(heatmap, picture_size, labels)
    return boxes_of(heat, chosen.threshold, chosen.boxes)


class _MapSettings(Section):
    """The settings of `boxes`."""

    threshold: ThresholdSettings = ThresholdSettings()
    boxes: BoxesSettings = BoxesSettings()


def _in_memory(model: Model | nn.Module, **options: Any) -> Model:  # noqa: ANN401 - see `localize`
    if isinstance(model, Model):
        return model
    from ..stages.models.module import model_of_module  # noqa: PLC0415 - imports torch

    return model_of_module(model, **options)


def _config_of(model: Model, settings: Settings | None) -> Config:
    """Return the config for a model in memory: that for objects, with the model's best weights."""
    values = {
        "model": model.card.name,
        "infer": {"padding": "zeros"},
        "heatmap": {
            "weights": "class" if model.tables.count.any() else "linear",
            "labels": ["top1"],
            "normalize": "calibrated" if model.card.calibrations else "minmax",
        },
        "threshold": {"value": 0.25},
    }
    return settings_of(Config, values, _assignments(settings or {}))


def _beside(
    model: str | Path | Config, config: str | Path | Config, settings: Settings | None
) -> Config:
    """Return a config with another model, given as a name or a folder."""
    if isinstance(model, Config):
        msg = "config: model is a Config already; leave one of the two out"
        raise ConfigError(msg)
    if isinstance(config, Config):
        return _config(config.model_copy(update={"model": str(model)}), settings)
    return _config(config, {**(settings or {}), "model": str(model)})


def _config(given: str | Path | Config, settings: Settings | None) -> Config:
    assignments = _assignments(settings or {})
    if isinstance(given, Config):
        if assignments:
            msg = "settings are for a config that is named; change a Config with model_copy()"
            raise ConfigError(msg)
        return with_defaults_of_model(Checked(given, {})).config
    read = read_settings(find_config(str(given)), Config, assignments)
    return with_defaults_of_model(read).config


def _assignments(settings: Settings) -> list[Assignment]:
    return [
        Assignment(tuple(key.split(".")), _plain(value), f"settings[{key!r}]")
        for key, value in settings.items()
    ]


def _plain(value: object) -> object:
    return str(value) if isinstance(value, Path) else value


def _model(name: str | Backbone) -> Model:
    if isinstance(name, Backbone):
        return _loaded(name, "")
    folder = find_model(name).absolute()
    return _loaded(folder, sha256_of(folder / "model.yaml"))


@lru_cache(maxsize=2)
def _loaded(folder: Path | Backbone, _: str) -> Model:
    """Keep a model as long as its card stays the same."""
    return load_model(folder)
