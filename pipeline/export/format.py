"""A format: each module of one has a `Format` as FORMAT."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from ..output.box_json import Page
from .source import Content, PageSource

Pages = Callable[[], Iterable[Page]]
"""Gives every page of an export, each time it is called."""


def _nothing(pages: Pages, folder: Path) -> Mapping[str, Iterator[bytes]]:  # noqa: ARG001 - of all formats
    return {}


@dataclass(frozen=True)
class Format:
    """A format, and the names of its files.

    Attributes:
        files: gives the files of a page by their names relative to exports/<format>, from the page,
            its picture, and the absolute path of that folder.
        suffixes: what the names of its files add to the name of the page. The file with the first
            one is written last, and so vouches for the others. If they start with a slash, they lie
            in a folder of the page, and all that lies there belongs to the format.
        joined: gives the files about all pages by their names relative to exports/, in pieces, from
            the pages and exports/<format>, which then has the files of every page.
        needs_boxes: whether a page without boxes has no files.
        tells_direction: whether its files say that text runs leftwards or in columns, or show none.
        by_stem: whether its files have the stem of a picture for a name. They are written when all
            pictures are known: two that share a stem keep their suffixes.
    """

    files: Callable[[Page, PageSource, Path], Mapping[str, Content]]
    suffixes: tuple[str, ...]
    joined: Callable[[Pages, Path], Mapping[str, Iterator[bytes]]] = _nothing
    needs_boxes: bool = False
    tells_direction: bool = True
    by_stem: bool = False

    def last_file(self, name: str) -> str:
        """Return the file of the named page, relative to exports/<format>, that is written last."""
        return f"{name}{self.suffixes[0]}"

    @property
    def in_folders(self) -> bool:
        """Whether every page has a folder of its own in exports/<format>, of the page's name."""
        return self.suffixes[0].startswith("/")

    def names(self, key: str, name: str) -> list[str]:
        """Return the files that the named page may have in exports/<format>.

        Links to the picture have the suffix of its key.
        """
        files = [f"{name}{suffix}" for suffix in (*self.suffixes, PurePosixPath(key).suffix)]
        if self.by_stem:
            stem = key.removesuffix(PurePosixPath(key).suffix) + name.removeprefix(key)
            files += [f"{stem}{suffix}" for suffix in self.suffixes]
        return files
