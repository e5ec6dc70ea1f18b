"""The class of an export format. Each module of a format has a `Format` named FORMAT."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from ..output.box_json import Page
from .source import Content, PageSource

Pages = Callable[[], Iterable[Page]]
"""Gives every page of an export, at each call from the first on."""


def _nothing(pages: Pages, folder: Path) -> Mapping[str, Iterator[bytes]]:  # noqa: ARG001 - of all formats
    return {}


@dataclass(frozen=True)
class Format:
    """A format, and the names of its files.

    Attributes:
        files: makes the files of a page from the page, its picture, and the absolute path of
            exports/<format>. File names are relative to that folder.
        suffixes: added to the name of the page in file names. The file with the first suffix is
            written last: if it is there, the others are. If the suffixes start with a slash, the
            files lie in a folder of the page, and everything there belongs to the format.
        joined: makes the files about all pages, in pieces, from the pages and exports/<format>.
            That folder has the files of every page by then. File names are relative to exports/.
        needs_boxes: whether only pages with boxes have files.
        tells_direction: whether the files can say that text runs leftwards or in columns, or have
            no text.
        by_stem: whether files are named by the stem of the picture. They are written when all
            pictures are known: two pictures with the same stem keep their suffixes.
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
        """Whether every page has its own folder in exports/<format>, named like the page."""
        return self.suffixes[0].startswith("/")

    def names(self, key: str, name: str) -> list[str]:
        """Return the files that the named page may have in exports/<format>.

        Links to the picture have the suffix of the picture's key.
        """
        files = [f"{name}{suffix}" for suffix in (*self.suffixes, PurePosixPath(key).suffix)]
        if self.by_stem:
            stem = key.removesuffix(PurePosixPath(key).suffix) + name.removeprefix(key)
            files += [f"{stem}{suffix}" for suffix in self.suffixes]
        return files
