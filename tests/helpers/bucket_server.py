"""A server on loopback that speaks S3: moto, in a process of its own."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from urllib.error import URLError
from urllib.parse import quote
from urllib.request import Request, urlopen

import obstore
from clusters import free_port
from obstore.store import S3Store

KEY = "AKIAOFTHETEST"
SECRET = "wJalrSecretOfTheTest"
CREDENTIALS = {
    "AWS_ACCESS_KEY_ID": KEY,
    "AWS_SECRET_ACCESS_KEY": SECRET,
    "AWS_REGION": "us-east-1",
    "AWS_EC2_METADATA_DISABLED": "true",
}


class BucketServer:
    """Requests of tests to a server, beside those of the product.

    Args:
        port: port of the server.
    """

    def __init__(self, port: int) -> None:
        self.port = port

    def environment(self, port: int | None = None) -> dict[str, str]:
        """Return the environment of a process that uses this server, or a proxy before it."""
        return {**CREDENTIALS, "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port or self.port}"}

    def make(self, bucket: str) -> S3Store:
        """Make a bucket, and return its store."""
        urlopen(Request(f"http://127.0.0.1:{self.port}/{bucket}", method="PUT"), timeout=9).close()
        return S3Store(
            bucket,
            endpoint=f"http://127.0.0.1:{self.port}",
            access_key_id=KEY,
            secret_access_key=SECRET,
            region="us-east-1",
            client_options={"allow_http": True},
        )

    def put(self, bucket: str, objects: dict[str, bytes]) -> S3Store:
        """Make a bucket with objects, and return its store."""
        store = self.make(bucket)
        for name, content in objects.items():
            obstore.put(store, name, content)
        return store

    def put_raw(self, bucket: str, name: str) -> None:
        """Put an object whose name obstore would refuse."""
        url = f"http://127.0.0.1:{self.port}/{bucket}/{quote(name)}"
        urlopen(Request(url, b"x", method="PUT"), timeout=9).close()


@contextmanager
def bucket_server() -> Iterator[BucketServer]:
    """Yield a server, which stops after the block."""
    port = free_port()
    # The log of the server would fill a pipe that nobody reads.
    with subprocess.Popen(
        [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "MOTO_ALLOW_NONEXISTENT_REGION": "true"},
    ) as process:
        try:
            _wait_for(port)
            yield BucketServer(port)
        finally:
            process.kill()


def _wait_for(port: int) -> None:
    for _ in range(300):
        with suppress(URLError, ConnectionError):
            urlopen(f"http://127.0.0.1:{port}/moto-api/", timeout=9).close()
            return
        time.sleep(0.1)
    msg = "the server does not start"
    raise TimeoutError(msg)
