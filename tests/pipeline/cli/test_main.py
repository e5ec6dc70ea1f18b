"""What the command line says, where, and with which exit code."""

import io
import json
import logging
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
import yaml
from click.testing import CliRunner, Result
from PIL import Image
from skimage import data
from tqdm import tqdm

from locpipe.pipeline.cli.logs import LogFormat, set_up_logging
from locpipe.pipeline.cli.main import COMMANDS, Commands, main
from locpipe.pipeline.config.file import Settings, show_settings
from locpipe.pipeline.config.sections import Config
from locpipe.stages.errors import ConfigError, ImageError, LocpipeError, ModelError, OutputError


@pytest.fixture(autouse=True)
def log_as_before() -> Iterator[None]:
    logger = logging.getLogger("locpipe")
    before = (logger.handlers, logger.propagate, logger.level)
    yield
    logger.handlers, logger.propagate, logger.level = before


@pytest.fixture
def config_file(config: Config, tmp_path: Path) -> Path:
    file = tmp_path / "some.yaml"
    file.write_text(show_settings(Settings(config, {})))
    return file


def call(*arguments: str | Path) -> Result:
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


IMPORTED = """
import sys
from locpipe.pipeline.cli.main import main
try:
    main(sys.argv[1:])
except SystemExit:
    print(*sys.modules)
"""


def imported_by(*arguments: str) -> set[str]:
    """The modules that a command has loaded when it is done."""
    command = [sys.executable, "-c", IMPORTED, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return set(done.stdout.splitlines()[-1].split())


@pytest.mark.parametrize("argument", ["--help", "--version"])
def test_help_imports_nothing_that_is_slow(argument: str) -> None:
    modules = imported_by(argument)
    assert "locpipe.pipeline.cli.main" in modules
    assert {"torch", "dask", "distributed", "cv2", "numpy", "skimage", "PIL", "yaml", "pydantic"}.isdisjoint(modules)  # fmt: skip


@pytest.mark.parametrize("command", ["run", "read", "export", "evaluate", "models", "config"])
def test_commands_that_compute_nothing_themselves_do_not_import_torch(command: str) -> None:
    assert {"torch", "torchvision"}.isdisjoint(imported_by(command, "--help"))


def test_a_run_with_nothing_to_do_imports_nothing_that_works_on_pictures(
    config_file: Path, tmp_path: Path
) -> None:
    (tmp_path / "none").mkdir()
    modules = imported_by("run", str(config_file), "--input", str(tmp_path / "none"))
    assert "locpipe.pipeline.run.run" in modules
    assert {"torch", "distributed", "cv2", "scipy", "skimage"}.isdisjoint(modules)


def test_a_reader_that_leaves_is_no_error_of_ours() -> None:
    reader, writer = os.pipe()
    os.close(reader)  # as head does
    command = [sys.executable, "-m", "locpipe", "config", "schema"]
    done = subprocess.run(command, stdout=writer, stderr=subprocess.PIPE, text=True, check=False)
    os.close(writer)
    assert (done.returncode, done.stderr) == (1, "")


def commands(group: click.Group, above: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    context = click.Context(group)
    for name in group.list_commands(context):
        yield (*above, name)
        command = group.get_command(context, name)
        if isinstance(command, click.Group):
            yield from commands(command, (*above, name))


@pytest.mark.parametrize("names", [(), *commands(main)], ids=" ".join)
def test_every_command_has_a_help_with_an_example(names: tuple[str, ...]) -> None:
    long, short = call(*names, "--help"), call(*names, "-h")
    assert long.exit_code == 0
    assert long.output == short.output
    assert "Example" in long.output
    assert f"locpipe {' '.join(names)}".strip() in long.output


def test_the_list_of_commands_says_what_they_say_themselves() -> None:
    listed = call("--help").output
    for name, (_, text) in COMMANDS.items():
        assert f"{name} " in listed
        assert text in listed


def test_an_unknown_command_is_a_usage_error() -> None:
    result = call("runn")
    assert result.exit_code == 2
    assert "No such command 'runn'" in result.stderr


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (LocpipeError("so"), 1),
        (ConfigError("so"), 2),
        (ImageError("so"), 3),
        (ModelError("so"), 5),
        (OutputError("so"), 6),
        (KeyboardInterrupt(), 130),
        (ZeroDivisionError("so"), 1),
    ],
)
def test_every_error_has_its_exit_code_and_a_message_on_stderr(
    error: BaseException, code: int
) -> None:
    @click.group(cls=Commands)
    def group() -> None:
        set_up_logging()
        raise error

    result = CliRunner().invoke(group, ["run"])
    assert (result.exit_code, result.stdout) == (code, "")
    if isinstance(error, LocpipeError):
        assert result.stderr == "so\n"
    if isinstance(error, ZeroDivisionError):
        assert result.stderr == (
            "internal error: ZeroDivisionError('so'); run again with -v to see where\n"
        )


def test_a_traceback_comes_only_with_v(config_file: Path) -> None:
    arguments = ("run", config_file, "--input", "nowhere")
    quiet, verbose = call(*arguments), call(*arguments, "-v")
    assert quiet.exit_code == verbose.exit_code == 2
    assert quiet.stderr.splitlines()[-1].startswith("input.path: ")
    assert "Traceback" not in quiet.stderr
    assert "Traceback" in verbose.stderr


def test_run_says_one_line_on_stderr_and_nothing_on_stdout(config_file: Path) -> None:
    result = call("run", config_file)
    assert (result.exit_code, result.stdout) == (0, "")
    assert result.stderr.splitlines()[-1].startswith("4 pictures done, 0 failed")


def test_q_says_only_what_failed(config_file: Path, pictures: Path) -> None:
    (pictures / "empty.png").touch()
    result = call("run", config_file, "-q")
    assert result.exit_code == 3
    (line,) = result.stderr.splitlines()
    assert line.startswith("failed: 'empty.png': ")


@pytest.mark.parametrize("names", [*commands(main)], ids=" ".join)
def test_every_command_has_q(names: tuple[str, ...]) -> None:
    is_group = "Commands:" in (help_ := call(*names, "--help").output)
    assert ("-q, --quiet" in help_) == (not is_group)


@pytest.mark.parametrize(
    "command",
    ["config show text", "config schema", "models list", "models show text", "models backbones"],
)
def test_q_leaves_what_a_command_is_asked_for(command: str) -> None:
    loud, quiet = call(*command.split()), call(*command.split(), "-q")
    assert (quiet.exit_code, quiet.output) == (0, loud.output)
    assert quiet.output != ""


def test_q_leaves_out_what_a_command_did(config_file: Path) -> None:
    for command in (("config", "check", config_file), ("models", "verify", "digits")):
        loud, quiet = call(*command), call(*command, "-q")
        assert (quiet.exit_code, quiet.output) == (loud.exit_code, "") == (0, "")
        assert loud.stdout != ""


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("level", "log_format", "is_shown"),
    [(logging.INFO, "text", True), (logging.WARNING, "text", False), (logging.INFO, "json", False)],
)
def test_no_bar_is_drawn_with_q_or_into_json(
    level: int,
    log_format: LogFormat,
    is_shown: bool,  # noqa: FBT001 - a case
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Whatever draws it: the commands that train ask the terminal themselves."""
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    set_up_logging(level, log_format)
    assert list(tqdm(range(3), disable=None)) == [0, 1, 2]
    assert (terminal.getvalue() != "") == is_shown


def test_what_libraries_say_of_a_picture_has_its_name(
    config_file: Path, pictures: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """A fax with damaged lines: libtiff tells of each, and goes on."""
    file = pictures / "fax.tif"
    Image.fromarray(data.page()).convert("1").save(file, compression="group4")
    content = bytearray(file.read_bytes())
    for place in range(len(content) // 2, len(content) // 2 + 200, 7):
        content[place] ^= 0x5A
    file.write_bytes(content)
    result = call("run", config_file, "-q")
    assert result.stderr.startswith(f"'{file}': ")
    assert "Fax4Decode" in result.stderr
    assert len(result.stderr.splitlines()) == 1
    assert capfd.readouterr().err == ""


def test_v_names_every_picture(config_file: Path) -> None:
    assert "'signs/text.PNG': done, " in call("run", config_file, "-v").stderr


def test_json_prints_the_report_on_stdout(config_file: Path, config: Config) -> None:
    result = call("run", config_file, "--json", "--limit", "1")
    assert json.loads(result.stdout) == json.loads((config.output.path / "run.json").read_bytes())


def test_the_log_may_be_json(config_file: Path, pictures: Path) -> None:
    (pictures / "empty.png").touch()
    result = call("run", config_file, "--log-format", "json", "-v")
    lines = [json.loads(line) for line in result.stderr.splitlines()]
    assert all({"time", "level", "message"} <= line.keys() for line in lines)
    (failed,) = [line for line in lines if line["level"] == "warning"]
    assert (failed["picture"], failed["stage"], failed["error"]) == ("empty.png", "load", "ImageError")  # fmt: skip


def test_options_override_the_config_and_its_file_stays_in_messages(
    config_file: Path, tmp_path: Path
) -> None:
    result = call(
        "run", config_file, "--output", tmp_path / "other", "--set", "boxes.max=1", "--json"
    )
    report = json.loads(result.stdout)
    assert report["config"]["boxes"]["max"] == 1
    assert (tmp_path / "other" / "run.json").exists()
    wrong = call("run", config_file, "--workers", "-1")
    assert wrong.exit_code == 2
    assert wrong.stderr.startswith("--workers: run.workers: -1 is not allowed")


def test_a_dry_run_prints_what_would_be_done_and_does_not(
    config_file: Path, config: Config
) -> None:
    result = call("run", config_file, "--dry-run", "--limit", "1")
    assert result.exit_code == 0
    assert result.stdout.splitlines()[:2] == [
        "process: new: 'coffee.jpg'",
        "leave: over --limit: 'page.webp'",
    ]
    assert "passed over" not in result.stderr
    (config.input.path / "scan.djvu").touch()
    told = call("run", config_file, "--dry-run").stderr
    assert "1 file passed over: .djvu 1\n" in told
    assert not config.output.path.exists()


def test_boxes_that_were_cut_are_told_even_quietly(config_file: Path) -> None:
    result = call("run", config_file, "-q", "--limit", "1", "--set", "boxes.max=1")
    assert result.exit_code == 3
    assert "left out by boxes.max = 1 (raise it)" in result.stderr


def test_a_working_directory_that_was_removed_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "gone").mkdir()
    monkeypatch.chdir(tmp_path / "gone")
    (tmp_path / "gone").rmdir()
    result = call("doctor")
    assert result.exit_code == 2
    assert result.stderr.startswith("the working directory was removed; change to a folder")


@pytest.mark.parametrize(("closed", "workers"), [("2>&-", 0), ("<&- >&- 2>&-", 1)])
def test_a_run_needs_no_standard_streams(
    config_file: Path, config: Config, closed: str, workers: int
) -> None:
    (config.input.path / "empty.png").touch()  # what is written to stderr goes into no file
    command = f'exec "$0" -m locpipe run "$1" --json -v --workers {workers} --limit 2 {closed}'
    done = subprocess.run(["sh", "-c", command, sys.executable, config_file], check=False)
    assert done.returncode == 3
    report = json.loads((config.output.path / "run.json").read_bytes())
    assert (report["counts"]["done"], report["counts"]["failed"]) == (1, 1)


def test_offline_downloads_no_weights(
    config_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LOCPIPE_OFFLINE", "")  # so that it is as before, afterwards
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    backbone = ["--set", "model={backbone: resnet18}", "--set", "heatmap.labels=[top1]"]
    result = call("run", config_file, *backbone, "--offline")
    assert result.exit_code == 5
    assert "(told not to by --offline or $LOCPIPE_OFFLINE)" in result.stderr
    assert "name it: `weights: path/to/resnet18-" in result.stderr
    assert not (tmp_path / "torch").exists()


def test_a_required_picture_that_is_not_there_gives_4(config_file: Path, tmp_path: Path) -> None:
    (tmp_path / "inbox").mkdir()
    assert call("run", config_file, "--input", tmp_path / "inbox").exit_code == 0
    required = call("run", config_file, "--input", tmp_path / "inbox", "--require-input", "-q")
    assert required.exit_code == 4
    assert f"no picture at {tmp_path / 'inbox'} (--require-input)" in required.stderr


def test_config_show_prints_what_reads_back_as_the_same(config_file: Path, tmp_path: Path) -> None:
    result = call("config", "show", config_file, "--set", "boxes.max=7")
    assert "  max: 7  # --set boxes.max=7\n" in result.stdout
    (tmp_path / "again.yaml").write_text(result.stdout)
    again = call("config", "show", tmp_path / "again.yaml").stdout
    assert yaml.safe_load(again) == yaml.safe_load(result.stdout)


def test_config_schema_is_a_json_schema() -> None:
    schema = json.loads(call("config", "schema").stdout)
    assert schema["properties"].keys() >= {"model", "input", "run"}


def test_config_check_asks_the_model_too(config_file: Path) -> None:
    assert call("config", "check", config_file).stdout.startswith(f"{config_file}\tok\t")
    wrong = call("config", "check", config_file, "--set", "heatmap.labels=[cat]")
    assert wrong.exit_code == 5
    assert "cat" in wrong.stderr


@pytest.mark.parametrize(
    "setting",
    [
        "input.path=/no/such/folder",
        "model=gone",
    ],
)
def test_config_check_refuses_what_a_run_refuses(setting: str, config_file: Path) -> None:
    given = [word for one in setting.split() for word in ("--set", one)]
    ran, checked = call("run", config_file, *given), call("config", "check", config_file, *given)
    assert checked.exit_code == ran.exit_code != 0
    assert checked.stderr == ran.stderr


@pytest.mark.parametrize("name", ["digits", "text", "text-large", "text-lenet"])
def test_shipped_configs_are_right(name: str) -> None:
    assert call("config", "check", name).exit_code == 0


def test_models_are_listed_shown_and_verified(tmp_path: Path) -> None:
    assert call("models", "list").stdout.startswith("digits\t")
    assert "schema: locpipe/model/1" in call("models", "show", "digits").stdout
    assert call("models", "verify").stdout.startswith("digits\tok\t")
    missing = call("models", "verify", tmp_path)
    assert missing.exit_code == 5
    assert "neither a folder with a model.yaml" in missing.stderr
