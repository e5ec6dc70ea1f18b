"""Compares obstore, which locpipe uses, with s3fs: the same operations on the same server.

Part of `buckets.py`, which starts the server. Only this program needs s3fs: `pip install s3fs`.
Each client works in a process of its own.

    python benchmarks/bucket_clients.py obstore s3://BUCKET/FOLDER s3://BUCKET/PHOTOGRAPHS
"""

import json
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from typing import Any, Final, Protocol

AT_ONCE: Final = 8
OPERATIONS: Final = (
    "the client is loaded",
    "all names listed",
    "100 sizes asked, one by one",
    "100 sizes asked, 8 at once",
    "pictures read, one by one",
    "pictures read, 8 at once",
    "100 results put, 8 at once",
)
NEEDED: Final = {
    "obstore": ("obstore",),
    "s3fs": (
        *("s3fs", "fsspec", "aiobotocore", "aiohttp", "aioitertools", "botocore", "wrapt", "yarl"),
        *("multidict", "frozenlist", "propcache", "aiosignal", "attrs", "aiohappyeyeballs"),
        *("jmespath", "python-dateutil", "urllib3", "six", "idna"),
    ),
}
"""Each client's package and its dependencies."""


class BucketClient(Protocol):
    """What both libraries can do, by the URL of an object."""

    def names(self, folder: str) -> list[str]:
        """Return the URLs of all objects below a folder."""

    def size(self, url: str) -> int:
        """Ask for the size of an object."""

    def read(self, url: str) -> bytes:
        """Read an object."""

    def put(self, url: str, content: bytes) -> None:
        """Write an object."""


class ByObstore:
    """obstore, by the functions of locpipe."""

    def __init__(self) -> None:
        # Late: the time of the import is measured.
        from locpipe.pipeline.storage import buckets, objects, urls  # noqa: PLC0415 - it is timed

        self._buckets, self._objects, self._urls = buckets, objects, urls
        buckets.obstore_package()

    def names(self, folder: str) -> list[str]:
        """Return the URLs of all objects below a folder."""
        place = self._urls.located(folder)
        assert isinstance(place, self._urls.RemotePath)
        return [found.url for found in self._buckets.listed(place)]

    def size(self, url: str) -> int:
        """Ask for the size of an object."""
        found = self._buckets.looked_up(url)
        assert found is not None
        return found.size

    def read(self, url: str) -> bytes:
        """Read an object."""
        return b"".join(self._buckets.pieces_of(url))

    def put(self, url: str, content: bytes) -> None:
        """Write an object."""
        place = self._urls.located(url)
        assert isinstance(place, self._urls.RemotePath)
        self._objects.put(place, content)


class ByS3fs:
    """s3fs, without its cache of listings, as a run looks anew."""

    def __init__(self) -> None:
        # It is installed by hand for this program alone, so mypy may not find it, or its types.
        import s3fs  # type: ignore[import-not-found, import-untyped, unused-ignore] # noqa: PLC0415 - it is timed

        self._files: Any = s3fs.S3FileSystem(use_listings_cache=False)

    def names(self, folder: str) -> list[str]:
        """Return the URLs of all objects below a folder."""
        return [f"s3://{name}" for name in self._files.find(folder)]

    def size(self, url: str) -> int:
        """Ask for the size of an object."""
        return int(self._files.info(url)["size"])

    def read(self, url: str) -> bytes:
        """Read an object."""
        return bytes(self._files.cat_file(url))

    def put(self, url: str, content: bytes) -> None:
        """Write an object."""
        self._files.pipe_file(url, content)


CLIENTS: Final[dict[str, Callable[[], BucketClient]]] = {"obstore": ByObstore, "s3fs": ByS3fs}


def seconds_of(client: str, many: str, photographs: str) -> list[tuple[float, float]]:
    """Do all operations; return the wall and the CPU seconds of each, in this process."""
    made: list[BucketClient] = []
    found: list[str] = []

    def load() -> None:
        made.append(CLIENTS[client]())

    def all_names() -> None:
        found.extend(made[0].names(many))

    def at_once(work: Callable[[str], object], urls: Sequence[str]) -> None:
        with ThreadPoolExecutor(AT_ONCE) as pool:
            list(pool.map(work, urls))

    results = [f"{photographs}-results/{client}/{number}.json" for number in range(100)]
    pictures: list[str] = []
    steps: tuple[Callable[[], object], ...] = (
        load,
        all_names,
        lambda: [made[0].size(url) for url in found[:100]],
        lambda: at_once(made[0].size, found[:100]),
        lambda: [made[0].read(url) for url in pictures],
        lambda: at_once(made[0].read, pictures),
        lambda: at_once(lambda url: made[0].put(url, b"{}" * 1000), results),
    )
    seconds = []
    for step in steps:
        if found and not pictures:
            pictures.extend(made[0].names(photographs))
        wall, cpu = time.monotonic(), time.process_time()
        step()
        seconds.append((time.monotonic() - wall, time.process_time() - cpu))
    return seconds


def megabytes(client: str) -> float:
    """Return the megabytes of a client and its dependencies on a disk."""
    total = 0
    for name in NEEDED[client]:
        try:
            total += _size(distribution(name))
        except PackageNotFoundError:
            continue
    return total / 1e6


def _size(package: Distribution) -> int:
    return sum(each.size or 0 for each in package.files or ())


def tell_clients(many: str, photographs: str) -> None:
    """Measure both, and print a table.

    Args:
        many: URL of a folder with many small objects.
        photographs: URL of a folder with pictures.
    """
    measured = {}
    for client in CLIENTS:
        command = [sys.executable, __file__, client, many, photographs]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            sys.exit(f"{client}: {done.stderr[-2000:]}; install it with pip")
        measured[client] = json.loads(done.stdout)
    print("\nobstore beside s3fs, by the same operations.\n")
    print("| what | obstore, s | s3fs, s | obstore, CPU s | s3fs, CPU s |\n|---|---|---|---|---|")
    for number, what in enumerate(OPERATIONS):
        cells = [f"{measured[client][number][kind]:.2f}" for kind in (0, 1) for client in CLIENTS]
        print(f"| {what} | {' | '.join(cells)} |")
    sizes = [f"{client} and what it needs take {megabytes(client):.0f} MB" for client in CLIENTS]
    print(f"\nOn a disk {'; '.join(sizes)}.")


if __name__ == "__main__":
    print(json.dumps(seconds_of(*sys.argv[1:4])))
