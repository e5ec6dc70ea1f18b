"""What a config may say, how it is read, and what a mistake in it is told."""

from collections.abc import Callable
from inspect import Parameter, signature
from pathlib import Path

import pytest
import yaml
from hypothesis import example, given
from hypothesis import strategies as st
from jsonschema.protocols import Validator
from jsonschema.validators import validator_for

from locpipe.pipeline.config.file import (
    Settings,
    find_config,
    parse_assignment,
    read_settings,
    show_settings,
)
from locpipe.pipeline.config.sections import (
    Config,
    InputConfig,
    ModelConfig,
    OutputConfig,
    RunConfig,
)
from locpipe.stages.boxes import find_boxes
from locpipe.stages.errors import ConfigError
from locpipe.stages.heatmap import heatmap
from locpipe.stages.settings import (
    BoxesSettings,
    HeatmapSettings,
    InferSettings,
    RefineSettings,
    Section,
    ThresholdSettings,
)
from locpipe.stages.threshold import threshold

MINIMAL = "model: digits\n"


def read(folder: Path, text: str, *assignments: str) -> Settings[Config]:
    file = folder / "some.yaml"
    file.write_text(text, encoding="utf-8")
    return read_settings(file, Config, [parse_assignment(each) for each in assignments])


def problem(folder: Path, text: str, *assignments: str) -> str:
    with pytest.raises(ConfigError) as caught:
        read(folder, text, *assignments)
    return str(caught.value)


def test_a_config_needs_no_more_than_a_model(tmp_path: Path) -> None:
    assert read(tmp_path, MINIMAL).config == Config(model="digits")


def test_a_missing_model_is_told(tmp_path: Path) -> None:
    assert problem(tmp_path, "") == (
        f"{tmp_path}/some.yaml: model: missing; Name of a shipped model (`locpipe models list`), "
        "path of a model folder, or a section that names a backbone and its weights."
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("boxes:\n  min_aera: 20", "3: boxes.min_aera: unknown key (value 20); did you mean boxes.min_area?"),
        ("min_area: 20", "2: min_area: unknown key (value 20); did you mean boxes.min_area?"),
        ("render: {model: text}", "2: render: unknown key (value {'model': 'text'}); write `model: text`, or --set 'model=text'"),
        ("? \r<:\n t xt", "3: <: unknown key (value 't xt'); known keys here: boxes, heatmap"),  # from fuzz.py
        ("input: {<p: 1}", "2: input.<p: unknown key (value 1); known keys here: background"),
        ("run: {qqq: 1}", "2: run.qqq: unknown key (value 1); known keys here: max_attempts, memory"),
        ("boxes: {min_area: '20'}", "2: boxes.min_area: '20' is not allowed: should be a valid number"),
        ("boxes: {min_area: true}", "2: boxes.min_area: True is not allowed: should be a valid number"),
        ("boxes: {connectivity: 5}", "2: boxes.connectivity: 5 is not allowed: should be 4 or 8"),
        ("threshold: {value: 1.5}", "threshold.value: 1.5 is not allowed: should be less than or equal"),
        ("threshold: {k: .nan}", "threshold.k: nan is not allowed: should be a finite number"),
        ("refine: {method: cut}", "refine.method: 'cut' is not allowed: should be 'none', 'bilinear'"),
        ("refine: {long_side: 0}", "refine.long_side: 0 is not allowed: should be greater than"),
        ("threshold: {low: 0.9}", "low (0.9) must not be above high (0.6)"),
        ("infer: {scale: [1, 0]}", "2: infer.scale: 0 is not allowed: should be greater than 0"),
        ("infer: {scale: []}", "infer.scale: [] is not allowed: List should have at least 1 item"),
        ("infer: {scale: big}", "infer.scale: 'big' is not allowed: should be a valid list"),
        ("boxes: 3", "2: boxes: 3 is not a section of keys and values"),
        ("run: {workers: -1}", "2: run.workers: -1 is not allowed: should be greater than or equal to 0"),
        ("run: {memory_limit: much}", "run.memory_limit: 'much' is not allowed: could not parse"),
        ("input: {background: [1, 2]}", "2: input.background: [1, 2] is not allowed: Field required"),
        ("model: other", "2: model: is given twice, first in line 1; remove one"),
        ("boxes: {max: 1, max: 2}", "2: boxes.max: is given twice, first in line 2; remove one"),
        ("boxes: [", "not YAML: "),
        ("boxes: !!python/name:os.system", "not YAML: could not determine a constructor"),
        ("\x07", "not YAML: "),
        ("input: {path: 2024-02-30}", "not YAML: day is out of range"),
        ("input: {path: 2024-02-20}", "is not allowed: should be a path; put it in quotes"),
        ("output: {path: ''}", "2: output.path: '' is not allowed: should not be empty; . is the"),
        ("output: {path: $EMPTY}", "output.path: '$EMPTY' is not allowed: should not be empty"),
    ],
)  # fmt: skip
def test_a_mistake_names_file_line_key_value_and_remedy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, message: str
) -> None:
    monkeypatch.setenv("EMPTY", "")
    told = problem(tmp_path, MINIMAL + text)
    assert told.startswith(f"{tmp_path}/some.yaml:")
    assert message in told


def test_all_mistakes_are_told_at_once_one_a_line(tmp_path: Path) -> None:
    told = problem(tmp_path, "model: m\nboxes: {max: 0, min_side: -1}\nrun: {thread: 2}")
    assert [line.split(": ")[1] for line in told.splitlines()] == [
        "boxes.min_side",
        "boxes.max",
        "run.thread",
    ]


def test_a_list_is_no_config(tmp_path: Path) -> None:
    assert "a config is a mapping of sections" in problem(tmp_path, "- model: digits")


def test_a_config_that_is_no_utf8_is_told(tmp_path: Path) -> None:
    file = tmp_path / "latin.yaml"
    file.write_bytes(b"model: caf\xe9")
    with pytest.raises(ConfigError, match=r"latin.yaml: cannot be read .*UTF-8"):
        read_settings(file, Config)


def test_an_anchor_that_contains_itself_is_refused_and_does_not_hang(tmp_path: Path) -> None:
    assert "boxes.b: unknown key" in problem(tmp_path, "model: m\nboxes: &a {b: *a}")


def test_an_empty_section_means_its_defaults(tmp_path: Path) -> None:
    assert read(tmp_path, MINIMAL + "boxes:\n").config == Config(model="digits")


def test_set_overrides_the_file_and_keeps_its_neighbours(tmp_path: Path) -> None:
    settings = read(tmp_path, MINIMAL + "boxes: {max: 5, min_side: 3}", "boxes.max=7", "model=m")
    assert settings.config.boxes == BoxesSettings(max=7, min_side=3)
    assert settings.config.model == "m"


def test_set_reads_its_value_as_yaml(tmp_path: Path) -> None:
    config = read(
        tmp_path, MINIMAL, "infer.scale=[0.5, 1]", "run.workers=null", "threshold.value=1e-1"
    ).config
    assert config.infer.scale == (1.0, 0.5)
    assert config.run.workers is None
    assert config.threshold.value == pytest.approx(0.1)


def test_a_mistake_in_set_names_the_option(tmp_path: Path) -> None:
    told = problem(tmp_path, MINIMAL, "boxes.max=0")
    assert told.startswith("--set boxes.max=0: boxes.max: 0 is not allowed")


@pytest.mark.parametrize("name", ["12e4-run", "3e8b2c1d", "1e5.model"])
def test_a_name_that_only_begins_like_a_number_is_a_name(tmp_path: Path, name: str) -> None:
    settings = read(tmp_path, f"model: {name}", f"output.path={name}")
    assert (settings.config.model, settings.config.output.path) == (name, Path(name))
    assert f"model: {name} " in show_settings(settings)


@pytest.mark.parametrize(
    "text", ["boxes", "=3", "boxes.=3", "boxes.max=[", "output.path=2024-02-30"]
)
def test_a_malformed_set_is_told(text: str) -> None:
    with pytest.raises(ConfigError, match=r"--set .*(write it as|is not YAML)"):
        parse_assignment(text)


def test_paths_expand_home_and_variables(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/someone")
    monkeypatch.setenv("PICTURES", "/mnt/pictures")
    config = read(tmp_path, MINIMAL, "input.path=$PICTURES/a", "output.path=~/out").config
    assert (config.input.path, config.output.path) == (
        Path("/mnt/pictures/a"),
        Path("/home/someone/out"),
    )


def test_a_tilde_that_is_no_user_is_part_of_a_name(tmp_path: Path) -> None:
    config = read(tmp_path, MINIMAL, "input.path=~no/such/user").config
    assert config.input.path == Path("~no/such/user")
    assert ModelConfig(backbone="resnet18", weights="~no/such").source().weights == "~no/such"
    with pytest.raises(ConfigError, match="~no/such: does not exist"):
        find_config("~no/such")


def test_answers_of_a_classifier_cannot_be_summed(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="use group: max"):
        read(tmp_path, MINIMAL, "heatmap.weights=classifier", "heatmap.group=sum")


def test_memory_is_read_with_its_unit(tmp_path: Path) -> None:
    assert read(tmp_path, MINIMAL, "run.memory_limit=2GiB").config.run.memory_limit == 2 * 2**30


def test_one_scale_is_a_list_of_one(tmp_path: Path) -> None:
    assert read(tmp_path, MINIMAL, "infer.scale=2").config.infer.scale == (2.0,)


def test_the_origin_of_every_value_is_shown(tmp_path: Path) -> None:
    settings = read(tmp_path, "model: m\nboxes:\n  max: 5\n", "run.workers=0")
    shown = show_settings(settings)
    assert f"model: m  # {tmp_path}/some.yaml:1\n" in shown
    assert f"  max: 5  # {tmp_path}/some.yaml:3\n" in shown
    assert "  workers: 0  # --set run.workers=0\n" in shown
    assert "  threads: 1  # default\n" in shown


FRACTIONS = st.floats(0, 1)
POSITIVE = st.floats(0, exclude_min=True, allow_infinity=False)
NOT_NEGATIVE = st.floats(0, allow_infinity=False)
TEXT = st.text(st.characters(codec="utf-8"), min_size=1)
NAMES = st.text(st.characters(exclude_characters="\0$~"), min_size=1).map(Path)
CONFIGS = st.builds(
    Config,
    model=TEXT,
    input=st.builds(InputConfig, path=NAMES, max_megapixels=POSITIVE),
    output=st.builds(OutputConfig, path=NAMES),
    infer=st.builds(InferSettings, scale=st.lists(POSITIVE, min_size=1).map(tuple), enlarge_to=POSITIVE),
    heatmap=st.builds(HeatmapSettings, labels=st.lists(TEXT).map(tuple)),
    threshold=st.builds(ThresholdSettings, low=st.floats(0, 0.5), high=st.floats(0.5, 1), k=NOT_NEGATIVE),
    refine=st.builds(RefineSettings, background=st.floats(0, 1), long_side=st.integers(16)),
    boxes=st.builds(BoxesSettings, min_area=NOT_NEGATIVE, min_side=NOT_NEGATIVE, padding=NOT_NEGATIVE),
    run=st.builds(RunConfig, timeout=POSITIVE, memory_limit=st.none() | st.integers(0, 2**60)),
)  # fmt: skip


@given(config=CONFIGS)
@example(config=Config(model="0E0"))
def test_what_config_show_prints_reads_back_as_the_same(
    config: Config, tmp_path_factory: pytest.TempPathFactory
) -> None:
    shown = show_settings(Settings(config, {}))
    folder = tmp_path_factory.getbasetemp()
    assert read(folder, shown).config == config


@pytest.fixture(scope="module")
def schema() -> Validator:
    published = Config.model_json_schema()
    return validator_for(published)(published)


@given(config=CONFIGS)
def test_every_config_fits_the_published_schema(schema: Validator, config: Config) -> None:
    schema.validate(yaml.safe_load(show_settings(Settings(config, {}))))


def test_the_schema_explains_every_key() -> None:
    schema = Config.model_json_schema()
    keys = [key for model in schema["$defs"].values() for key in model["properties"].items()]
    assert [name for name, key in keys if not key.get("description")] == []


def decisive(text: str) -> str:
    return read_settings_from(text).sha256()


def read_settings_from(text: str) -> Config:
    return Config.model_validate({"model": "m", **yaml.safe_load(text)})


@pytest.mark.parametrize(
    "text",
    [
        "output: {path: elsewhere, overlays: true}",
        "input: {path: elsewhere}",
        "run: {workers: 7, timeout: 1}",
        "boxes: {max: 100000}",
        "infer: {scale: [1]}",
    ],
)
def test_what_does_not_decide_the_result_leaves_the_hash(text: str) -> None:
    assert decisive(text) == decisive("{}")


@pytest.mark.parametrize(
    "text",
    [
        "model: other",
        "input: {background: [0, 0, 0]}",
        "input: {max_megapixels: 5}",
        "infer: {scale: 2}",
        "heatmap: {merge: mean}",
        "threshold: {k: 3}",
        "refine: {method: grabcut}",
        "boxes: {max: 3}",
    ],
)
def test_what_decides_the_result_changes_the_hash(text: str) -> None:
    assert decisive(text) != decisive("{}")


def test_a_name_means_the_shipped_config_unless_there_is_such_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shipped = tmp_path / "configs"
    shipped.mkdir()
    (shipped / "text.yaml").write_text(MINIMAL)
    monkeypatch.chdir(tmp_path)
    assert find_config("text", shipped) == shipped / "text.yaml"
    assert find_config("text.yaml", shipped) == shipped / "text.yaml"
    Path("text.yaml").write_text(MINIMAL)
    assert find_config("text.yaml", shipped) == Path("text.yaml")
    with pytest.raises(ConfigError, match=r"^texxt: does not exist; .*shipped ones: text$"):
        find_config("texxt", shipped)
    with pytest.raises(ConfigError, match="is a folder"):
        find_config(str(shipped), shipped)


@pytest.mark.parametrize(
    ("stage", "section", "renamed"),
    [
        (threshold, ThresholdSettings, {}),
        (find_boxes, BoxesSettings, {"maximum": "max"}),
        (heatmap, HeatmapSettings, {}),
    ],
)
def test_a_stage_called_from_python_does_what_an_empty_section_says(
    stage: Callable[..., object], section: type[Section], renamed: dict[str, str]
) -> None:
    options = {
        renamed.get(name, name): parameter.default.model_dump()
        if isinstance(parameter.default, Section)
        else parameter.default
        for name, parameter in signature(stage).parameters.items()
        if parameter.default is not Parameter.empty and name != "rgb"  # what is looked at
    }
    assert options
    known = {
        **BoxesSettings().model_dump(),
        **section().model_dump(),
    }  # hysteresis joins as boxes do
    assert options == {name: known[name] for name in options}


def test_a_config_is_frozen() -> None:
    config = Config(model="m")
    with pytest.raises(ValueError, match="frozen"):
        config.model = "other"
