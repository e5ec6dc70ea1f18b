"""A proxy on loopback between a client and a server, which fails on request."""

import http.client
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Literal

Trouble = Literal["503", "cut", "reset", "stall"] | bytes
"""An answer of that status, a body that ends half-way or stands still there, no answer, or this answer."""
_HOP = {"connection", "transfer-encoding", "keep-alive"}


@dataclass
class Proxy:
    """The behaviour of the proxy, and the requests it has seen.

    Args:
        upstream: port of the server on loopback.
        trouble: called with the method and the path of each request; None: hand it on.
        delay: seconds that each request waits.

    Attributes:
        port: of the proxy.
        seen: requests by method.
        most: largest number of requests at once.
    """

    upstream: int
    trouble: Callable[[str, str], Trouble | None] = lambda _method, _path: None
    delay: float = 0.0
    port: int = 0
    seen: Counter[str] = field(default_factory=Counter)
    most: int = 0
    now: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)


@contextmanager
def proxied(upstream: int, delay: float = 0.0) -> Iterator[Proxy]:
    """Yield a proxy that runs until the end of the block."""
    proxy = Proxy(upstream, delay=delay)

    class Handler(_Handler):
        settings = proxy

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        proxy.port = server.server_address[1]
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield proxy
        finally:
            server.shutdown()


class _Handler(BaseHTTPRequestHandler):
    settings: Proxy
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def log_message(self, *_: object) -> None:
        """Log nothing."""

    def _hand_on(self) -> None:
        proxy = self.settings
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        with proxy.lock:
            proxy.seen[self.command] += 1
            proxy.now += 1
            proxy.most = max(proxy.most, proxy.now)
        try:
            time.sleep(proxy.delay)
            self._answer(proxy.trouble(self.command, self.path), body)
        finally:
            with proxy.lock:
                proxy.now -= 1

    do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = _hand_on  # noqa: N815 - their names

    def _answer(self, trouble: Trouble | None, body: bytes) -> None:
        if trouble == "503":
            trouble = b"HTTP/1.1 503 Slow Down\r\nContent-Length: 0\r\n\r\n"
        if isinstance(trouble, bytes):
            self.wfile.write(trouble)
            return
        if trouble == "reset":
            self._end()
            return
        upstream = http.client.HTTPConnection("127.0.0.1", self.settings.upstream)
        upstream.request(self.command, self.path, body, dict(self.headers))
        answer = upstream.getresponse()
        content = answer.read()
        upstream.close()
        self.send_response_only(answer.status, answer.reason)
        for name, value in answer.getheaders():
            if name.lower() not in _HOP | {"content-length"}:
                self.send_header(name, value)
        length = answer.getheader("Content-Length") or str(len(content))
        self.send_header("Content-Length", length if self.command == "HEAD" else str(len(content)))
        self.end_headers()
        if trouble in {"cut", "stall"}:
            self.wfile.write(content[: len(content) // 2])
            self.wfile.flush()
            if trouble == "stall":
                time.sleep(3)
            self._end()
        else:
            self.wfile.write(content)

    def _end(self) -> None:
        self.close_connection = True
        self.connection.shutdown(socket.SHUT_RDWR)
