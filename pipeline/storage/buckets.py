"""Reads buckets and web servers through obstore (`locpipe[cloud]`), which is imported late.

Credentials come from the chain of each provider; obstore keeps them. Answers of servers may contain
parts of them, so messages show only status and code.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from functools import cache, lru_cache
from importlib.util import find_spec
from typing import Any, Final

from ...stages.errors import ConfigError, ImageError, LocpipeError
from ...stages.extras import plugin
from ...stages.settings import OFFLINE
from .urls import RemotePath, is_http, problem_with, shown

CLIENT: dict[str, object] = {
    "allow_http": True,  # of an endpoint that says http://
    "connect_timeout": timedelta(seconds=5),
    "read_timeout": timedelta(seconds=30),  # without a byte
    "timeout": timedelta(hours=1),  # of one picture
}
"""Time limits."""
TRIES: dict[str, object] = {
    "max_retries": 10,
    "retry_timeout": timedelta(seconds=120),
    "backoff": {
        "init_backoff": timedelta(milliseconds=100),
        "max_backoff": timedelta(seconds=15),
        "base": 2,
    },
}
"""Retries after 5xx, a lost connection or a slow read."""
NEEDED: Final = "input.path, input.root or output.path lies in a bucket or on a server"
PIECE: Final = 1 << 22  # bytes
_LISTED: Final = 1000  # objects that a server lists at once
_ASKED: Final = 32  # objects whose sizes are requested at once
_MOST_STORES: Final = 64
_LISTS_AT_ONCE: Final = 8
_JUMPING: Final = ("s3://", "gs://")
"""Servers that can list from a given name on; others also list everything before it."""
_LAST: Final = "\U0010ffff"  # no letter comes after it
_LISTS_TRIED: Final = 5
_LIST_SECONDS: Final = 0.1
_TRIED: Final = re.compile(r"RetryError|status code|invalid path")
_STATUS: Final = re.compile(r"status code: (\d{3})")
_CODE: Final = re.compile(r"<Code>(\w{1,60})</Code>")
_ILL_NAMED: Final = re.compile(r"\A(?:Value|UnicodeEncode)Error|KeyTooLong")
_RIGHTS: Final = {
    "s3": "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE (docs/buckets.md)",
    "gs": "run gcloud auth application-default login, or set GOOGLE_APPLICATION_CREDENTIALS",
    "az": "set AZURE_STORAGE_ACCOUNT_NAME and AZURE_STORAGE_ACCOUNT_KEY (docs/buckets.md)",
}

_REASONS: Final = tuple(
    (re.compile(pattern, re.DOTALL), reason)
    for pattern, reason in (
        (
            r"NoSuchBucket|ContainerNotFound|specified (?:bucket|container) does not exist",
            "{place}: there is no bucket '{bucket}'; check its name, and AWS_ENDPOINT_URL if it is there",
        ),
        (
            r"redirect without LOCATION|PermanentRedirect|AuthorizationHeaderMalformed",
            "{place}: the bucket '{bucket}' lies in another region; set AWS_REGION to its own",
        ),
        (
            r"object with invalid path: .*?Path \"(.*?)\"",
            "{place}: the object '{0}' has a name that is no path; rename it, or give a list of the others",
        ),
        (
            r"\A(?:PermissionDenied|Unauthenticated)Error|status code: 40[13]",
            "{place}: may not be {done} ({told}); ask for the right to list, read or write it, and {rights}",
        ),
        (r"Account must be specified", "{place}: it is not said of which account; {rights}"),
        (
            r"\AFileNotFoundError",
            "{place}: does not exist; check its name (memory:// needs run.workers=0)",
        ),
        (
            _ILL_NAMED.pattern,
            "{place}: has a name that is no path, or too long; rename the picture",
        ),
        (
            r"",
            "{place}: cannot be {done} ({told}); check the server and the network, and run again",
        ),
    )
)
"""Errors of obstore and our messages for them; the first match is used."""


_Page = list[dict[str, Any]]


@dataclass(frozen=True)
class Found:
    """An object: its URL, its size in bytes, and when it was last changed, in nanoseconds."""

    url: str
    size: int
    mtime_ns: int

    @property
    def size_and_time(self) -> tuple[int, int]:
        """Size and time, which show a change."""
        return self.size, self.mtime_ns


def listed(folder: RemotePath) -> Iterator[Found]:
    """Yield every object below a folder of a bucket, a thousand at a time, in no particular order.

    Folders below it with more objects are listed at the same time.

    Raises:
        ConfigError: the bucket does not exist or may not be listed, or no server answers.
    """
    url = str(folder)
    bucket = "/".join(url.split("/")[:3])
    with bucket_errors(url, ConfigError):
        store, key = placed(url)
        for objects in _pages_beside_each_other(store, key, jumps=url.startswith(_JUMPING)):
            for each in objects:
                yield _found(f"{bucket}/{each['path']}", each)


def _pages_beside_each_other(store: object, key: str, *, jumps: bool) -> Iterator[_Page]:
    """Yield the pages of lists; memory has at most one page per running list."""
    ahead = _pages(store, key)
    with ThreadPoolExecutor(_LISTS_AT_ONCE) as pool:
        running = {pool.submit(next, ahead, None): ahead}
        while running:
            done, _ = wait(running, return_when=FIRST_COMPLETED)
            for future in done:
                pages, objects = running.pop(future), future.result()
                if objects is not None:
                    yield objects  # before the next request: the caller may need no more
                if objects is None:
                    continue
                if pages is ahead and jumps and len(running) < _LISTS_AT_ONCE - 1:
                    below = _full_folder(objects, key)
                    if below:
                        rest = _pages(store, below, objects[-1]["path"])
                        running[pool.submit(next, rest, None)] = rest
                        ahead = pages = _pages(store, key, f"{below}/{_LAST}")
                running[pool.submit(next, pages, None)] = pages


def _full_folder(objects: _Page, key: str) -> str:
    """Return the subfolder that contains all of a full page; empty: there is none."""
    ends = (objects[0]["path"], objects[-1]["path"])
    below = os.path.commonpath([path.rpartition("/")[0] for path in ends])
    return below if len(objects) >= _LISTED and len(below) > len(key) else ""


def _pages(store: object, key: str, after: str | None = None) -> Iterator[_Page]:
    """Yield the pages of objects below a name, from another name on."""
    last, tries = after, 0
    while True:
        try:
            for objects in obstore_package().list(store, key, offset=last, chunk_size=_LISTED):
                yield objects
                last, tries = objects[-1]["path"], 0
        except Exception as error:
            # obstore retries requests and pictures, but not a list whose end was lost.
            if _TRIED.search(str(error)) or tries == _LISTS_TRIED:
                raise
            time.sleep(_LIST_SECONDS * 2**tries)
            tries += 1
        else:
            return


def looked_up(url: str) -> Found | None:
    """Return an object with its size; None: it does not exist.

    Raises:
        ConfigError: it may not be read, or no server answers.
    """
    with bucket_errors(url, ConfigError):
        store, key = placed(url)
        try:
            return _found(url, obstore_package().head(store, key))
        except FileNotFoundError:
            return None


def all_looked_up(urls: Sequence[str]) -> list[Found | None]:
    """Return many objects with their sizes; None: the size is unknown."""

    def ask(url: str) -> Found | None:
        try:
            return looked_up(url)
        except LocpipeError:
            return None  # reading it will give the reason

    with ThreadPoolExecutor(min(_ASKED, len(urls))) as pool:
        return list(pool.map(ask, urls))


def pieces_of(url: str) -> Iterator[bytes]:
    """Yield the content of an object, with a single request.

    Raises:
        ImageError: it does not exist, may not be read, or no server answers.
    """
    with bucket_errors(url, ImageError):
        store, key = placed(url)
        yield from map(bytes, obstore_package().get(store, key).stream(min_chunk_size=PIECE))


def beginning_of(url: str, length: int = 1000) -> bytes:
    """Return at most `length` bytes from the beginning of an object; none if it cannot be read."""
    try:
        with bucket_errors(url, ConfigError):
            store, key = placed(url)
            return bytes(obstore_package().get_range(store, key, start=0, length=length))
    except ConfigError:
        return b""


def checked(url: str) -> str:
    """Return a URL of a list after all checks that need no server.

    Raises:
        ValueError: the URL may not be read.
        ConfigError: the package is missing, or a network may not be used.
    """
    if problem := problem_with(url, listed=True):
        msg = f"the URL {problem}"
        raise ValueError(msg)
    _require_a_network(url)
    obstore_package()
    return url


@cache
def memory_of(name: str) -> Any:  # noqa: ANN401 - obstore is loaded late
    """Return the store of `memory://<name>`; each process has one per name.

    Programs put pictures there: `obstore.put(memory_of("scans"), "a.png", content)`.
    """
    return plugin(
        "obstore.store", "cloud", f"memory://{name} is a store", ConfigError
    ).MemoryStore()


def obstore_package() -> Any:  # noqa: ANN401 - it is loaded late
    """Return obstore.

    Raises:
        ConfigError: it is missing.
    """
    plugin("obstore.store", "cloud", NEEDED, ConfigError)
    return plugin("obstore", "cloud", NEEDED, ConfigError)


def _found(url: str, meta: Any) -> Found:  # noqa: ANN401 - obstore is loaded late
    return Found(url, meta["size"], round(meta["last_modified"].timestamp() * 1e6) * 1000)


def placed(url: str) -> tuple[Any, str]:
    """Return the store that a URL leads to, and the name in it.

    Raises:
        ConfigError: the place needs a network, which may not be used.
    """
    scheme, rest = url.split("://", 1)
    host, _, key = rest.partition("/")
    _require_a_network(url)
    if scheme == "memory":
        return memory_of(host), key
    if is_http(url) and re.search(r"[?#%]|//", rest):
        return _store(url, os.getpid()), ""  # just as it is
    return _store(f"{scheme}://{host}", os.getpid()), key.rstrip("/")


def _require_a_network(url: str) -> None:
    if os.environ.get(OFFLINE) and not url.startswith("memory://"):
        msg = (
            f"{shown(url)!r} is not asked for: --offline or ${OFFLINE} forbids it; leave that out, or "
            "copy to a disk what is needed"
        )
        raise ConfigError(msg)


@lru_cache(maxsize=_MOST_STORES)
def _store(url: str, _process: int) -> Any:  # noqa: ANN401 - obstore is loaded late
    make = obstore_package().store.from_url
    if url.startswith("s3://") and _asks_boto3():
        chain = _chain_of_boto3(url)
        return make(url, client_options=CLIENT, retry_config=TRIES, credential_provider=chain)
    return make(url, client_options=CLIENT, retry_config=TRIES)


def _asks_boto3() -> bool:
    """Say whether boto3 is needed, for profiles and single sign-on."""
    given = ("AWS_ACCESS_KEY_ID", "AWS_SKIP_SIGNATURE", "AWS_WEB_IDENTITY_TOKEN_FILE")
    return not any(map(os.environ.get, given)) and find_spec("boto3") is not None


def _chain_of_boto3(url: str) -> Any:  # noqa: ANN401 - it is loaded late
    try:
        return plugin("obstore.auth.boto3", "cloud", "a profile").Boto3CredentialProvider()
    except ValueError as error:
        msg = (
            f"{url}: there are no credentials; {_RIGHTS['s3']}, or for a public bucket "
            "AWS_SKIP_SIGNATURE=true"
        )
        raise ConfigError(msg) from error


@contextmanager
def bucket_errors(url: str, kind: type[LocpipeError], done: str = "read") -> Iterator[None]:
    """Turn errors of obstore into our errors; `done` is the operation, such as `read`.

    Raises:
        LocpipeError: of the class `kind`; ImageError if an object with an impossible name is
            written.
    """
    try:
        yield
    except LocpipeError:
        raise
    except Exception as error:  # noqa: BLE001 - obstore raises of its own and of the system
        # Nothing of the first error is kept: it may contain a query, a key or a signature.
        is_name = done != "read" and _ILL_NAMED.search(f"{type(error).__name__}: {error}")
        raise (ImageError if is_name else kind)(_explained(url, error, done)) from None


def _explained(url: str, error: Exception, done: str) -> str:
    """Say what is wrong and what to do; of the answer, only status and code are shown."""
    said = f"{type(error).__name__}: {error}"
    scheme, rest = shown(url).split("://", 1)
    told = " ".join(_STATUS.findall(said)[:1] + _CODE.findall(said)[:1])
    for pattern, reason in _REASONS:
        if found := pattern.search(said):
            return reason.format(
                *found.groups(),
                place=repr(shown(url)),
                done=done,
                bucket=rest.split("/")[0],
                told=told or "no answer",
                rights=_RIGHTS.get(
                    scheme, "give a URL that needs no login, or a signed one in a list"
                ),
            )
    raise AssertionError(said)
