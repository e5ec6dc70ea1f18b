"""Recognises results of runs, so that no run takes them for pictures."""

import os
from typing import Any, Final

STATE_FOLDER: Final = ".locpipe"
RUN_REPORT: Final = "run.json"
"""The report of a run."""
FOLDERS: Final = frozenset(
    ["boxes", "masks", "overlays", "heatmaps", "exports", "report", "shards"]
)
"""Folders of results. Only crops among them may be used as pictures."""
CROPS: Final = ("exports", "crops")
MOST_KEPT: Final = 1000


class Results:
    """The results of runs in and around a source.

    The state or the report shows that a folder is the output of a run. Below the source, everything
    in an output counts as results. If the source is an output or lies in one, only its folders of
    results do.

    Args:
        start: the folder where the search for pictures begins; None for a list.
        output: the output of this run, which need not exist yet.

    Attributes:
        found: folders of results that were skipped.
    """

    def __init__(self, start: str | None, output: str) -> None:
        self._start = None if start is None else os.path.realpath(start or ".")
        self._output = os.path.realpath(output)
        self.found: set[str] = set()
        # Plain dictionaries, as they are sent to workers.
        self._folder_of: dict[str, str | None] = {}
        self._outputs: dict[str, bool] = {}

    def forget(self) -> None:
        """Forget what was found, and search anew."""
        self.found.clear()
        self._folder_of.clear()
        self._outputs.clear()

    def are_in(self, folder: str) -> bool:
        """Say whether the content of a folder is results, and note such folders."""
        if folder not in self._folder_of:
            _make_room(self._folder_of)
            self._folder_of[folder] = self._look_up(os.path.realpath(folder or "."))
        found = self._folder_of[folder]
        if found is not None:
            self.found.add(found)
        return found is not None

    def are_the_source(self) -> bool:
        """Whether the search for pictures begins in results."""
        return self._start is not None and self.are_in(self._start)

    def are_of_another_run(self) -> bool:
        """Whether the search for pictures begins at the output of another run."""
        start = self._start
        return start is not None and start != self._output and self._is_output(start)

    def _is_output(self, folder: str) -> bool:
        if folder not in self._outputs:
            _make_room(self._outputs)
            self._outputs[folder] = _is_output(folder)
        return self._outputs[folder]

    def _look_up(self, folder: str) -> str | None:
        """Return the folder of results that contains a folder."""
        below: tuple[str, ...] = ()
        above = folder
        while True:
            if above == self._output or self._is_output(above):
                if self._start is not None and _is_below(above, self._start):
                    return above
                if below and below[0] in FOLDERS and not self._are_crops_asked_for(above, below):
                    return f"{above}/{below[0]}"
            parent, name = os.path.split(above)
            if parent == above:
                return None
            above, below = parent, (name, *below)

    def _are_crops_asked_for(self, output: str, below: tuple[str, ...]) -> bool:
        if below[:2] != CROPS:
            return False
        folder = "/".join((output, *CROPS))
        return self._start is None or self._start == folder or _is_below(self._start, folder)


def _make_room(kept: dict[str, Any]) -> None:
    """Limit the memory for folders. Old entries can go: files of a folder follow each other."""
    if len(kept) >= MOST_KEPT:
        kept.clear()


def _is_below(folder: str, top: str) -> bool:
    return folder != top and folder.startswith(top.rstrip("/") + "/")


def _is_output(folder: str) -> bool:
    if os.path.lexists(f"{folder}/{STATE_FOLDER}"):
        return True
    try:
        with open(f"{folder}/{RUN_REPORT}", "rb") as report:  # noqa: PTH123 - hot
            return b'"locpipe/run/' in report.read(1000)
    except OSError:
        return False
