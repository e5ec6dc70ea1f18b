"""The README's commands are those that are tested, and what it points to exists."""

import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable
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


STUB = """#!/bin/sh
[ "$(basename "$0")" = id ] && echo 1000 && exit
echo "${LOCPIPE_PRECISION:-} $(basename "$0") $*" >> "$CALLS"
case "$(basename "$0") $*" in
    "python3 -m venv .venv")
        mkdir -p .venv/bin && for tool in pip pytest python ruff mypy lint-imports mkdocs; do
            cp "$0" ".venv/bin/$tool"
        done ;;
    "python -c"*) echo "$BFLOAT16" ;;
    "pytest -q"*) [ "${CI:-}" = true ] || exit 1 ;;
esac
case "$(basename "$0") $*" in "$FAILS"*) exit 1 ;; esac
"""


@pytest.fixture
def run_ci(tmp_path: Path) -> Callable[..., tuple[int, list[str]]]:
    """Runs .ci/run beside the README, with tools that only note how they are called."""

    def run(*, bfloat16: bool = False, fails: str = "nothing") -> tuple[int, list[str]]:
        for name in (".ci/run", "README.md"):
            (tmp_path / name).parent.mkdir(exist_ok=True)
            shutil.copy(ROOT / name, tmp_path / name)
        for name in ("python3", "id"):
            (tmp_path / "bin").mkdir(exist_ok=True)
            (tmp_path / "bin" / name).write_text(STUB)
            (tmp_path / "bin" / name).chmod(0o755)
        environment = {
            "PATH": f"{tmp_path / 'bin'}{os.pathsep}{os.environ['PATH']}",
            "CALLS": str(tmp_path / "calls"),
            "BFLOAT16": str(bfloat16),
            "FAILS": fails,
        }
        done = subprocess.run(
            ["bash", ".ci/run"], cwd=tmp_path, env=environment, capture_output=True, check=False
        )
        return done.returncode, (tmp_path / "calls").read_text().splitlines()

    return run


def calls_of(block: str) -> list[str]:
    """Return what the stubs note of a block of commands joined by &&."""
    commands = [shlex.split(command) for command in block.split(" && ")]
    return [" " + " ".join([Path(program).name, *rest]) for program, *rest in commands]


LINT = [
    " ruff check .",
    " ruff format --check .",
    " mypy ",
    " lint-imports ",
    " mkdocs build --strict --quiet",
]


def test_ci_runs_exactly_the_test_command_of_the_readme(
    run_ci: Callable[..., tuple[int, list[str]]],
) -> None:
    (block,) = re.findall(r"## Set up and test\n(?:.*\n)*?```sh\n(.*)\n```", README)
    code, calls = run_ci()
    assert code == 0
    assert calls[:3] == calls_of(block)
    assert [call for call in calls if "python -c" not in call] == [*calls_of(block), *LINT]


def test_ci_repeats_what_computes_in_float32_where_the_processor_has_bfloat16(
    run_ci: Callable[..., tuple[int, list[str]]],
) -> None:
    code, calls = run_ci(bfloat16=True)
    assert code == 0
    (again,) = [call for call in calls if call.startswith("float32 ")]
    assert again.startswith("float32 pytest ")
    assert again.endswith(" -m computes and not long")


@pytest.mark.parametrize(
    "fails", ["pip", "pytest", "ruff check", "ruff format", "mypy", "lint", "mkdocs"]
)
def test_ci_fails_where_one_of_its_commands_does(
    fails: str, run_ci: Callable[..., tuple[int, list[str]]]
) -> None:
    code, calls = run_ci(fails=fails)
    assert code != 0
    assert calls[-1].startswith(f" {fails}")


SKIPPED = """import pytest

def test_browser(): pytest.skip("needs chromium (Debian: chromium)")
def test_data(): pytest.skip("set LOCPIPE_DATA")
"""


def test_ci_fails_where_a_tool_of_a_test_is_missing(tmp_path: Path) -> None:
    (tmp_path / "test_two.py").write_text(SKIPPED)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "tests.conftest", "-c", "/dev/null"]
    done = subprocess.run(
        [*command, f"--rootdir={tmp_path}", str(tmp_path)],
        env={**os.environ, "CI": "true", "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert "skipped, which CI does not allow" in done.stdout
    assert "1 failed, 1 skipped" in done.stdout


def test_the_readme_is_short() -> None:
    assert len(README.split()) <= 900


def test_every_folder_is_on_the_map() -> None:
    tree = (ROOT / "docs" / "architecture.md").read_text()
    for folder in (
        "benchmarks",
        "configs",
        "data",
        "docs",
        "locpipe",
        "pipeline",
        "stages",
        "tests",
    ):
        assert f"`{folder}/" in tree, folder


def test_every_config_that_ships_is_named() -> None:
    page = (ROOT / "docs" / "configs.md").read_text()
    for config in (ROOT / "configs").glob("*.yaml"):
        assert f"`configs/{config.name}`" in page, config.name
