"""What a release says of itself agrees."""

import re
import tomllib
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
GITHUB = sorted((ROOT / ".github").rglob("*.yml"))


def test_the_version_is_the_same_everywhere() -> None:
    version = PROJECT["version"]
    assert yaml.safe_load((ROOT / "CITATION.cff").read_text())["version"] == version
    assert f"\n## {version}\n" in (ROOT / "CHANGELOG.md").read_text()
    assert f'"locpipe": "{version}"' in (ROOT / "README.md").read_text()
    assert f"locpipe-{version}-py3-none-any.whl" in (ROOT / "docs" / "installing.md").read_text()


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
    installed = str([step.get("run", "") for step in jobs["tests"]["steps"]])
    missing = [name for name in packages.replace("\\", " ").split() if name not in installed]
    assert missing == []


@pytest.mark.parametrize("file", GITHUB, ids=lambda file: str(file.name))
def test_every_file_for_github_is_whole(file: Path) -> None:
    document = yaml.safe_load(file.read_text())
    for name, job in document.get("jobs", {}).items():
        assert {"runs-on", "steps"} <= job.keys(), name
        assert all(("uses" in step) != ("run" in step) for step in job["steps"]), name
