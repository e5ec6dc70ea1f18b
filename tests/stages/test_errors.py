"""Errors cross process borders and become exit codes."""

import importlib
import pickle
import pkgutil
import signal
from collections.abc import Iterator
from contextlib import suppress

import pytest

import locpipe.pipeline
import locpipe.stages
from locpipe.stages import errors
from locpipe.stages.errors import ExitCode, LocpipeError

CODES = {
    "LocpipeError": 1,
    "ConfigError": 2,
    "ImageError": 3,
    "ModelError": 5,
    "OutputError": 6,
    "LockedError": 75,
}
"""Part of the interface: scripts depend on the numbers."""


def below(kind: type[LocpipeError]) -> Iterator[type[LocpipeError]]:
    yield kind
    for each in kind.__subclasses__():
        yield from below(each)


@pytest.fixture(scope="module")
def kinds() -> list[type[LocpipeError]]:
    """All classes of errors in any module of locpipe."""
    for package in (locpipe.stages, locpipe.pipeline):
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            with suppress(ModuleNotFoundError):  # of an extra that is not installed
                importlib.import_module(module.name)
    return [kind for kind in below(LocpipeError) if kind.__module__.startswith("locpipe.")]


def test_every_error_has_its_exit_code(kinds: list[type[LocpipeError]]) -> None:
    assert {kind.__name__: kind.exit_code for kind in kinds} == CODES
    assert all(isinstance(kind.exit_code, ExitCode) for kind in kinds)


def test_every_error_crosses_process_borders(kinds: list[type[LocpipeError]]) -> None:
    for kind in kinds:
        copy = pickle.loads(pickle.dumps(kind("a.jpg: broken; copy it again")))
        assert type(copy) is kind
        assert str(copy) == "a.jpg: broken; copy it again"


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_has_its_exit_code(number: int, code: int) -> None:
    assert ExitCode.of_signal(number) == code


def test_every_error_is_exported() -> None:
    defined = {
        name for name, value in vars(errors).items()
        if isinstance(value, type) and value.__module__ == errors.__name__
    }  # fmt: skip
    assert defined == set(errors.__all__)
