"""The README's commands are those that are tested, and what it points to exists."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text()
DOCUMENTS = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *ROOT.glob("data/**/*.md")])


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_relative_link_leads_somewhere(document: Path) -> None:
    for target in re.findall(r"\]\(([^)#\s]+)", document.read_text()):
        if "://" not in target:
            assert (document.parent / target).exists(), target


def test_ci_runs_the_test_command_of_the_readme() -> None:
    block = re.search(r"<!-- test command -->\s*```sh\n(python.*)\n```", README)
    assert block is not None
    assert "<!-- test command -->" in (ROOT / ".ci" / "run").read_text()


def test_every_folder_is_on_the_map() -> None:
    tracked = {"benchmarks", "configs", "data", "docs", "locpipe", "pipeline", "stages", "tests"}
    for folder in tracked:
        assert f"`{folder}/`" in README, folder


def test_every_config_that_ships_is_named() -> None:
    for config in (ROOT / "configs").glob("*.yaml"):
        assert f"configs/{config.name}" in README or f"`{config.stem}`" in README, config.name
