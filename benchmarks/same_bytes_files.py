"""The files of a record of `same_bytes.py`: the contents that count, and the differences of records."""

import hashlib
import json
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Final, Literal

INPUTS: Final = frozenset({"pictures", "few", "truth", "few.csv", "logs"})
"""Folders and files of a record that hold no results."""
STATE: Final = ".locpipe"

DROPPED: Final = frozenset(
    {
        *("started", "seconds", "p50", "p95", "total"),  # times
        *("pictures_per_second", "pixels_per_second", "peak_memory"),  # speed and memory
        *("argv", "versions"),  # of the checkout and its environment
        *("schema", "locpipe", "config_sha256"),  # schema 2 changes them
        "boxes_sha256",  # hash of a box JSON with all of the above
    }
)
"""Keys whose values say nothing of a result, wherever they stand in a JSON file."""
DROPPED_IN: Final = {"run.json": frozenset({"config"})}
"""Keys dropped in files of one name only: the config with all defaults, which new keys change."""

ROOT: Final = b"<record>"
"""Stands for the absolute path of the record in text files and as the target of links."""
JSON: Final = frozenset({".json", ".jsonl"})
TEXT: Final = JSON | {".hocr", ".txt", ".uzn", ".xml"}
NOTHING: Final = object()

Verdict = Literal["same bytes", "same values", "added keys", "differ"]


@dataclass(frozen=True)
class Record:
    """A folder that `same_bytes.py record` wrote.

    Attributes:
        folder: where it lies now.
        root: where it lay when it was written.
        about: facts about the machine.
    """

    folder: Path
    root: str
    about: Mapping[str, object]

    @classmethod
    def opened(cls, folder: Path) -> "Record":
        """Return a finished record."""
        about = json.loads((folder / "hashes.json").read_bytes())
        return cls(folder, about["root"], about["machine"])

    def names(self) -> list[str]:
        """Return the relative names of all results, sorted."""
        names = [
            path.relative_to(self.folder)
            for path in self.folder.rglob("*")
            if path.is_symlink() or path.is_file()
        ]
        return sorted(
            str(name)
            for name in names
            if len(name.parts) > 1 and name.parts[0] not in INPUTS and STATE not in name.parts
        )

    def content(self, name: str) -> bytes:
        """Return the bytes of a file, or the target of a link, without the folder of the record."""
        path = self.folder / name
        root = self.root.encode()
        if path.is_symlink():
            return b"-> " + bytes(path.readlink()).replace(root, ROOT)
        content = path.read_bytes()
        return content.replace(root, ROOT) if path.suffix in TEXT else content


@dataclass(frozen=True)
class Change:
    """A value that differs between two JSON files; `NOTHING` in a file that lacks the value."""

    key: str
    old: object
    new: object

    @property
    def is_added(self) -> bool:
        """Whether only the new file has the value, under a key and not in a list."""
        return self.old is NOTHING and not self.key.endswith("]")

    def __str__(self) -> str:
        return f"{self.key}: {_shown(self.old)} -> {_shown(self.new)}"


@dataclass(frozen=True)
class Comparison:
    """How two files of the same name differ."""

    verdict: Verdict
    first: str = ""
    added: tuple[str, ...] = ()


def sha256(name: str, content: bytes) -> str:
    """Return the hash of the contents of a file that count."""
    if is_json(name):
        content = json.dumps(document(name, content), sort_keys=True).encode()
    return hashlib.sha256(content).hexdigest()


def is_json(name: str) -> bool:
    """Whether a file is JSON, or has JSON in every line."""
    return PurePosixPath(name).suffix in JSON


def document(name: str, content: bytes) -> object:
    """Return the contents of a JSON file that count."""
    path = PurePosixPath(name)
    dropped = DROPPED | DROPPED_IN.get(path.name, frozenset())
    if path.suffix == ".jsonl":
        return [_without(dropped, json.loads(line)) for line in content.splitlines()]
    return _without(dropped, json.loads(content))


def _without(dropped: frozenset[str], value: object) -> object:
    if isinstance(value, dict):
        return {key: _without(dropped, one) for key, one in value.items() if key not in dropped}
    if isinstance(value, list):
        return [_without(dropped, one) for one in value]
    return value


def folded(hashes: Mapping[str, str]) -> dict[str, dict[str, object]]:
    """Return the number of files and one hash for each folder, few enough to be kept for good."""
    folders: defaultdict[str, list[str]] = defaultdict(list)
    for name, digest in sorted(hashes.items()):
        folders[_folder(name)].append(f"{digest}  {name}\n")
    return {
        folder: {
            "files": len(lines),
            "sha256": hashlib.sha256("".join(lines).encode()).hexdigest(),
        }
        for folder, lines in folders.items()
    }


def _folder(name: str) -> str:
    """Name the folder of a file: a kind of results of a set of pictures. Crops lie deeper."""
    parts = PurePosixPath(name).parts[:-1]
    return "/".join(parts[: 5 if "exports" in parts else 4])


def kind_of(name: str) -> str:
    """Name the kind of a file: its folder, without job and picture, and its suffix."""
    top, _, *below = PurePosixPath(name).parts
    depth = 2 if below[0] == "exports" else 1
    return " ".join(["/".join([top, *below[:-1][:depth]]), PurePosixPath(name).suffix])


def compared(name: str, old: bytes, new: bytes) -> Comparison:
    """Compare two files of the same name."""
    if old == new:
        return Comparison("same bytes")
    if not is_json(name):
        return Comparison("differ", _first_line(old, new) if _is_text(name) else _sizes(old, new))
    found = list(changes(document(name, old), document(name, new)))
    added = tuple(change.key for change in found if change.is_added)
    others = [change for change in found if not change.is_added]
    if others:
        return Comparison("differ", f"{others[0]} ({len(others)} in all)", added)
    return Comparison("added keys" if added else "same values", added=added)


def _is_text(name: str) -> bool:
    return PurePosixPath(name).suffix in TEXT


def changes(old: object, new: object, key: str = "") -> Iterator[Change]:
    """Yield every value that differs, in the order of the old document."""
    if isinstance(old, dict) and isinstance(new, dict):
        for name in [*old, *(name for name in new if name not in old)]:
            inner = f"{key}.{name}" if key else str(name)
            yield from changes(old.get(name, NOTHING), new.get(name, NOTHING), inner)
    elif isinstance(old, list) and isinstance(new, list):
        for place in range(max(len(old), len(new))):
            was, is_ = (side[place] if place < len(side) else NOTHING for side in (old, new))
            yield from changes(was, is_, f"{key}[{place}]")
    elif type(old) is not type(new) or old != new:
        yield Change(key, old, new)


def _shown(value: object) -> str:
    return "nothing" if value is NOTHING else json.dumps(value)[:120]


def _first_line(old: bytes, new: bytes) -> str:
    lines = [content.splitlines() for content in (old, new)]
    place = next((n for n, (a, b) in enumerate(zip(*lines, strict=False)) if a != b), -1)
    if place < 0:
        return _sizes(old, new)
    was, is_ = (side[place].decode(errors="replace").strip()[:120] for side in lines)
    return f"line {place + 1}: {was!r} -> {is_!r}"


def _sizes(old: bytes, new: bytes) -> str:
    pairs = enumerate(zip(old, new, strict=False))
    place = next((n for n, (a, b) in pairs if a != b), min(len(old), len(new)))
    return f"from byte {place} on; {len(old)} -> {len(new)} bytes"
