"""What SECURITY.md says is held by tests that are there."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
TEXT = (ROOT / "SECURITY.md").read_text("utf-8")
NAMED = re.findall(r"`(tests/[\w/]+\.py)::(test_\w+)`", TEXT)
CANNOT = TEXT.split("## What files cannot do", 1)[1].split("## What they can do")[0]


@pytest.mark.parametrize(("file", "test"), NAMED)
def test_every_test_that_is_named_is_there(file: str, test: str) -> None:
    assert f"\ndef {test}(" in (ROOT / file).read_text("utf-8")


def test_every_claim_names_its_test() -> None:
    claims = re.findall(r"^- (.*?)(?=^- |^$)", CANNOT, re.DOTALL | re.MULTILINE)
    assert len(claims) > 20
    assert [claim for claim in claims if "`tests/" not in claim] == []
