"""The cluster of docs/clusters.md, whose machines show certificates: its commands, on loopback."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from clusters import Cluster

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "clusters.md").read_text("utf-8")
KEYS, SETTINGS = re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL)
COMMANDS = PAGE.split("### Commands")[1]

pytestmark = pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not installed")


def environment_of(folder: Path) -> dict[str, str]:
    """What the page has in the environment, with keys as it makes them."""
    subprocess.run(["bash", "-e", "-c", KEYS], cwd=folder, check=True, capture_output=True)
    told = subprocess.run(
        ["bash", "-e", "-c", f"{SETTINGS}\nenv -0"], cwd=folder, check=True, capture_output=True
    )
    return dict(one.split("=", 1) for one in told.stdout.decode().split("\0") if one)


def run(pictures: Path, output: Path, scheduler: str, environment: dict[str, str]) -> subprocess.CompletedProcess[str]:  # fmt: skip
    arguments: list[str | Path] = [
        "run",
        "digits",
        "--input",
        pictures,
        "--output",
        output,
        "--scheduler",
        scheduler,
    ]
    return subprocess.run(
        [sys.executable, "-m", "locpipe", *arguments],
        env=environment, capture_output=True, text=True, check=False, timeout=300,
    )  # fmt: skip


def test_a_cluster_that_asks_for_certificates_works_for_those_who_have_them(
    pictures: Path, tmp_path: Path
) -> None:
    keys, strangers = tmp_path / "keys", tmp_path / "strangers"
    keys.mkdir()
    strangers.mkdir()
    environment = environment_of(keys)
    with Cluster(tmp_path, "tls", environment) as cluster:
        cluster.worker()
        done = run(pictures, tmp_path / "out", cluster.address, environment)
        assert done.returncode == 0, done.stderr
        assert list((tmp_path / "out" / "boxes").rglob("*.json"))
        # Nobody without a certificate gets in, nor with one of another authority.
        for theirs, reason in (
            (dict(os.environ), f"{cluster.address} asks for a certificate, and none is set"),
            (environment_of(strangers), f"nothing answers at {cluster.address}"),
        ):
            refused = run(pictures, tmp_path / "none", cluster.address, theirs)
            assert refused.returncode == 2, refused.stderr
            assert f"run.scheduler: {reason}" in refused.stderr
            assert "Traceback" not in refused.stderr
        assert not list(tmp_path.glob("none/boxes/**/*.json"))


def test_the_page_has_the_commands_that_are_tried() -> None:
    assert "--protocol tls" in COMMANDS
    assert "dask worker tls://HOST" in COMMANDS
    assert "--scheduler tls://HOST" in COMMANDS
