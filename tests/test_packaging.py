"""What is installed is what is in the repository, and works from an empty folder."""

import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
SETUP = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]


def test_the_package_list_is_what_lies_in_the_folders() -> None:
    found = {"locpipe", "locpipe.configs", "locpipe.data"}
    for top in ("pipeline", "stages"):
        for init in (ROOT / top).rglob("__init__.py"):
            found.add(".".join(("locpipe", *init.parent.relative_to(ROOT).parts)))
    assert found == set(SETUP["packages"])


def test_the_links_for_type_checkers_are_relative() -> None:
    for name in ("pipeline", "stages"):
        assert (ROOT / "locpipe" / name).readlink() == Path("..", name)


def test_no_module_is_imported_under_a_second_name() -> None:
    """`import stages` works in the checkout and would load a second copy of every class."""
    bare = re.compile(r"^\s*(from|import) (stages|pipeline)\b", re.MULTILINE)
    for top in ("locpipe", "pipeline", "stages", "tests", "benchmarks"):
        for file in (ROOT / top).rglob("*.py"):
            assert not bare.search(file.read_text()), file


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the repository, without what no wheel and no image needs."""
    folder = tmp_path_factory.mktemp("source") / "locpipe"
    leave_out = shutil.ignore_patterns(".*", "samples", "tests", "build", "out", "*.egg-info")
    return shutil.copytree(ROOT, folder, ignore=leave_out, symlinks=True)


@pytest.fixture(scope="module")
def installed(source: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder into which the wheel, built from the copy, is installed."""
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder)]
    subprocess.run([*build, str(source)], check=True, capture_output=True)
    (wheel,) = folder.glob("*.whl")
    target = folder / "site"
    install = [sys.executable, "-m", "pip", "install", "--no-deps", "--quiet", "--target"]
    subprocess.run([*install, str(target), str(wheel)], check=True, capture_output=True)
    return target


def in_empty_folder(site: Path, folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(site), "PYTHONDONTWRITEBYTECODE": "1"}
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=folder,
        env=environment,
        check=False,
        capture_output=True,
        text=True,
    )


def test_the_wheel_adds_one_name(installed: Path) -> None:
    names = {path.name for path in installed.iterdir() if path.suffix != ".dist-info"}
    assert names - {"bin"} == {"locpipe"}
    assert (installed / "locpipe" / "py.typed").exists()


def test_the_wheel_holds_both_text_models(installed: Path, tmp_path: Path) -> None:
    for name in ("text", "text-large"):
        checked = in_empty_folder(installed, tmp_path, "-m", "locpipe", "config", "check", name)
        assert checked.returncode == 0, checked.stderr
        verified = in_empty_folder(installed, tmp_path, "-m", "locpipe", "models", "verify", name)
        assert verified.stdout.startswith(f"{name}\tok\t"), verified.stderr


def test_the_main_job_runs_from_the_wheel_in_an_empty_folder(
    installed: Path, tmp_path: Path
) -> None:
    where = in_empty_folder(
        installed, tmp_path, "-c", "import locpipe.stages as s; print(s.__file__)"
    )
    assert where.stdout.startswith(str(installed)), where.stderr
    picture = ROOT / "data" / "samples" / "coffee.png"
    arguments = ("run", "text", "--input", str(picture), "--output", "results", "--workers", "1")
    done = in_empty_folder(installed, tmp_path, "-m", "locpipe", *arguments)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "results" / "boxes" / "coffee.png.json").is_file()
    assert (tmp_path / "results" / "masks" / "coffee.png.png").is_file()
    shown = in_empty_folder(installed, tmp_path, "-m", "locpipe", "report", "results")
    assert shown.stdout == "results/report/index.html\n", shown.stderr
    page = {file.name for file in (tmp_path / "results" / "report" / "app").iterdir()}
    there = {file.name for file in (ROOT / "pipeline" / "report" / "page").iterdir()}
    assert page == there - {"index.html.jinja"}


DOCKERFILE = (ROOT / "Dockerfile").read_text().replace("\\\n", "")


def test_the_image_has_the_libraries_that_the_pages_name() -> None:
    (apt,) = re.findall(r"^RUN (apt-get .*)$", DOCKERFILE, re.MULTILINE)
    assert {"libgl1", "libglib2.0-0", "tesseract-ocr"} <= set(apt.split())
    page = (ROOT / "docs" / "installing.md").read_text()
    assert "libgl1" in page
    assert "docker build -t locpipe --build-arg PIP_EXTRA_INDEX_URL=" in page
    assert "\nARG PIP_EXTRA_INDEX_URL\n" in DOCKERFILE


def test_the_steps_of_the_image_run(source: Path, tmp_path: Path) -> None:
    """All but the system's packages: pip's step, without what it depends on, then the command."""
    (pip,) = re.findall(r"^RUN (pip .*)$", DOCKERFILE, re.MULTILINE)
    found = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    here = {"PIP_NO_DEPS": "1", "PIP_NO_BUILD_ISOLATION": "0", "PIP_TARGET": str(tmp_path / "site")}
    environment = {**os.environ, **here, "PATH": found}
    subprocess.run(["sh", "-c", pip], cwd=source, env=environment, check=True, capture_output=True)
    (entry, *_), (command, *_) = (json.loads(each) for each in re.findall(r"^(?:ENTRYPOINT|CMD) (.*)$", DOCKERFILE, re.MULTILINE))  # fmt: skip
    program = str(tmp_path / "site" / "bin" / entry)
    environment["PYTHONPATH"] = str(tmp_path / "site")
    said = subprocess.run([program, command], env=environment, check=True, capture_output=True, text=True)  # fmt: skip
    assert said.stdout.startswith("Usage: locpipe")
