"""Errors cross process borders and become exit codes."""

import pickle

import pytest

from locpipe.stages import errors


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("LocpipeError", 1),
        ("ConfigError", 2),
        ("ImageError", 3),
        ("ModelError", 5),
        ("OutputError", 6),
    ],
)
def test_errors_pickle_and_have_their_exit_code(name: str, code: int) -> None:
    error = getattr(errors, name)("a.jpg: broken; copy it again")
    copy = pickle.loads(pickle.dumps(error))
    assert type(copy) is type(error)
    assert str(copy) == str(error)
    assert copy.exit_code == code
    assert isinstance(copy, errors.LocpipeError)


def test_every_error_is_exported() -> None:
    defined = {name for name, value in vars(errors).items() if isinstance(value, type)}
    assert defined == set(errors.__all__)
