"""Pictures on a web server and in a store of this process, and what a run says without the package."""

import io
import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import obstore
import pytest
from PIL import Image

from locpipe.pipeline.storage.buckets import memory_of
from locpipe.stages.errors import ConfigError

SECRET = "sEcReTsIgNaTuRe"


def png(shade: int) -> bytes:
    stream = io.BytesIO()
    Image.new("RGB", (64, 64), (shade, 3, 9)).save(stream, "PNG")
    return stream.getvalue()


class Quiet(SimpleHTTPRequestHandler):
    """Says nothing."""

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def site(tmp_path: Path) -> Iterator[str]:
    """The address of a server of `tmp_path / "site"`."""
    (tmp_path / "site" / "in").mkdir(parents=True)
    (tmp_path / "site" / "in" / "a b%20+#.png").write_bytes(png(1))
    (tmp_path / "site" / "in" / "b.png").write_bytes(png(2))
    handler = partial(Quiet, directory=str(tmp_path / "site"))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def done(output: Path) -> set[str]:
    files = (output / "boxes").rglob("*.json")
    return {str(file.relative_to(output / "boxes")).removesuffix(".json") for file in files}


def test_a_list_of_urls_with_signatures_which_nobody_is_shown(
    site: str, tmp_path: Path, locpipe: Any
) -> None:
    names = tmp_path / "list.txt"
    lines = ("a%20b%2520+%23.png", "b.png?X-Amz-Signature=" + SECRET, "no.png?token=" + SECRET)
    names.write_text("".join(f"{site}/in/{line}\n" for line in lines))
    output = tmp_path / "out"
    arguments = ("run", "digits", "--input", names, "--set", f"input.root={site}", "--output", output, "--workers", "1", "-v")  # fmt: skip
    run = locpipe(*arguments)
    assert run.returncode == 3, run.stderr
    assert done(output) == {"in/a b%20+#.png", "in/b.png"}
    (failure,) = (output / "failures.jsonl").read_text().splitlines()
    assert json.loads(failure)["message"] == f"'{site}/in/no.png': does not exist; check its name (memory:// needs run.workers=0)"  # fmt: skip
    assert SECRET not in run.stdout + run.stderr
    written = [file.read_bytes() for file in output.rglob("*") if file.is_file()]
    assert len(written) > 6
    assert not any(SECRET.encode() in content for content in written)
    again = locpipe(*arguments)
    assert "0 pictures done, 1 failed, 2 were done before" in again.stderr


def test_one_picture_of_a_server_but_not_its_folders(
    site: str, tmp_path: Path, run_digits: Any
) -> None:
    run_digits(f"{site}/in/b.png", tmp_path / "out")
    assert done(tmp_path / "out") == {"b.png"}
    for source in (f"{site}/in/none.png", f"{site}/none/"):
        with pytest.raises(ConfigError, match="does not exist; a server lists no folders"):
            run_digits(source, tmp_path / "out")


def test_a_line_with_a_password_is_refused_and_not_shown(tmp_path: Path, run_digits: Any) -> None:
    names = tmp_path / "list.txt"
    names.write_text(f"https://u:{SECRET}@h/a.png\n")
    with pytest.raises(ConfigError, match=r"list\.txt:1: the URL has a user") as told:
        run_digits(names, tmp_path / "out", "input.root=https://")
    assert SECRET not in str(told.value)


def test_pictures_on_disks_and_servers_need_lists_of_their_own(
    tmp_path: Path, run_digits: Any
) -> None:
    names = tmp_path / "list.txt"
    names.write_text(f"https://h/a.png\n{tmp_path}/a.png\n")
    with pytest.raises(ConfigError, match=r"list\.txt:1: .*make a list and an output of each"):
        run_digits(names, tmp_path / "out")


def test_memory_is_a_bucket_of_this_process(tmp_path: Path, run_digits: Any) -> None:
    obstore.put(memory_of("scans"), "in/a.png", png(1))
    report = run_digits("memory://scans/in", tmp_path)
    assert report["counts"]["done"] == 1
    assert done(tmp_path) == {"a.png"}


def test_exports_of_remote_pictures_are_refused(tmp_path: Path, run_digits: Any) -> None:
    obstore.put(memory_of("exported"), "a.png", png(1))
    with pytest.raises(
        ConfigError, match=r"output\.exports: pictures in a bucket are not exported"
    ):
        run_digits("memory://exported", tmp_path / "out", "output.exports=[alto]")


def test_a_finished_run_asks_for_a_copy_of_its_pictures(
    tmp_path: Path, run_digits: Any, locpipe: Any
) -> None:
    obstore.put(memory_of("copied"), "a.png", png(1))
    run_digits("memory://copied", tmp_path / "out")
    (tmp_path / "copy").mkdir()
    (tmp_path / "copy" / "a.png").write_bytes(png(1))
    refused = locpipe("export", tmp_path / "out", "--to", "coco")
    assert refused.returncode == 2
    assert "its pictures lie at memory://copied; copy them to a disk" in refused.stderr
    exported = locpipe("export", tmp_path / "out", "--to", "coco", "--input", tmp_path / "copy")
    assert exported.returncode == 0, exported.stderr


def test_without_the_package_a_url_says_what_to_install_and_a_disk_needs_none(
    tmp_path: Path,
) -> None:
    (tmp_path / "in").mkdir()
    code = (
        "import sys; sys.modules['obstore'] = None\n"
        "from locpipe.pipeline.cli.main import main\n"
        "main(['run', 'digits', '--dry-run', '--output', 'out', '--input', sys.argv[1]])"
    )
    command = [sys.executable, "-c", code]
    remote = subprocess.run([*command, "s3://b/in"], cwd=tmp_path, capture_output=True, text=True, check=False)  # fmt: skip
    assert remote.returncode == 2
    assert "pip install 'locpipe[cloud]'" in remote.stderr
    local = subprocess.run([*command, "in"], cwd=tmp_path, capture_output=True, text=True, check=False)  # fmt: skip
    assert local.returncode == 0, local.stderr


def test_a_run_on_a_disk_loads_nothing_of_it(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(png(1))
    code = (
        "import sys\nfrom pathlib import Path\n"
        "from locpipe.pipeline.cli.main import main\n"
        "try:\n    main(['run', 'digits', '--output', 'out', '--input', 'a.png', '--workers', '0'])\n"
        "except SystemExit: pass\n"
        "assert Path('out/boxes/a.png.json').exists()\n"
        "print([name for name in sys.modules if name.split('.')[0] in {'obstore', 'boto3'}])"
    )
    run = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False)  # fmt: skip
    assert run.stdout == "[]\n", run.stderr
