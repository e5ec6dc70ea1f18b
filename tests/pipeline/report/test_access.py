"""axe-core finds nothing serious in a report, whatever is open, in light and dark, wide and narrow.

With LOCPIPE_SHOTS=FOLDER the screens are kept there.
"""

import os
from pathlib import Path
from typing import Any

import pytest
from node import unpacked
from report_fixtures import Open, until

AXE = "axe-core@4.14.1"
SHOTS = os.environ.get("LOCPIPE_SHOTS")


@pytest.fixture(scope="module")
def axe(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The script of axe-core."""
    return (unpacked(AXE, tmp_path_factory.mktemp("axe")) / "axe.min.js").read_text()


def findings(page: Any, axe: str) -> list[str]:
    """What axe says, any impact, as `impact rule: element`."""
    page.evaluate(axe)
    found = page.evaluate("axe.run(document, { resultTypes: ['violations'], preload: false })")
    return [
        f"{each['impact']} {each['id']}: {node['html'][:120]}"
        for each in found["violations"]
        for node in each["nodes"]
    ]


def keep(page: Any, name: str) -> None:
    if SHOTS:
        Path(SHOTS).mkdir(parents=True, exist_ok=True)
        page.screenshot(path=Path(SHOTS, f"{name}.png"))


@pytest.mark.parametrize(("scheme", "width"), [("light", 1280), ("dark", 1280), ("light", 390)])
def test_axe_finds_nothing(
    browse: Open, reported_once: Path, axe: str, scheme: str, width: int
) -> None:
    index = reported_once / "out" / "report" / "index.html"
    page = browse(index, color_scheme=scheme, viewport={"width": width, "height": 800})
    page.wait_for_selector("[data-index] path.box[d^=M]")
    keep(page, f"list-{scheme}-{width}")
    found = findings(page, axe)
    page.locator(".card", has_text="a.png").click()
    until(page, "viewer.details !== null")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("r")
    page.keyboard.press("m")
    page.keyboard.press("Enter")
    keep(page, f"picture-{scheme}-{width}")
    found += findings(page, axe)
    page.keyboard.press("?")
    keep(page, f"keys-{scheme}-{width}")
    found += findings(page, axe)
    assert found == []
