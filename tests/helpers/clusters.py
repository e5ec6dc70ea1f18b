"""Clusters of Dask that somebody else started, of real processes, and a network that breaks."""

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Self

import psutil
from distributed import Client

from locpipe.pipeline.workers.box_finder import BoxFinder
from locpipe.pipeline.workers.messages import Outcome, Task

HTTP = ("--no-dashboard", "--dashboard-address", "127.0.0.1:0")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Cluster:
    """A scheduler and workers; use as a context manager.

    Args:
        folder: working folder of the processes.
        protocol: tcp or tls.
        environment: environment of the processes; None: ours.
    """

    def __init__(
        self, folder: Path, protocol: str = "tcp", environment: dict[str, str] | None = None
    ) -> None:
        self._folder, self._environment = folder, environment
        self._stack = ExitStack()
        port = str(free_port())
        self.address = f"{protocol}://127.0.0.1:{port}"
        where = ("--protocol", protocol, "--host", "127.0.0.1", "--port", port)
        self.scheduler = self._start("scheduler", *where, *HTTP)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self._stack.close()

    def worker(self, *options: str) -> subprocess.Popen[bytes]:
        """Start one more worker."""
        return self._start("worker", self.address, "--nthreads", "1", *options, *HTTP)

    def _start(self, *program: str) -> subprocess.Popen[bytes]:
        process = subprocess.Popen(
            [sys.executable, "-m", "dask", *program],
            cwd=self._folder,
            env=self._environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        self._stack.enter_context(process)
        self._stack.callback(kill_with_children, process.pid)
        return process

    def wait_for(self, workers: int) -> None:
        with Client(self.address, set_as_default=False, timeout=60) as client:
            client.wait_for_workers(workers, timeout=60)


def kill_with_children(pid: int) -> None:
    """Kill a process and its children: a worker in native code ignores other signals."""
    with suppress(psutil.Error):
        process = psutil.Process(pid)
        for each in (process, *process.children(recursive=True)):
            with suppress(psutil.Error):
                each.kill()


class Unlucky(BoxFinder):
    """A worker whose process dies before a picture, once per file in `deaths/`."""

    def process(self, task: Task) -> Outcome | None:
        for file in (self.job.output / "deaths").iterdir():
            file.unlink()
            os.kill(os.getpid(), signal.SIGKILL)
        return super().process(task)


@contextmanager
def killing_whoever_has(file_name: str) -> Iterator[set[int]]:
    """Kill every process below ours that has a file open, as a crash would; yields their ids."""
    until, killed = threading.Event(), set[int]()

    def kill() -> None:
        while not until.wait(0.05):
            for child in psutil.Process().children(recursive=True):
                with suppress(psutil.Error):
                    if any(file_name in file.path for file in child.open_files()):
                        child.kill()
                        killed.add(child.pid)

    killer = threading.Thread(target=kill)
    killer.start()
    try:
        yield killed
    finally:
        until.set()
        killer.join()


class Network:
    """A connection to a scheduler that can be cut; use it as a context manager.

    Attributes:
        address: to use instead of the scheduler's.
    """

    def __init__(self, scheduler: str) -> None:
        self._there = ("127.0.0.1", int(scheduler.rpartition(":")[2]))
        self._port = free_port()
        self.address = f"tcp://127.0.0.1:{self._port}"
        self._open: list[socket.socket] = []
        self._listen()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self._cut()

    def cut(self, seconds: float) -> None:
        """Break all connections, and let none through for a while."""
        self._cut()
        time.sleep(seconds)
        self._listen()

    def _cut(self) -> None:
        for each in (self._server, *self._open):
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()
        self._open.clear()

    def _listen(self) -> None:
        self._server = socket.create_server(("127.0.0.1", self._port))
        threading.Thread(target=self._accept, args=(self._server,), daemon=True).start()

    def _accept(self, server: socket.socket) -> None:
        with suppress(OSError):
            while True:
                here, _ = server.accept()
                there = socket.create_connection(self._there)
                self._open += [here, there]
                for ends in ((here, there), (there, here)):
                    threading.Thread(target=self._carry, args=ends, daemon=True).start()

    def _carry(self, source: socket.socket, target: socket.socket) -> None:
        with suppress(OSError):
            while data := source.recv(65536):
                target.sendall(data)
            target.shutdown(socket.SHUT_RDWR)
