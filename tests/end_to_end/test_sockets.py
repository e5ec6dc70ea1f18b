"""No command reaches beyond this machine, nor listens to others, and no library that it loads does."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image
from power_loss import compiler
from sockets import SocketGuard

PICTURE = Path(__file__).parents[2] / "data" / "samples" / "street.jpg"
WAYS_OUT = """
import socket

def attempt(call, *arguments):
    try:
        call(*arguments)
    except OSError:
        pass

for kind, there, here in (
    (socket.AF_INET, "192.0.2.1", "127.0.0.1"), (socket.AF_INET6, "2001:db8::1", "::1")
):
    for address in (here, there):
        attempt(socket.socket(kind).connect, (address, 9))
        datagrams = socket.socket(kind, socket.SOCK_DGRAM)
        attempt(datagrams.sendto, b"x", (address, 9))
        attempt(datagrams.sendmsg, [b"x"], [], 0, (address, 9))
attempt(socket.socket().bind, ("127.0.0.1", 0))
attempt(socket.socket().bind, ("0.0.0.0", 0))
attempt(socket.socket(socket.AF_UNIX).connect, "/nowhere")
attempt(socket.getaddrinfo, "localhost", 9)
attempt(socket.getaddrinfo, "updates.invalid", 9)
"""

pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="LD_PRELOAD is of Linux"),
    pytest.mark.skipif(compiler() is None, reason="there is no C compiler"),
]


@pytest.fixture
def guard(tmp_path: Path) -> SocketGuard:
    return SocketGuard(tmp_path)


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with `pictures`, `truth` and the run `out`, made under a guard, by processes."""
    folder = tmp_path_factory.mktemp("done")
    for kind in ("pictures", "truth"):
        (folder / kind).mkdir()
    with Image.open(PICTURE) as picture:
        picture.resize((320, 240)).save(folder / "pictures" / "a.png")
    (folder / "truth" / "a.txt").write_text("10,20,110,20,110,50,10,50,word\n")
    assert attempts_of(SocketGuard(folder), folder, RUN, "--workers", "1", "--offline") == []
    return folder


RUN = "run text -q --input pictures --output out"


def attempts_of(guard: SocketGuard, folder: Path, command: str, *more: str) -> list[str]:
    words = [sys.executable, "-m", "locpipe", *command.split(), *more]
    ended = subprocess.run(
        words,
        cwd=folder,
        env=guard.environment(),
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert ended.returncode == 0, ended.stderr
    return guard.attempts()


def test_the_guard_notes_every_way_out(guard: SocketGuard) -> None:
    subprocess.run([sys.executable, "-c", WAYS_OUT], env=guard.environment(), check=True)
    assert guard.attempts() == [
        *(f"{call} 192.0.2.1" for call in ("connect", "sendto", "sendmsg")),
        *(f"{call} 2001:db8::1" for call in ("connect", "sendto", "sendmsg")),
        "bind 0.0.0.0",
        "getaddrinfo updates.invalid",
    ]


def test_the_guard_watches_what_a_process_starts(guard: SocketGuard) -> None:
    program = f"import subprocess, sys; subprocess.run([sys.executable, '-c', '''{WAYS_OUT}'''])"
    subprocess.run([sys.executable, "-c", program], env=guard.environment(), check=True)
    assert len(guard.attempts()) == 8


@pytest.mark.parametrize(
    "command",
    [
        f"{RUN} --force --workers 0 --offline",
        f"{RUN} --dry-run",
        "read out -q",
        "read out -q --workers 0 --engine rapidocr",
        "export out -q --to hocr,alto,page,coco,crops",
        "show pictures/a.png -o figure.png",
        "evaluate out --truth truth",
        "doctor",
        "models list",
        "models verify digits",
        "config check text",
    ],
)
def test_no_command_reaches_the_network(guard: SocketGuard, done: Path, command: str) -> None:
    if command == "read out -q" and shutil.which("tesseract") is None:
        pytest.skip("tesseract is not installed")
    assert attempts_of(guard, done, command) == []
