"""Where the work runs: own processes, this process, or a cluster that others started."""

import gc
import logging
from collections.abc import Hashable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any, Final

import dask
from dask.typing import Key
from distributed import Client, LocalCluster
from distributed.client import SourceCode
from distributed.comm.addressing import resolve_address
from distributed.comm.inproc import global_manager
from distributed.scheduler import DEFAULT_EXTENSIONS, TaskState, WorkerState
from distributed.security import Security
from distributed.spans import SpanMetadata, SpansSchedulerExtension

from ...stages.errors import ConfigError, LocpipeError
from ..config.sections import RunConfig
from .machine import CORES, MEMORY, why_no_processes
from .signals import no_signals

SETTINGS: Final = {
    # After one death a picture is suspect: it is tried again alone.
    "distributed.scheduler.allowed-failures": 0,
    # Otherwise a worker that restarts slowly, as on a busy machine, is ended once it has begun.
    "distributed.deploy.lost-worker-timeout": "1 day",
    # An hour of measurements twice per second, in every process: megabytes that nobody reads.
    "distributed.admin.system-monitor.log-length": 100,
    # Dask would keep the last 1,000 messages of every connection, with pictures and results.
    "distributed.admin.low-level-log-length": 10,
    # A thread that looks at the stack 100 times per second took a tenth of a worker's time, and kept
    # an hour of what it saw.
    "distributed.worker.profile.enabled": False,
    # It only checks whether a loop is late, but wakes every process 50 times per second.
    "distributed.admin.tick.interval": "500ms",
    # Our own time limit is about pictures; heartbeats may stop while native code holds the lock.
    "distributed.scheduler.worker-ttl": None,
    "distributed.worker.multiprocessing-method": "spawn",
    # Big blocks come in pages of 2 MiB, where the kernel has them: inference took a third less
    # time, most of it page faults before.
    "distributed.nanny.pre-spawn-environ.GLIBC_TUNABLES": "glibc.malloc.hugetlb=1",
    # Our data cannot be spilled, and a paused worker would never continue.
    "distributed.worker.memory.target": False,
    "distributed.worker.memory.spill": False,
    "distributed.worker.memory.pause": False,
    "distributed.worker.memory.terminate": 0.95,
}
LOGGERS: Final = ("distributed", "distributed.client", "distributed.gc", "asyncio")
"""Loggers with levels set by Dask, and that of asyncio, which reports errors that Dask forgets."""
LOOPBACK: Final = "127.0.0.1:0"
"""An address that no other machine reaches."""
WORKER_MEMORY: Final = 768 * 2**20
"""Bytes of a worker with `text` on photographs of a few megapixels (`machine`)."""
CONNECT_SECONDS: Final = 10
GONE_SECONDS: Final = 60
"""A scheduler that does not answer for so long is gone. Networks may come back before."""


def workers_of(run: RunConfig, pictures: int | None = None, needs: int = 0) -> int:
    """Return the number of processes: that of the config, or as many as cores and memory allow.

    Args:
        run: the section `run` of the config.
        pictures: number of pictures, the largest number of processes; None: many.
        needs: bytes of memory that each process must have.
    """
    if run.workers == 0:
        return 0
    fitting = max(1, MEMORY // int(needs or run.memory_limit or WORKER_MEMORY))
    asked = min(CORES // run.threads, fitting) if run.workers is None else run.workers
    most = fitting if needs else asked
    return max(1, min(asked, most, most if pictures is None else pictures))


def share_of_memory(run: RunConfig, pictures: int | None = None, needs: int = 0) -> int:
    """Return the bytes that each of those workers may use."""
    return run.memory_limit or MEMORY // max(1, workers_of(run, pictures, needs))


@contextmanager
def open_client(run: RunConfig, pictures: int, needs: int = 0) -> Iterator[Client]:
    """Start or join a cluster; own processes are stopped at the end of the block.

    Args:
        run: the section `run` of the config.
        pictures: number of pictures, the largest number of workers.
        needs: bytes of memory that each of them needs, if known.

    Raises:
        ConfigError: no scheduler answers at `run.scheduler`, or this machine cannot start
            processes.
        LocpipeError: a worker does not start.
    """
    with _quiet_dask():
        if run.scheduler is None:
            with _own_cluster(run, pictures, needs) as client:
                yield client
        else:
            client = _join(run.scheduler)
            try:
                yield client
            finally:
                client.close(
                    timeout=CONNECT_SECONDS
                )  # otherwise four minutes if the scheduler is gone


@contextmanager
def _quiet_dask() -> Iterator[None]:
    """Keep Dask's loggers from stderr, which is for our log; reset them after the block.

    Important messages of theirs become failures or errors of ours.
    """
    loggers = [logging.getLogger(name) for name in LOGGERS]
    before = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        gc.collect()  # asyncio reports an error when it is collected
        for logger, level in zip(loggers, before, strict=True):
            logger.setLevel(level)


@contextmanager
def _own_cluster(run: RunConfig, pictures: int, needs: int) -> Iterator[Client]:
    if run.workers != 0 and (reason := why_no_processes()):
        msg = f"run.workers: {reason}"
        raise ConfigError(msg)
    # Otherwise Dask asks the network for the name of this process, by an address of Google's.
    global_manager._ip = "127.0.0.1"  # noqa: SLF001 - there is no other way to tell
    with dask.config.set(SETTINGS):
        with no_signals(), _telling():
            cluster = LocalCluster(
                n_workers=max(1, workers_of(run, pictures, needs)),
                threads_per_worker=1,
                processes=run.workers != 0,
                memory_limit=share_of_memory(run, pictures, needs),
                dashboard_address=None,
                # Without a dashboard they would still listen, the scheduler on port 8787 of every
                # interface, and a worker that has no address: one in this process.
                scheduler_kwargs={
                    "dashboard_address": LOOPBACK,
                    "extensions": {**DEFAULT_EXTENSIONS, "spans": _NoSpans},
                },
                worker_dashboard_address=LOOPBACK if run.workers == 0 else None,
                silence_logs=logging.CRITICAL,
            )
            try:
                client = Client(cluster, set_as_default=False)
            except BaseException:
                cluster.close()
                raise
        with cluster, client:
            yield client


class _NoSpans(SpansSchedulerExtension):
    """Leaves out Dask's record of what is computed, which keeps a note per group of tasks."""

    def observe_tasks(
        self, tss: Iterable[TaskState], code: tuple[SourceCode, ...], span_metadata: SpanMetadata
    ) -> dict[Key, dict[Any, Any]]:
        """Keep nothing of new tasks."""
        del tss, code, span_metadata
        return {}

    def heartbeat(self, ws: WorkerState, data: dict[tuple[Hashable, ...], float]) -> None:
        """Keep nothing of what a worker measured."""


@contextmanager
def _telling() -> Iterator[None]:
    try:
        yield
    except (RuntimeError, OSError) as error:
        msg = (
            f"run.workers: a worker process cannot be started ({error.__cause__ or error}); "
            "lower run.workers, or set run.workers=0 (--workers 0)"
        )
        raise LocpipeError(msg) from error


def _join(address: str) -> Client:
    try:
        _check_certificates(address)
        resolve_address(address)  # a Client of none is half made, and complains when it goes
        Client(address, timeout=CONNECT_SECONDS, set_as_default=False).close()
        # The timeout is also that of reconnecting, and of every request to the scheduler.
        return Client(address, timeout=GONE_SECONDS, set_as_default=False)
    except (OSError, ValueError) as error:
        msg = f"run.scheduler: nothing answers at {address} ({error}); start `dask scheduler` there"
        raise ConfigError(msg) from error


def _check_certificates(address: str) -> None:
    """Check that there is a certificate, if the address needs one."""
    wants = address.startswith("tls://")
    if wants and Security().get_connection_args("client").get("ssl_context") is None:
        msg = (
            f"run.scheduler: {address} asks for a certificate, and none is set; "
            "set DASK_DISTRIBUTED__COMM__TLS__CLIENT__CERT and the others of docs/clusters.md"
        )
        raise ConfigError(msg)
