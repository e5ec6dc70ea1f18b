"""The lock of an output in a bucket: an object that its holder rewrites again and again.

The store accepts conditional writes, so only one process can make the object. Only the clock of the
store decides whether a holder is alive. So a wrong clock on this machine cannot take a lock of
others.
"""

from __future__ import annotations

import hashlib
import json
import logging
import platform
import secrets
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import Final

from ...stages.errors import ConfigError, LocpipeError
from ..sources.results import STATE_FOLDER
from ..storage.objects import Content, Stamp, content_of, put, put_if, removed
from ..storage.urls import RemotePath

BEAT_SECONDS: Final = 20.0
"""How often a holder writes its lock."""
EXPIRY_SECONDS: Final = 180.0
"""A lock that was not written for so long has no holder; a bucket may be slow for two minutes."""
_LOOK_SECONDS: Final = 0.2

log = logging.getLogger(__name__)


class HeldLock:
    """A held lock. Another run may take it if this one has not written it for too long.

    Args:
        output: the output that is locked.
        machine: id of this machine, which has no other holder of this lock.

    Attributes:
        is_lost: whether another run took it, or may have taken it.
    """

    def __init__(self, output: RemotePath, machine: str) -> None:
        self._output = output
        self._object = lock_object(output)
        self._who = {"machine": machine, "run": secrets.token_hex(8)}
        self._beats = 0
        self._stamp: Stamp | None = None
        self._heard = time.monotonic()
        self.is_lost = False
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._beat, daemon=True)

    def take(self, patience: float) -> bool:
        """Make the lock, or take that of a dead run; try for `patience` seconds.

        Returns:
            Whether the lock is held now; if not, another run holds it.

        Raises:
            ConfigError: the bucket does not exist, or may not be written.
        """
        until = time.monotonic() + patience
        while not self._try():
            if time.monotonic() > until:
                return False
            time.sleep(_LOOK_SECONDS)
        self._thread.start()
        return True

    def _try(self) -> bool:
        if self._write(None):
            return True
        found = content_of(self._object)
        if found is None:
            return False  # it was released just now
        if self._is_mine(found):
            self._stamp = found.stamp  # the first try succeeded, but its answer was lost
            return True
        if _said(found).get("machine") != self._who["machine"] and not _is_over(
            self._object, found
        ):
            return False
        if taken := self._write(found.stamp):
            log.warning("%s: the lock of a run that was killed is taken over", self._output)
        return taken

    def _write(self, before: Stamp | None) -> bool:
        """Write the lock if it has not changed. Its content, and so its stamp, is new each time."""
        content = json.dumps({**self._who, "beat": self._beats}).encode()
        self._beats += 1
        began = time.monotonic()
        stamp = put_if(self._object, content, before, ConfigError)
        if stamp is None:
            return False
        self._stamp, self._heard = stamp, began
        return True

    def _is_mine(self, found: Content) -> bool:
        return _said(found).get("run") == self._who["run"]

    def _beat(self) -> None:
        while not self._ended.wait(BEAT_SECONDS):
            with suppress(LocpipeError):  # the next beat may succeed
                self._renew()
            if time.monotonic() - self._heard > EXPIRY_SECONDS * 0.75:
                self.is_lost = True
            if self.is_lost:
                return

    def _renew(self) -> None:
        if self._write(self._stamp):
            return
        found = content_of(self._object)
        if found is not None and self._is_mine(found):
            self._stamp = found.stamp  # an answer was lost; the next beat counts
        else:
            self.is_lost = True

    def release(self) -> None:
        """Release the lock, unless it is lost."""
        self._ended.set()
        self._thread.join()
        if not self.is_lost:
            try:
                removed([self._object])
            except LocpipeError as error:
                log.warning("%s; until then nobody else can run there", error)


def lock_object(output: RemotePath) -> RemotePath:
    """Return the object that is the lock."""
    return output / STATE_FOLDER / "lock"


def _said(lock: Content) -> dict[str, object]:
    with suppress(ValueError):
        said = json.loads(lock.data)
        if isinstance(said, dict):
            return said
    return {}


def _is_over(place: RemotePath, lock: Content) -> bool:
    """Say whether a lock has expired, by the clock of the store."""
    probe = place.with_name(f"now-{secrets.token_hex(8)}")
    put(probe, b"")
    now = content_of(probe)
    removed([probe])
    return now is not None and now.changed_ns - lock.changed_ns > EXPIRY_SECONDS * 1e9


def is_live(output: RemotePath) -> bool:
    """Say whether a run is working, by the clock of the store; a write shows that clock.

    Raises:
        ConfigError: the bucket may not be read.
        OutputError: the bucket may not be written.
    """
    place = lock_object(output)
    found = content_of(place)
    return found is not None and not _is_over(place, found)


def is_held(output: RemotePath) -> bool:
    """Say whether a run is working, if the clock of this machine is right."""
    found = content_of(lock_object(output))
    return found is not None and time.time() - found.changed_ns / 1e9 < EXPIRY_SECONDS


def machine_of(folder: Path) -> str:
    """Return the id of this machine for the locks of an output; its local lock must be held.

    Args:
        folder: where the id is kept.
    """
    file = folder / "machine"
    if not file.exists():
        file.write_text(secrets.token_hex(16))
    return hashlib.sha256(f"{platform.node()} {file.read_text()}".encode()).hexdigest()[:32]
