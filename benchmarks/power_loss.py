"""A loss of power: makes the files as they would be after it. Only synced data surely survives.

`power_loss.c` is preloaded into the processes of a run and keeps a copy of the data that they sync.
Data written but not synced may survive, wholly or in part, as on a real disk. Chance decides for
each name.
"""

import os
import random
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Final

SOURCE: Final = Path(__file__).with_suffix(".c")
KINDS: Final = ("data", "names", "hold")


def compiler() -> str | None:
    """The C compiler of this machine."""
    return shutil.which("cc") or shutil.which("gcc")


class Power:
    """The power of a machine whose disk is one folder.

    Args:
        root: the folder; all files in it count as being on the disk already.
        kept: a new folder on the same file system, for the copies of synced data.
    """

    def __init__(self, root: Path, kept: Path) -> None:
        self.root, self.kept = root, kept
        for kind in KINDS:
            (kept / kind).mkdir(parents=True)
        self._shim = kept / "power_loss.so"
        command = [str(compiler()), "-shared", "-fPIC", "-O1", "-o", str(self._shim), str(SOURCE)]
        subprocess.run(command, check=True)
        for path in (root, *root.rglob("*")):
            self._keep(path)

    def environment(self) -> dict[str, str]:
        """The environment for processes whose syncs are to count."""
        return {
            **os.environ,
            "LD_PRELOAD": str(self._shim),
            "POWER_ROOT": str(self.root),
            "POWER_KEPT": str(self.kept),
        }

    def _keep(self, path: Path) -> None:
        inode = str(path.stat(follow_symlinks=False).st_ino)
        if path.is_dir() and not path.is_symlink():
            entries = (f"{entry.inode()} {entry.name}\0" for entry in os.scandir(path))
            (self.kept / "names" / inode).write_text("".join(entries))
        elif path.is_file():
            shutil.copyfile(path, self.kept / "data" / inode)
            (self.kept / "hold" / inode).hardlink_to(path)

    def lose(self, into: Path, chance: random.Random | None = None) -> None:
        """Write to a new folder the files that are left when the power is back; no process may be running.

        Without `chance` exactly the synced data survives.
        """
        here = {path.stat(follow_symlinks=False).st_ino: path for path in self.root.rglob("*")}
        here[self.root.stat().st_ino] = self.root
        self._folder(self.root.stat().st_ino, into, here, chance)

    def _folder(
        self, inode: int, into: Path, here: dict[int, Path], chance: random.Random | None
    ) -> None:
        into.mkdir()
        synced, now = dict(self._synced(inode)), dict(_entries(here.get(inode)))
        for name in sorted(synced.keys() | now.keys()):
            entries = now if chance and chance.random() < 0.5 else synced
            if name in entries:
                self._entry(entries[name], into / name, here, chance)

    def _entry(
        self, inode: int, path: Path, here: dict[int, Path], chance: random.Random | None
    ) -> None:
        there = here.get(inode)
        if (self.kept / "names" / f"{inode}").exists() or (there and there.is_dir()):
            self._folder(inode, path, here, chance)
        elif there and there.is_symlink():
            path.symlink_to(there.readlink())
        else:
            path.write_bytes(self._bytes(inode, there, chance))

    def _synced(self, folder: int) -> Iterator[tuple[str, int]]:
        kept = self.kept / "names" / f"{folder}"
        for entry in kept.read_text().split("\0")[:-1] if kept.exists() else ():
            inode, _, name = entry.partition(" ")
            yield name, int(inode)

    def _bytes(self, inode: int, there: Path | None, chance: random.Random | None) -> bytes:
        kept, held = self.kept / "data" / f"{inode}", self.kept / "hold" / f"{inode}"
        synced = kept.read_bytes() if kept.exists() else b""
        now = held if held.exists() else there
        if chance is None or now is None or chance.random() < 0.5:
            return synced
        written = now.read_bytes()
        return written if chance.random() < 0.5 or kept.exists() else written[: len(written) // 2]


def _entries(folder: Path | None) -> Iterator[tuple[str, int]]:
    if folder is not None and folder.is_dir():
        for entry in os.scandir(folder):
            yield entry.name, entry.inode()
