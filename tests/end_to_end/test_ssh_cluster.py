"""The program of docs/clusters.md that starts a cluster over SSH, with a server on loopback."""

import ast
import json
import re
import sys
from pathlib import Path

import pytest
from distributed import SSHCluster
from PIL import Image
from run_fixtures import quick
from runs import counts, run, with_
from ssh_server import ssh_server

PAGE = Path(__file__).resolve().parents[2] / "docs" / "clusters.md"


@pytest.mark.skipif(sys.platform == "win32", reason="commands run in a shell of POSIX")
def test_a_run_joins_a_cluster_that_was_started_over_ssh(tmp_path: Path) -> None:
    (call,) = re.findall(r"with (SSHCluster\(.*?\)) as cluster:", PAGE.read_text())
    (hosts,), keywords = ast.parse(call, mode="eval").body.args, ast.parse(call, mode="eval").body.keywords  # fmt: skip
    (options,) = [ast.literal_eval(each.value) for each in keywords if each.arg == "worker_options"]
    assert [ast.unparse(hosts), options["nthreads"]] == ["['HOST1', 'HOST1', 'HOST2']", 1]
    (tmp_path / "in").mkdir()
    for number in range(3):
        Image.effect_noise((60 + number, 40), 90).save(tmp_path / "in" / f"{number}.png")
    config = quick(tmp_path / "in", tmp_path / "out")
    with ssh_server(tmp_path) as how, SSHCluster(
        ["127.0.0.1"] * 2, how, {**options, "n_workers": 1}, {"dashboard_address": "127.0.0.1:0"},
        remote_python=sys.executable,
    ) as cluster:  # fmt: skip
        remote = with_(config, "run", scheduler=cluster.scheduler_address, workers=None)
        assert counts(run(remote))["done"] == 3
        report = json.loads((tmp_path / "out" / "run.json").read_bytes())
        assert list(report["peak_memory"]) == list(cluster.scheduler_info["workers"])
