"""The pages of docs/: their commands run, and they explain every command, key, exit code and error.

A block marked `sh`, `python` or `r` runs, one after the other, in a folder with `photos/`, the `results/` of a
run, and what else pages speak of (`tests/helpers/page_fixtures.py`). A block marked `yaml` is a config; its
first line may name its file. What cannot run here is indented, and not marked.
"""

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import click
import pytest
import reference
from page_fixtures import furnish, mark

from locpipe.pipeline.cli.main import main as command_line
from locpipe.pipeline.config.file import read_settings
from locpipe.pipeline.config.sections import Config

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"

BLOCK = re.compile(r"^```(\w+)\n(.*?)^```", re.DOTALL | re.MULTILINE)
RUNS = {"sh", "python", "r", "yaml"}
SHOWN = {"json"}  # an example of what is read
TOOLS = {"tesseract": "tesseract", "jq": "jq", "```r\n": "Rscript"}
"""What a page speaks of, and the program that it needs."""
EXPECTED = {
    "ocr.md": "newspaper.png 0 has its middle at",
    "redaction.md": "painted/newspaper.png",
    "python.md": "(128, 160, 320, 224)",
    "results.md": "newspaper.png text 0.",
    "automation.md": "all done",
    "own-classes.md": "not run, and so not scored: 2 pictures of the truth",
    "report.md": "1 right, 0 wrong, 0 missed",
    "tutorial.md": "results/read/newspaper.png.txt",
    "buckets.md": "process: new: 'newspaper.png'",
    "running.md": "leave: done: 'newspaper.png'",
}
"""What the commands of a page print, somewhere."""

# grad-cam imports torchvision, whose compiled operators do not load beside every torch.
PREAMBLE = (
    "from locpipe.stages.nets.torchvision_shim import declare_operators\ndeclare_operators()\n"
)


def blocks(page: Path) -> list[tuple[str, str]]:
    """Return what runs, in order; neighbouring blocks of Python are one program."""
    found: list[tuple[str, str]] = []
    for kind, text in BLOCK.findall(page.read_text("utf-8")):
        if kind == "python" and found and found[-1][0] == "python":
            found[-1] = (kind, found[-1][1] + text)
        elif kind in RUNS:
            found.append((kind, text))
    return found


PAGES = [page for page in sorted(DOCS.glob("*.md")) if blocks(page)]


def in_shell(kind: str, text: str, folder: Path) -> subprocess.CompletedProcess[str]:
    if kind == "python":
        start = PREAMBLE if "pytorch_grad_cam" in text else ""
        command = [sys.executable, "-c", start + text]
    elif kind == "r":
        command = ["Rscript", "-e", text]
    else:
        command = ["bash", "-euo", "pipefail", "-c", text]
    environment = {
        **os.environ,
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        # NumPy 2 and pycocotools 2.0.11 disagree about a keyword, in words only.
        "PYTHONWARNINGS": "ignore",
    }
    return subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, check=False
    )


@pytest.fixture(scope="module")
def workplace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with what pages speak of, and the results of a run over its photograph."""
    folder = tmp_path_factory.mktemp("workplace")
    furnish(folder)
    done = in_shell("sh", "locpipe run text --input photos --output results", folder)
    assert done.returncode == 0, done.stderr
    mark(folder)
    return folder


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.name))
def test_every_block_runs(page: Path, workplace: Path) -> None:
    for word, tool in TOOLS.items():
        if word in page.read_text("utf-8") and not shutil.which(tool):
            pytest.skip(f"install {tool}")
    said = ""
    for kind, text in blocks(page):
        if kind == "yaml":
            named = re.match(r"# (\w+\.yaml)\n", text)
            file = workplace / (named[1] if named else "config.yaml")
            file.write_text(text)
            read_settings(file, Config)
            continue
        done = in_shell(kind, text, workplace)
        assert done.returncode == 0, f"{text}\n{done.stderr}"
        said += done.stdout + done.stderr
    assert EXPECTED.get(page.name, "") in said


def test_every_block_is_known_to_run_or_not() -> None:
    kinds = {kind for page in DOCS.glob("*.md") for kind, _ in BLOCK.findall(page.read_text())}
    assert kinds <= RUNS | SHOWN


def test_the_json_of_the_readme_is_that_of_the_page() -> None:
    (shown,) = re.findall(r"^```json\n.*?^```", (ROOT / "README.md").read_text(), re.DOTALL | re.MULTILINE)  # fmt: skip
    assert shown in (DOCS / "results.md").read_text()


# CONTRIBUTING.md shows what somebody adds, CHANGELOG.md what was.
ALL_PAGES = sorted([ROOT / "README.md", *DOCS.glob("*.md"), *ROOT.glob("data/**/*.md")])


def command_lines(text: str) -> list[str]:
    """Return every call of locpipe that a page shows, in lines of code and within sentences."""
    code = re.sub(r"^```(?:sh|text)\n(.*?)^```", lambda block: re.sub("^", "    ", block[1], flags=re.MULTILINE), text, flags=re.DOTALL | re.MULTILINE)  # fmt: skip
    lines = re.findall(r"^ {4,}(?:\S*/)?(locpipe [a-z].*?)(?: +#.*| [|>&].*)?$", code, re.MULTILINE)
    spans = re.findall(r"(?<!`)`(locpipe [a-z][^`]*)`", text)
    return [" ".join(one.split()) for one in (*lines, *spans) if "…" not in one]


def problem_with(line: str) -> str:
    """Say what click finds wrong with a call; without a word after the command nothing is."""
    command: click.Command = command_line
    _, *words = shlex.split(line)
    names = ["locpipe"]
    context = click.Context(command, info_name="locpipe", **command.context_settings)
    while isinstance(command, click.Group) and words and not words[0].startswith("-"):
        found = command.get_command(context, words[0])
        if found is None:
            return f"{line}: there is no {words[0]}"
        command = found
        names.append(words.pop(0))
    try:
        if words:
            command.make_context(" ".join(names), words, parent=context)
    except click.MissingParameter:
        return ""  # `locpipe weigh --data FOLDER` in a sentence
    except click.exceptions.Exit:
        return ""  # --help
    except click.ClickException as error:
        return f"{line}: {error.format_message()}"
    return ""


@pytest.mark.parametrize("page", ALL_PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_command_that_is_shown_can_be_typed(page: Path) -> None:
    problems = [problem_with(line) for line in command_lines(page.read_text("utf-8"))]
    assert [problem for problem in problems if problem] == []


def test_a_command_that_cannot_be_typed_is_found() -> None:
    text = "Then `locpipe run text --out x`.\n\n    /p/locpipe models ship\n    locpipe doctor   # sound?\n"
    assert command_lines(text) == ["locpipe models ship", "locpipe doctor", "locpipe run text --out x"]  # fmt: skip
    wrong, unknown = problem_with("locpipe run text --oot x"), problem_with("locpipe models ship")
    assert "--oot" in wrong
    assert unknown.endswith("there is no ship")


def explained(page: str) -> dict[str, str]:
    """Return what a page says in points of its own: a name, and its sentences."""
    points = re.findall(r"^- (?:\*\*(\d+)\*\*|`([^`]+)`)(.*?)(?=^- |^$|^#)", (DOCS / page).read_text("utf-8"), re.DOTALL | re.MULTILINE)  # fmt: skip
    return {code or name: text for code, name, text in points if len(text.split()) >= 5}


def test_every_command_has_a_sentence() -> None:
    assert {name for name, _ in reference.commands()} == set(explained("commands.md"))


def test_every_key_has_a_sentence() -> None:
    keys = {name for name, *_ in reference.keys(Config)}
    assert keys | {"model.backbone", "model.weights", "model.layer", "model.classes"} == set(
        explained("keys.md")
    )


def test_every_exit_code_and_class_of_errors_has_a_sentence() -> None:
    codes = {str(code) for code in reference.exit_codes()}
    classes = {kind.__name__ for kind in reference.error_classes()}
    assert codes | classes == set(explained("errors.md"))


def test_the_reference_names_everything() -> None:
    pages = reference.pages()
    for name, _ in reference.commands():
        assert f"## {name}\n" in pages["commands.md"]
    assert "| `boxes.min_area` | number from 0 | `0.0` | Smaller components are" in pages["keys.md"]
    assert "| 75 | Another run is at work in the same output. |" in pages["errors.md"]
    assert "## localize\n\n```python\nlocalize(\n    picture: " in pages["python.md"]
    assert all(file in pages["json.md"] for file in ("boxes-2.json", "read-1.json"))
