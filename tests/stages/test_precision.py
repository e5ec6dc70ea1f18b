"""The environment variable for float32."""

import pytest

from locpipe.stages.errors import ConfigError
from locpipe.stages.precision import PRECISION, float32_only


@pytest.mark.parametrize(("value", "expected"), [(None, False), ("", False), ("float32", True)])
def test_only_float32_asks_for_float32(
    value: str | None, *, expected: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(PRECISION, raising=False)
    if value is not None:
        monkeypatch.setenv(PRECISION, value)
    assert float32_only() is expected


def test_another_value_is_refused_with_the_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(PRECISION, "bfloat16")
    with pytest.raises(ConfigError, match=r"\$LOCPIPE_PRECISION is 'bfloat16'; set it to float32"):
        float32_only()
