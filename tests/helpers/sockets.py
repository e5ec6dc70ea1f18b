"""A guard that blocks connections beyond this machine, and notes the attempts."""

import os
import subprocess
from pathlib import Path
from typing import Final

from power_loss import compiler

SOURCE: Final = Path(__file__).with_suffix(".c")


class SocketGuard:
    """Processes that are started with its environment, and all that they start, are watched.

    Args:
        folder: folder for the preloaded library and its notes.
    """

    def __init__(self, folder: Path) -> None:
        self._library, self._log = folder / "sockets.so", folder / "sockets.log"
        command = [str(compiler()), "-shared", "-fPIC", "-O1", "-Wall", "-Werror"]
        subprocess.run([*command, "-o", str(self._library), str(SOURCE), "-ldl"], check=True)

    def environment(self) -> dict[str, str]:
        """Environment in which processes are started."""
        return {
            **os.environ,
            "LD_PRELOAD": str(self._library),
            "SOCKETS_LOG": str(self._log),
        }

    def attempts(self) -> list[str]:
        """The calls so far that would have left this machine, each with its address."""
        return self._log.read_text().splitlines() if self._log.exists() else []
