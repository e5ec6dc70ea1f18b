"""The pictures of a run: a folder, a glob, one file, a tar, or a manifest.

Every picture has a key, its path relative to a root with forward slashes; the output tree mirrors
the keys. Names are Python strings with surrogate escapes, so any bytes survive.
"""

import glob
import os
import re
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import islice
from pathlib import Path

from ...stages.errors import ConfigError
from ..storage.buckets import all_looked_up
from ..storage.urls import (
    RemotePath,
    common_folder,
    folder_of,
    hidden,
    is_url,
    key_below,
    located,
)
from .manifests import MANIFESTS, lines_of
from .members import is_tar, members_of
from .results import STATE_FOLDER, Results

EXTENSIONS: frozenset[str] = frozenset(
    [
        ".jpg",
        ".jpeg",
        ".jpe",
        ".jfif",
        ".png",
        ".webp",
        ".bmp",
        ".gif",
        ".tif",
        ".tiff",
        ".heic",
        ".heif",
        ".avif",
        ".avifs",
        ".jp2",
        ".j2k",
        ".j2c",
        ".jpc",
        ".jpf",
        ".jpx",
        ".jxl",
    ]
)
"""Suffixes of pictures in the scan of a folder: lower case, with the dot."""
MOST_EXTENSIONS = 100
"""Most suffixes that are counted by name, so that memory does not grow with the files."""
LONGEST_EXTENSION = 12
HIDDEN_FOLDERS = "hidden folders"
MOST_TOLD = 10
MOST_FOLDERS = 1000
ASKED_AT_ONCE = 1000
"""Lines of a list for which the sizes are requested from a bucket together."""
_ONE_OF_THESE = re.compile(r"(?<=/)(\*\*)(/\*\*)+(?=/|\Z)")


@dataclass(frozen=True)
class Picture:
    """One picture file.

    Args:
        key: path relative to the root, which names it in results.
        path: absolute path to open, or a URL; for a member of a tar, the path of the tar, a slash,
            and its name.
        size_and_time: bytes, and time of the last change in nanoseconds, if already known.
        fault: what is wrong with a line of a list or a member; then there is no path.
    """

    key: str
    path: str = field(repr=False)
    size_and_time: tuple[int, int] | None = None
    fault: str = ""


class Pictures:
    """The pictures of a source. Each iteration searches anew.

    Attributes:
        ignored: what the last iteration skipped. Files are counted by extension, or as `none`, `hidden`
            or `other`. Hidden folders have a count. In tars, links and repeated names count as `link`
            and `twice`.
        results: recognises results of runs, and notes those that the last iteration skipped.
        root: absolute; keys are relative to it.
    """

    def __init__(self, source: Path, results: Results, root: Path) -> None:
        self.source = Path(os.path.abspath(source))  # noqa: PTH100 - resolve() would follow links
        self.root = root
        self.ignored: Counter[str] = Counter()
        self.results = results

    def __iter__(self) -> Iterator[Picture]:
        """Yield every picture, in no particular order.

        Raises:
            ConfigError: a picture lies outside of the root.
        """
        self.ignored.clear()
        self.results.forget()
        if self.source.is_dir():
            prefix = self._key(str(self.source))
            return self._scan(str(self.source), "" if prefix == "." else f"{prefix}/", ())
        if not os.path.lexists(self.source):
            return self._glob()
        if self.source.suffix.lower() in MANIFESTS:
            return self._list()
        return self._pictures(str(self.source))

    def _list(self) -> Iterator[Picture]:
        lines = lines_of(self.source)
        while some := list(islice(lines, ASKED_AT_ONCE)):
            urls = [line.path for line in some if is_url(line.path)]
            known = dict(zip(urls, all_looked_up(urls) if urls else (), strict=True))
            for line in some:
                if line.fault:
                    yield Picture(f"{self.source.name}:{line.number}", "", fault=line.fault)
                elif line.path in known:
                    found = known[line.path]
                    told = None if found is None else found.size_and_time
                    yield Picture(self._key(line.path), line.path, told)
                else:
                    yield from self._pictures(line.path)

    def _pictures(self, path: str) -> Iterator[Picture]:
        """Yield a picture, or the pictures in a tar."""
        key = self._key(path)
        if not is_tar(path):
            yield Picture(key, path)
            return
        for member in members_of(path, self._is_picture, self._pass_over):
            name = f"{key}/{member.name}"
            if member.fault:
                yield Picture(name, "", fault=member.fault)
            else:
                yield Picture(name, f"{path}/{member.name}", member.size_and_time)

    def _key(self, path: str) -> str:
        key = _relative(path, str(self.root))
        if key is None:
            msg = (
                f"input.path: {hidden(path)} lies outside of {self.root}, which names of results are relative "
                "to; set input.root to a folder above all pictures"
            )
            raise ConfigError(msg)
        return key

    def _is_picture(self, name: str) -> bool:
        extension = os.path.splitext(name)[1].lower()  # noqa: PTH122 - hot
        hidden = name.startswith(".")
        if extension in EXTENSIONS and not hidden:
            return True
        kind = "hidden" if hidden else extension or "none"
        self._pass_over("other" if len(kind) > LONGEST_EXTENSION else kind)
        return False

    def _pass_over(self, kind: str) -> None:
        new = kind not in self.ignored and len(self.ignored) >= MOST_EXTENSIONS
        self.ignored["other" if new else kind] += 1

    def _scan(
        self, folder: str, prefix: str, above: tuple[tuple[int, int], ...]
    ) -> Iterator[Picture]:
        """Walk down like `find -L`: links are followed, except to a folder we are inside of."""
        below = []
        try:
            status = os.stat(folder)  # noqa: PTH116 - hot
            here = (status.st_dev, status.st_ino)
            if here in above or self.results.are_in(folder):
                return
            with os.scandir(folder) as entries:
                for entry in entries:  # an iterator: a folder may have millions
                    if _is_folder(entry):
                        below.append((entry.name, entry.path))
                    elif _is_openable(entry) and self._is_picture(entry.name):
                        yield Picture(prefix + entry.name, entry.path)
        except OSError:
            # Passed on as a picture, it becomes a failure with the reason.
            yield Picture(prefix.rstrip("/"), folder)
            return
        for name, path in sorted(below):
            if not name.startswith("."):
                yield from self._scan(path, f"{prefix}{name}/", (*above, here))
            elif name != STATE_FOLDER:
                self._pass_over(HIDDEN_FOLDERS)

    def _glob(self) -> Iterator[Picture]:
        pattern = _ONE_OF_THESE.sub(r"\1", str(self.source))
        # Two `**` can divide the folders of a path in several ways.
        seen: set[str] | None = set() if pattern.split("/").count("**") > 1 else None
        for path in glob.iglob(pattern, recursive=True):  # noqa: PTH207 - streams, any bytes
            folder, name = os.path.split(path)
            if os.path.isdir(path) or self.results.are_in(folder) or _is_circular(folder):  # noqa: PTH112 - hot
                continue
            if seen is not None:
                if path in seen:
                    continue
                seen.add(path)
            if is_tar(path) or self._is_picture(name):
                yield from self._pictures(path)

    def check(self) -> None:
        """Check that all pictures lie below the root, as far as possible without a search.

        Raises:
            ConfigError: a picture does not; or a manifest names results of a run or has no correct
                line.
        """
        if is_manifest(self.source):
            self._check_list()
        else:
            self._key(str(root_of(self.source)))

    def _check_list(self) -> None:
        outside, common, last, fault = 0, None, None, ""
        for line in lines_of(self.source):
            number, path = line.number, line.path
            if line.fault:
                fault = fault or line.fault
                continue
            folder = folder_of(path)
            if folder == last:
                continue  # one picture per folder is enough
            last = folder
            if not is_url(path) and self.results.are_in(folder):
                msg = _no_pictures(str(self.source), path)
                raise ConfigError(msg)
            common = folder if common is None else common_folder(common, folder)
            if not outside and _relative(path, str(self.root)) is None:
                outside = number
        if fault and common is None:
            raise ConfigError(fault)  # no line is correct: it is another kind of file
        if outside:
            advice = _remedy(common)
            msg = (
                f"{self.source}:{outside}: the picture lies outside of {self.root}, which names of "
                f"results are relative to; {advice}"
            )
            raise ConfigError(msg)


def _remedy(common: str | None) -> str:
    if common:
        return f"set input.root={common}, or a folder above it"
    return "as no folder is above all of them, make a list and an output of each kind of place"


def passed_over(ignored: Mapping[str, int], results: Collection[str]) -> list[str]:
    """Return sentences about skipped files, counted by extension, and skipped folders."""
    told = []
    files = {kind: number for kind, number in ignored.items() if kind != HIDDEN_FOLDERS}
    if files:
        ordered = sorted(files.items(), key=lambda item: (-item[1], item[0]))
        count = sum(files.values())
        kinds = _some([f"{kind} {number}" for kind, number in ordered])
        told.append(f"{count} file{'s' * (count > 1)} passed over: {kinds}")
    if folders := ignored.get(HIDDEN_FOLDERS):
        told.append(f"{folders} hidden folder{'s' * (folders > 1)} passed over")
    if results:
        told.append(f"results of runs passed over: {_some(sorted(results))}")
    return told


def _some(words: Sequence[str]) -> str:
    return ", ".join([*words[:MOST_TOLD], *["…"] * (len(words) > MOST_TOLD)])


def root_of(source: Path) -> Path:
    """Return the default root of the names of results, an absolute folder.

    It is the folder given, the fixed part of a glob, the folder of a picture, or the current
    directory for a manifest.
    """
    if isinstance(source, RemotePath):
        return source
    return Path(os.path.abspath(_start(source) or "."))  # noqa: PTH100 - resolve() would follow links


def is_manifest(source: Path) -> bool:
    """Whether a source is a list of pictures."""
    return source.suffix.lower() in MANIFESTS and os.path.lexists(source) and not source.is_dir()


def open_source(source: Path, output: Path, root: Path | None = None) -> Pictures:
    """Open a source of any kind; names of results are relative to the root.

    Raises:
        ConfigError: the source does not exist, lies outside the root, or is the results of a run;
            or results would lie among the pictures.
    """
    if root is not None and not isinstance(root, RemotePath) and not root.is_dir():
        msg = f"input.root: {root} is no folder (looked from {Path.cwd()}); check the path"
        raise ConfigError(msg)
    if not os.path.lexists(source):
        # No match may be an empty inbox. A missing folder is a lost mount or a typing error.
        missing = _fixed_prefix(str(source)) if glob.has_magic(str(source)) else str(source)
        if missing and not os.path.lexists(missing):
            msg = f"input.path: {missing} does not exist (looked from {Path.cwd()}); check the path"
            raise ConfigError(msg)
    if source.is_dir() and output.is_dir() and source.samefile(output):
        msg = (
            f"output.path: {output} is also input.path, so results would be taken for pictures; "
            f"choose another folder, for example {output / 'locpipe'}"
        )
        raise ConfigError(msg)
    results = Results(_start(source), str(output))
    pictures = Pictures(source, results, root.absolute() if root else root_of(source))
    pictures.check()
    only_results = results.are_of_another_run() and not any(True for _ in pictures)
    if results.are_the_source() or (only_results and results.found):
        msg = _no_pictures("input.path", str(source))
        raise ConfigError(msg)
    return pictures


@lru_cache(maxsize=MOST_FOLDERS)
def _is_circular(folder: str) -> bool:
    """Say whether a link on the way to a folder leads back to a folder on that way."""
    on_the_way = [os.path.realpath(each) for each in (folder, *map(str, Path(folder).parents))]
    return len(set(on_the_way)) < len(on_the_way)


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link to itself
        return False


def _is_openable(entry: os.DirEntry[str]) -> bool:
    """Say whether an entry is a file or a broken link (which fails later), no pipe or device."""
    try:
        return entry.is_file() or (entry.is_symlink() and not os.path.exists(entry.path))  # noqa: PTH110 - hot
    except OSError:
        return True


def _fixed_prefix(pattern: str) -> str:
    """Return the folder that contains everything that matches the pattern."""
    parts = re.split(r"(?<=/)", pattern)
    fixed = ""
    for part in parts[:-1]:
        if glob.has_magic(part):
            break
        fixed += part
    return fixed


def _start(source: Path) -> str | None:
    """Return the folder where the search for pictures begins; None for a list."""
    if source.is_dir():
        return str(source)
    if not os.path.lexists(source):
        return _fixed_prefix(str(source))
    return None if source.suffix.lower() in MANIFESTS else str(source.parent)


def _no_pictures(origin: str, path: str) -> str:
    return (
        f"{origin}: {path} is results of a run, not pictures; "
        "name pictures, or crops that were exported (exports/crops)"
    )


def _relative(path: str, root: str) -> str | None:
    """Return the path relative to a folder, with forward slashes; None if it lies outside."""
    if is_url(path):
        return key_below(path, located(root))
    if is_url(root):
        return None
    top = root if root.endswith(os.sep) else root + os.sep
    if path.startswith(top) and os.path.normpath(path) == path:
        return path[len(top) :].replace(os.sep, "/")  # five times as fast as the code below
    key = os.path.relpath(path, root)
    if _is_outside(key):
        # The path of one of them may contain a link.
        folder, name = os.path.split(path)
        key = os.path.relpath(os.path.join(os.path.realpath(folder), name), os.path.realpath(root))  # noqa: PTH118 - hot
    return None if _is_outside(key) else key.replace(os.sep, "/")


def _is_outside(key: str) -> bool:
    return key == os.pardir or key.startswith(os.pardir + os.sep)
