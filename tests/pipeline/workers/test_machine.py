"""How a process uses memory."""

import ctypes
import subprocess
import sys

import pytest

from locpipe.pipeline.workers import machine

# Huge pages, where the kernel has some to spare, make faults few: PR_SET_THP_DISABLE is 41.
PROGRAM = """
import ctypes, resource
from locpipe.pipeline.workers import machine

ctypes.CDLL(None).prctl(41, 1, 0, 0, 0)
if {asked}:
    machine.reuse_freed_memory()
for megabytes in range(4, 24):
    b"1" * (megabytes * 1_000_000)
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt)
"""


def has_mallopt() -> bool:
    return sys.platform == "linux" and hasattr(ctypes.CDLL(None), "mallopt")


def page_faults(*, asked: bool) -> int:
    program = [sys.executable, "-c", PROGRAM.format(asked=asked)]
    return int(subprocess.run(program, check=True, capture_output=True, text=True).stdout)


@pytest.mark.skipif(not has_mallopt(), reason="glibc only")
def test_freed_memory_is_used_again() -> None:
    assert page_faults(asked=True) < page_faults(asked=False) - 10_000


@pytest.mark.skipif(not has_mallopt(), reason="glibc only")
def test_too_much_freed_memory_is_handed_back() -> None:
    blocks = [b"1" * 100_000 for _ in range(3000)]  # small, so none has a mapping of its own
    full = machine.resident_memory()
    between = blocks[::10]
    del blocks
    machine.return_freed_memory(most=2 * full)
    assert machine.resident_memory() > full - 100_000_000
    machine.return_freed_memory(most=full // 2)
    assert machine.resident_memory() < full - 200_000_000
    assert len(between) == 300


class _StrictGlibc:
    """As mallopt(3) has it: no threshold above 32 MiB is taken, and the one before stays."""

    def __init__(self) -> None:
        self.options = {machine.M_MMAP_THRESHOLD: 128 * 1024}

    def mallopt(self, option: int, value: int) -> int:
        if option == machine.M_MMAP_THRESHOLD and value > 32 * 2**20:
            return 0
        self.options[option] = value
        return 1


@pytest.mark.skipif(sys.platform != "linux", reason="glibc only")
def test_a_glibc_that_refuses_so_high_a_threshold_gets_its_highest(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    glibc = _StrictGlibc()
    monkeypatch.setattr(ctypes, "CDLL", lambda _: glibc)
    machine.reuse_freed_memory()
    assert glibc.options[machine.M_MMAP_THRESHOLD] == 32 * 2**20


def test_the_peak_grows_with_what_is_held() -> None:
    """In a small process: that of the tests has held gigabytes before."""
    program = (
        "from locpipe.pipeline.workers.machine import peak_memory\n"
        "before = peak_memory()\n"
        "held = b'1' * (2 * before)\n"
        "print(before, peak_memory() - before, len(held))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)
    before, grown, held = map(int, done.stdout.split())
    assert 1_000_000 < before < held // 2 + 1
    assert grown >= held // 2


def test_processes_can_be_started_here() -> None:
    assert machine.why_no_processes() is None


@pytest.mark.skipif(sys.platform != "linux", reason="/dev/shm is of Linux")
def test_what_keeps_processes_from_being_started_is_told() -> None:
    hidden = "mount -t tmpfs -o ro tmpfs /dev/shm"
    if subprocess.run(["unshare", "-m", "sh", "-c", hidden], check=False).returncode:
        pytest.skip("may not mount")
    program = (
        "from locpipe.pipeline.config.sections import RunConfig\n"
        "from locpipe.pipeline.workers.cluster import open_client\n"
        "open_client(RunConfig(workers=1), 1).__enter__()"
    )
    command = ["unshare", "-m", "sh", "-c", f'{hidden} && exec "$0" -c "$1"', sys.executable]
    done = subprocess.run([*command, program], capture_output=True, text=True, check=False)
    assert "ConfigError: run.workers: processes need shared semaphores" in done.stderr
    assert "(Read-only file system); mount a writable tmpfs at /dev/shm" in done.stderr
    assert "--workers 0" in done.stderr
