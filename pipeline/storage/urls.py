"""Places in buckets and on servers, as users write them: `s3://bucket/folder`."""

from __future__ import annotations

import os
import re
from pathlib import Path, PosixPath
from typing import Final
from urllib.parse import unquote

from ...stages.errors import ConfigError

SCHEMES: Final = ("s3", "gs", "az", "http", "https", "memory")
WRITABLE: Final = ("s3", "gs", "az", "memory")
"""Schemes of places for results."""
_URL: Final = re.compile(rf"({'|'.join(SCHEMES)})://", re.IGNORECASE)
_USER: Final = re.compile(r"(?<=://)[^/\s@]+@")
_QUERY: Final = re.compile(r"(https?://[^\s?'\"]*\?)[^\s'\"]+", re.IGNORECASE)


class RemotePath(PosixPath):
    """A place that is not on a disk: it has parts like a path, and is written as a URL.

    Code that only knows disks finds nothing there.
    """

    def __str__(self) -> str:
        """Return the URL."""
        parts = self.parts
        if not parts or not parts[0].endswith(":"):
            return super().__str__()
        return f"{parts[0]}//{'/'.join(parts[1:])}"

    def __fspath__(self) -> str:
        """Return the URL; no file has such a name."""
        return str(self)

    def absolute(self) -> RemotePath:
        """Return itself: it does not depend on the current directory."""
        return self


def is_url(text: str) -> bool:
    """Whether a text is the URL of a place that pictures may be read from."""
    return text[:1] != "/" and _URL.match(text) is not None  # fast for paths


def is_http(url: str) -> bool:
    """Whether a URL is that of a web server."""
    return url[:4].lower() == "http"


def located(text: str) -> Path:
    """Return a path or, for a URL, a remote path, without any access."""
    if not is_url(text):
        return Path(text)
    scheme, rest = text.split("://", 1)
    return RemotePath(f"{scheme.lower()}:", rest)


def on_disk(run: str | Path) -> Path:
    """Return the folder of a run.

    Raises:
        ConfigError: the run lies in a bucket.
    """
    if is_url(str(run)):
        msg = f"{run}: lies in a bucket; type: locpipe fetch {run} DIR, and give DIR in its place"
        raise ConfigError(msg)
    return Path(run)


def problem_with(url: str, *, listed: bool = False) -> str | None:
    """Say what is wrong with a URL, without showing it; None: nothing is wrong.

    Args:
        url: of a picture, or of a folder.
        listed: the URL is in a list. There it may have a query, as signed URLs have: no report
            shows a list.
    """
    scheme, rest = url.split("://", 1)
    place, _, query = rest.partition("?") if is_http(url) else (rest, "", "")
    host, _, key = place.partition("/")
    if "@" in host:
        return "has a user or a password in it; remove them, and give credentials as docs/buckets.md says"
    if query and not listed:
        return "has a query, which may be a secret; put the URL into a list of pictures, and give the list"
    names = (unquote(key) if is_http(url) else key).rstrip("/").split("/")
    if key.strip("/") and not {"", ".", ".."}.isdisjoint(names):
        return (
            f"has an empty name, . or .. between its slashes; rename it, as {scheme}://BUCKET/NAME"
        )
    if "\0" in unquote(key):
        return "has a NUL byte in it; rename the picture"
    return None


def shown(url: str) -> str:
    """Return a URL without its query, so that it may be shown."""
    return url.split("?", 1)[0] if is_http(url) else url


def hidden(text: str) -> str:
    """Return a text without the users, passwords and queries of the URLs in it."""
    return _QUERY.sub(r"\1…", _USER.sub("…@", text))


def key_below(url: str, root: Path) -> str | None:
    """Return the name of a picture relative to a root; None: it lies elsewhere."""
    top = str(root)
    top += "" if top.endswith("/") else "/"
    place = str(located(shown(url)))
    if not isinstance(root, RemotePath) or not place.startswith(top):
        return None
    key = place.removeprefix(top)
    return unquote(key, errors="surrogateescape") if is_http(url) else key


def folder_of(path: str) -> str:
    """Return the folder that a path or a URL lies in."""
    return str(located(shown(path)).parent) if is_url(path) else os.path.dirname(path)  # noqa: PTH120 - hot


def common_folder(one: str, other: str) -> str:
    """Return the common folder of two folders (or of a URL); empty: there is none."""
    if not is_url(one) and not is_url(other):
        return os.path.commonpath([one, other])
    if not (is_url(one) and is_url(other)):
        return ""
    also = {located(other), *located(other).parents}
    above = (located(one), *located(one).parents)
    return next((str(place) for place in above if place in also and place.parts), "")
