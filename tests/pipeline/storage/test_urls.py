"""URLs as users write them: paths that no disk has, names of results, and no secret that is shown."""

import pickle
from pathlib import Path

import pytest

from locpipe.pipeline.config.file import settings_of
from locpipe.pipeline.config.sections import Config
from locpipe.pipeline.storage.buckets import (
    checked,
    listed,
    looked_up,
    memory_of,
    pieces_of,
    placed,
)
from locpipe.pipeline.storage.urls import (
    RemotePath,
    common_folder,
    folder_of,
    hidden,
    key_below,
    located,
    problem_with,
    shown,
)
from locpipe.stages.errors import ConfigError

SECRET = "sEcReT"


@pytest.mark.parametrize("name", ["a b.jpg", "100%.jpg", "a+b#c?.jpg", "漢 é.jpg", "..a.jpg", ".a"])
def test_a_remote_path_divides_like_a_path_and_is_written_as_a_url(name: str) -> None:
    folder = located("S3://bucket/2024")
    picture = folder / name
    assert str(picture) == f"s3://bucket/2024/{name}"
    assert (picture.parent, picture.name, picture.absolute()) == (folder, name, picture)
    assert pickle.loads(pickle.dumps(picture)) == picture
    assert isinstance(pickle.loads(pickle.dumps(picture)), RemotePath)
    assert not picture.exists()


def test_a_remote_path_is_no_folder_here_even_if_one_has_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "results" / "in").mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    assert located("results/in").is_dir()
    assert not located("s3://results/in").is_dir()


def test_a_bare_scheme_is_above_every_bucket() -> None:
    assert str(located("https://")) == "https://"
    assert key_below("https://host/a/b.jpg", located("https://")) == "host/a/b.jpg"
    assert common_folder("s3://one/a", "s3://two/a") == "s3://"


@pytest.mark.parametrize(
    ("url", "root", "key"),
    [
        ("s3://b/in/a%20b.jpg", "s3://b/in", "a%20b.jpg"),
        ("s3://b/in/a?b#c.jpg", "s3://b/in", "a?b#c.jpg"),
        ("https://h/in/a%20b.jpg", "https://h/in", "a b.jpg"),
        ("https://h/in/a+b.jpg?sig=1/2", "https://h/in", "a+b.jpg"),
        ("s3://b/inside/a.jpg", "s3://b/in", None),
        ("gs://b/in/a.jpg", "s3://b/in", None),
        ("s3://b/in/a.jpg", "/in", None),
    ],
)
def test_the_name_of_a_result_is_the_key_below_the_root(
    url: str, root: str, key: str | None
) -> None:
    assert key_below(url, located(root)) == key


def test_folders_of_urls_and_paths() -> None:
    assert folder_of("https://h/in/a.jpg?sig=1/2") == "https://h/in"
    assert folder_of("/in/a.jpg") == "/in"
    assert common_folder("s3://b/x/y", "s3://b/x/z/1") == "s3://b/x"
    assert common_folder("/a/b", "/a/c") == "/a"
    assert common_folder("s3://b/x", "/a") == ""


@pytest.mark.parametrize(
    "url",
    [
        "https://me:pass@h/a.jpg",
        "s3://key:pass@bucket/a.jpg",
        "https://h/a.jpg?sig=1",
        "s3://b/a//b.jpg",
        "s3://b/../b.jpg",
        "https://h/%2e%2e/%2E%2E/b.jpg",
        "https://h/a%00.jpg",
    ],
)
def test_a_url_that_may_not_be_given_is_told_without_showing_it(url: str) -> None:
    problem = problem_with(url)
    assert problem is not None
    assert "pass" not in problem.split(";")[0].replace("password", "")
    assert "sig=1" not in problem


def test_a_signed_url_may_stand_in_a_list_and_is_shown_without_its_query() -> None:
    url = f"https://h/a.jpg?X-Amz-Signature={SECRET}"
    assert problem_with(url, listed=True) is None
    assert shown(url) == "https://h/a.jpg"
    assert SECRET not in hidden(f"cannot read '{url}' and https://me:{SECRET}@h/x")


@pytest.mark.parametrize("key", ["input.path", "input.root"])
@pytest.mark.parametrize("url", [f"https://u:{SECRET}@h/a.jpg", f"https://h/a.jpg?{SECRET}"])
def test_a_secret_in_a_config_is_refused_and_not_shown(key: str, url: str) -> None:
    section, name = key.split(".")
    with pytest.raises(ConfigError, match=key) as told:
        settings_of(Config, {"model": "text", section: {name: url}})
    assert SECRET not in str(told.value)


def test_input_may_be_a_url_and_survives_a_round_trip() -> None:
    config = settings_of(Config, {"model": "text", "input": {"path": "s3://b/in"}})
    assert str(config.input.path) == "s3://b/in"
    assert Config.model_validate(config.model_dump()) == config


def test_results_go_to_a_disk_or_a_bucket_and_not_to_a_web_server() -> None:
    bucket = settings_of(Config, {"model": "text", "output": {"path": "s3://b/out"}})
    assert str(bucket.output.path) == "s3://b/out"
    with pytest.raises(ConfigError, match=r"output\.path.*should lie on a disk or in a bucket"):
        settings_of(Config, {"model": "text", "output": {"path": "https://h/out"}})


@pytest.mark.parametrize("url", ["s3://bucket/a.jpg", "https://example.org/a.jpg?token=" + SECRET])
def test_offline_asks_for_no_url(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOCPIPE_OFFLINE", "1")
    for ask in (placed, checked, looked_up, lambda url: list(pieces_of(url))):
        with pytest.raises(ConfigError, match=r"--offline or .*; leave that out, or copy") as told:
            ask(url)
        assert SECRET not in str(told.value)
    folder = located("gs://bucket/in")
    assert isinstance(folder, RemotePath)
    with pytest.raises(ConfigError, match="--offline"):
        list(listed(folder))
    assert placed("memory://scans/in") == (memory_of("scans"), "in")
