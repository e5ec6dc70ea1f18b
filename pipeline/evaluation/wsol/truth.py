"""Ground truth of objects, joined from one or more places."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ....stages.errors import ConfigError
from ...sources.pictures import EXTENSIONS
from .annotations import Thing, read_csv, read_voc, stem_of


@dataclass(frozen=True)
class Truth:
    """Ground truth by the stems of pictures: `things` from CSV or XML, and files of `masks`."""

    things: dict[str, list[Thing]] = field(default_factory=dict)
    masks: dict[str, Path] = field(default_factory=dict)

    def stems(self) -> set[str]:
        """The stems of all pictures with truth."""
        return self.things.keys() | self.masks.keys()


def read_truth(places: Sequence[Path]) -> Truth:
    """Read CSV files, folders of Pascal VOC XML, and folders of mask pictures.

    Raises:
        ConfigError: A place has none of these, a file is malformed, or two places have different
            pictures.
    """
    truth = Truth()
    for place in places:
        known = _read(place)
        twice = known.things.keys() & truth.things.keys() or known.masks.keys() & truth.masks.keys()
        if twice:
            message = f"{place}: the truth of {min(twice)} was given before; give each picture once"
            raise ConfigError(message)
        truth.things.update(known.things)
        truth.masks.update(known.masks)
    odd = sorted(truth.things.keys() ^ truth.masks.keys())
    if truth.things and truth.masks and odd:
        has, lacks = ("a mask", "box") if odd[0] in truth.masks else ("boxes", "mask")
        message = f"ground truth: {odd[0]} has {has} but no {lacks} ({len(odd)} pictures in all); give both"
        raise ConfigError(message)
    return truth


def _read(place: Path) -> Truth:
    if place.is_file():
        return Truth(things=read_csv(place))
    files = sorted(place.iterdir()) if place.is_dir() else []
    if annotations := [file for file in files if file.suffix.lower() == ".xml"]:
        return Truth(things={file.stem: read_voc(file) for file in annotations})
    if masks := [file for file in files if file.suffix.lower() in EXTENSIONS]:
        return Truth(masks=_by_stem(masks))
    message = (
        f"{place}: no ground truth here; give a CSV file (image,xmin,ymin,xmax,ymax), a folder of "
        f"Pascal VOC XML, or a folder of masks"
    )
    raise ConfigError(message)


def _by_stem(masks: Sequence[Path]) -> dict[str, Path]:
    files: dict[str, Path] = {}
    for file in masks:
        other = files.setdefault(stem_of(file.name), file)
        if other is not file:
            message = f"{file} and {other.name}: two masks of one picture; leave one of them there"
            raise ConfigError(message)
    return files
