"""The cost of a bucket compared with a disk: listing, planning and pictures, with delayed requests.

    python benchmarks/buckets.py > benchmarks/results/buckets.md

The server is moto, in a process of its own, whose CPU time is not counted. Seconds are CPU seconds of this
process, with all of its threads. A worker waits while no stage computes: see `share_waited`. obstore and s3fs are
compared by `bucket_clients.py`.
"""

import io
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import click
from bucket_clients import tell_clients
from PIL import Image
from skimage import data

from locpipe.pipeline.config.file import find_config, parse_assignment, read_settings
from locpipe.pipeline.config.sections import Config
from locpipe.pipeline.export.write import RunExports
from locpipe.pipeline.output.layout import prepare_folders, prepare_output
from locpipe.pipeline.run.options import Options
from locpipe.pipeline.run.preflight import preflight
from locpipe.pipeline.run.preview import preview
from locpipe.pipeline.run.run import execute
from locpipe.pipeline.storage.buckets import all_looked_up, listed
from locpipe.pipeline.storage.urls import RemotePath, located
from locpipe.pipeline.workers.box_finder import finding_boxes
from locpipe.pipeline.workers.messages import Task
from locpipe.pipeline.workers.signals import Stop

BUCKET = "pictures"
WARM_UP = 2
WAITING = ("fetch", "send")
"""Stages in which nothing is computed."""
SAME_GROUP = 0.02
"""Seconds in which the outcomes of a group arrive."""
ENVIRONMENT = {"AWS_ACCESS_KEY_ID": "nobody", "AWS_SECRET_ACCESS_KEY": "nothing", "AWS_REGION": "us-east-1"}  # fmt: skip


def photographs(count: int) -> dict[str, bytes]:
    """Return so many JPEGs of one megapixel, all different."""
    page = Image.fromarray(data.coffee()).resize((1200, 900))
    found = {}
    for number in range(count):
        stream = io.BytesIO()
        page.rotate(number % 5, expand=False).save(stream, "JPEG", quality=90 - number % 20)
        found[f"{number:04}.jpg"] = stream.getvalue()
    return found


def serve(names: int, pictures: int, delay: float) -> None:
    """Serve S3 on loopback until stdin ends; print the port, and then the requests."""
    # Late: they take a second, and only the process that serves needs them.
    from moto.moto_server.werkzeug_app import (  # noqa: PLC0415 - only who serves
        DomainDispatcherApplication,
        create_backend_app,
    )
    from moto.s3.models import s3_backends  # noqa: PLC0415 - only who serves
    from werkzeug.serving import WSGIRequestHandler, make_server  # noqa: PLC0415 - only who serves

    class KeepingAlive(WSGIRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_request(self, *_: object) -> None:
            """Log nothing."""

    backend = s3_backends["123456789012"]["aws"]
    backend.create_bucket(BUCKET, "us-east-1")
    for number in range(names):
        backend.put_object(BUCKET, f"many/{number % 100:02}/{number:06}.jpg", b"no picture")
    for name, content in photographs(pictures).items():
        backend.put_object(BUCKET, f"photographs/{name}", content)
    dispatch = DomainDispatcherApplication(create_backend_app)
    lock, asked, now, most = threading.Lock(), 0, 0, 0

    def delayed(environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        nonlocal asked, now, most
        with lock:
            asked, now = asked + 1, now + 1
            most = max(most, now)
        time.sleep(delay)
        try:
            found: Iterable[bytes] = dispatch(environ, start)
            return found
        finally:
            with lock:
                now -= 1

    server = make_server("127.0.0.1", 0, delayed, threaded=True, request_handler=KeepingAlive)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print(server.server_port, flush=True)
    for _ in sys.stdin:
        with lock:
            print(json.dumps([asked, most]), flush=True)
            asked = most = 0


class Asked:
    """Measures a block: wall and CPU seconds, requests, and the most requests at once."""

    def __init__(self, server: "subprocess.Popen[str]") -> None:
        self._server = server
        self.numbers()
        self._begun = time.monotonic(), time.process_time()

    def row(self, what: str) -> str:
        """Return a row of the table."""
        wall, cpu = time.monotonic() - self._begun[0], time.process_time() - self._begun[1]
        requests, most = self.numbers()
        return f"| {what} | {requests} | {most} | {wall:.2f} | {cpu:.2f} |"

    def numbers(self) -> tuple[int, int]:
        """Return the number of requests since the last call, and the most at once."""
        assert self._server.stdin is not None
        assert self._server.stdout is not None
        self._server.stdin.write("\n")
        self._server.stdin.flush()
        requests, most = json.loads(self._server.stdout.readline())
        return requests, most


def config_of(source: str | Path, output: str | Path, *settings: str) -> Config:
    """Return the config of a run in this process."""
    given = (
        f"input.path={source}",
        f"output.path={output}",
        "run.workers=0",
        "output.overlays=false",
        *settings,
    )
    return read_settings(find_config("text"), Config, list(map(parse_assignment, given))).config


def per_picture(
    server: "subprocess.Popen[str]",
    what: str,
    source: str | Path,
    place: str | Path,
    *settings: str,
) -> str:
    """Run a source, and return a row: CPU per picture, requests, and the share of its time that a worker waits."""
    output = f"{place}/{time.monotonic_ns()}"
    execute(config_of(source, output, *settings), Options(limit=WARM_UP), RunExports)
    asked = Asked(server)
    before = time.process_time()
    report = execute(config_of(source, output, *settings), Options(), RunExports)
    cpu, done = time.process_time() - before, report["counts"]["done"]
    requests, most = asked.numbers()
    waited = share_waited(config_of(source, f"{output}-again", *settings))
    return f"| {what} | {1000 * cpu / done:.0f} | {requests / done:.1f} | {most} | {100 * waited:.1f} % |"


def share_waited(config: Config) -> float:
    """Return the share of its time that a worker waits: 1 - time of the stages / wall time.

    The first group of pictures starts the clock as its outcomes arrive. Both times are of the clock, so other
    programs on the machine matter less.
    """
    ready = preflight(config, Options())
    job = ready.job
    prepare_output(job.output)
    prepare_folders(job.here.output)
    tasks = [Task(each.key, each.path, force=False) for each in ready.found()]
    seen = []
    with (
        Stop().listening() as stop,
        finding_boxes(job, RunExports(config), iter(tasks), len(tasks), stop) as outcomes,
    ):
        for outcome in outcomes:
            stages = {name: took for name, took in outcome.seconds.items() if name not in WAITING}
            seen.append((time.monotonic(), sum(stages.values())))
    started, ended = seen[0][0], seen[-1][0]
    computed = sum(took for when, took in seen if when > started + SAME_GROUP)
    return 1 - computed / (ended - started)


@click.command()
@click.option("--names", default=20_000, show_default=True, help="Objects to list.")
@click.option("--pictures", default=20, show_default=True, help="Pictures to run.")
@click.option("--delay", default=0.02, show_default=True, help="Seconds added to each request.")
@click.option("--serve", "is_server", is_flag=True, hidden=True)
def main(names: int, pictures: int, delay: float, *, is_server: bool) -> None:
    """Measure, and print what was found as Markdown."""
    if is_server:
        serve(names, pictures, delay)
        return
    options = ("--names", str(names), "--pictures", str(pictures), "--delay", str(delay))
    with (
        subprocess.Popen(
            [sys.executable, __file__, "--serve", *options],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        ) as server,
        tempfile.TemporaryDirectory() as folder,
    ):
        assert server.stdout is not None
        address = f"http://127.0.0.1:{int(server.stdout.readline())}"
        os.environ.update(ENVIRONMENT, AWS_ENDPOINT_URL=address)
        tell(server, Path(folder), names, pictures, delay)
        server.kill()


def tell(
    server: "subprocess.Popen[str]", folder: Path, names: int, pictures: int, delay: float
) -> None:
    """Measure and print."""
    many = located(f"s3://{BUCKET}/many")
    assert isinstance(many, RemotePath)
    print(f"# A bucket beside a disk\n\nEach request has {1000 * delay:.0f} ms of added delay.\n")
    print("| what | requests | most at once | s | CPU s |\n|---|---|---|---|---|")
    asked = Asked(server)
    urls = [found.url for found in listed(many)]
    assert len(urls) == names
    print(asked.row(f"{names} objects listed"))
    asked = Asked(server)
    assert len(list(preview(config_of(str(many), folder / "planned"), Options()))) == names
    print(asked.row(f"{names} objects planned, with that listing"))
    asked, some = Asked(server), urls[:1000]
    assert all(all_looked_up(some))
    print(asked.row(f"{len(some)} lines of a list looked up"))
    (folder / "disk").mkdir()
    for name, content in photographs(pictures).items():
        (folder / "disk" / name).write_bytes(content)
    tell_pictures(server, folder, pictures)
    tell_clients(str(many), f"s3://{BUCKET}/photographs")


def tell_pictures(server: "subprocess.Popen[str]", folder: Path, pictures: int) -> None:
    """Measure runs, and print a row for each."""
    print(
        f"\n{pictures - WARM_UP} photographs of 1200 x 900 pixels by `text`, with masks, one worker of one thread. "
        "The last column is the share of its time that the worker computes nothing.\n"
    )
    print("| from, to | CPU ms per picture | requests per picture | most at once | waits |")
    print("|---|---|---|---|---|")
    disk, bucket = folder / "disk", f"s3://{BUCKET}/photographs"
    out = f"s3://{BUCKET}/out"
    shards = ("output.layout=shards",)
    print(per_picture(server, "disk, disk", disk, folder))
    print(per_picture(server, "bucket, disk", bucket, folder))
    print(per_picture(server, "disk, bucket", disk, out))
    print(per_picture(server, "bucket, bucket", bucket, out))
    print(per_picture(server, "bucket, bucket, shards", bucket, out, *shards))


if __name__ == "__main__":
    main()
