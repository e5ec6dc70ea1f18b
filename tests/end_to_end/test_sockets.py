"""No command reaches beyond this machine, nor listens to others, and no library that it loads does."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from bucket_fixtures import server
from bucket_server import BucketServer
from mnist_fixtures import digits, mnist, small_mnist
from PIL import Image
from power_loss import compiler
from sockets import SocketGuard

from locpipe.pipeline.cli.config import config
from locpipe.pipeline.cli.main import COMMANDS as COMMAND_LINE
from locpipe.pipeline.cli.models import models

__all__ = ["digits", "mnist", "server", "small_mnist"]

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
COMMANDS = [
    f"{RUN} --force --workers 0 --offline",
    f"{RUN} --dry-run",
    "status out",
    "read out -q",
    "read out -q --workers 0 --engine rapidocr",
    "report out",
    "show pictures/a.png -o figure.png",
    "export out -q --to hocr,alto,page,coco,crops",
    "prune out",
    "models list",
    "models show text",
    "models verify digits",
    "models backbones resnet50",
    "config show text",
    "config check text",
    "config schema",
    "profile text --input pictures --limit 1",
    "doctor",
    "evaluate out --truth truth",
    "render text --count 1 --output rendered",
]


def attempts_of(
    guard: SocketGuard, folder: Path, command: str, *more: str, **environment: str
) -> list[str]:
    words = [sys.executable, "-m", "locpipe", *command.split(), *more]
    ended = subprocess.run(
        words,
        cwd=folder,
        env=guard.environment() | environment,
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


@pytest.mark.parametrize("command", COMMANDS)
def test_no_command_reaches_the_network(guard: SocketGuard, done: Path, command: str) -> None:
    if command == "read out -q" and shutil.which("tesseract") is None:
        pytest.skip("tesseract is not installed")
    assert attempts_of(guard, done, command) == []


def test_parts_reach_no_network(guard: SocketGuard, done: Path, tmp_path: Path) -> None:
    run = f"run text -q --input {done / 'pictures'} --output out --workers 0 --part 1/1"
    for command in (run, "merge out"):
        assert attempts_of(guard, tmp_path, command) == []


@pytest.mark.long
def test_commands_that_learn_reach_no_network(
    guard: SocketGuard, tmp_path: Path, small_mnist: Path
) -> None:
    small = f"--set data={small_mnist} --set epochs=1 --set batches=1"
    for command in (
        f"train digits --output model {small}",
        f"weigh model --data {small_mnist}",
        f"calibrate model --config digits --data {small_mnist} --canvases 6",
    ):
        assert attempts_of(guard, tmp_path, command) == []


def test_a_run_in_a_bucket_asks_its_server_only(
    guard: SocketGuard, done: Path, server: BucketServer, tmp_path: Path
) -> None:
    server.put("guarded", {})
    place, pictures = "s3://guarded/out", done / "pictures"
    for command in (
        f"run text -q --input {pictures} --output {place} --workers 1",
        f"status {place}",
        f"fetch {place} copy",
    ):
        assert attempts_of(guard, tmp_path, command, **server.environment()) == []


def test_every_command_is_tried() -> None:
    groups = {"models": models.commands, "config": config.commands}
    elsewhere = {"merge", "fetch", "train", "weigh", "calibrate"}
    for name in COMMAND_LINE.keys() - elsewhere:
        for begin in [f"{name} {each}" for each in groups.get(name, ())] or [name]:
            assert any(f"{command} ".startswith(f"{begin} ") for command in COMMANDS), begin
