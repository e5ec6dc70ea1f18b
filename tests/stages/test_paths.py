"""What ~ means in a path."""

from pathlib import Path

import pytest

from locpipe.stages.paths import expanded


def test_a_tilde_is_the_home(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/somebody")
    assert expanded("~/a") == expanded(Path("~/a")) == Path("/home/somebody/a")


@pytest.mark.parametrize("name", ["~no/such/user", "a/~b", "a"])
def test_what_is_no_home_is_a_name(name: str) -> None:
    assert expanded(name) == Path(name)
