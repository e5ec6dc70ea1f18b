"""Reads YAML and the command line into one checked config, with the origin of every value.

It works for every schema made of `config.Section`: runs, training and rendering.
"""

import difflib
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import UnionType
from typing import Annotated, Generic, TypeVar, Union, get_args, get_origin

import yaml
from pydantic import ValidationError
from pydantic_core import ErrorDetails

from ...stages.errors import ConfigError
from ...stages.paths import expanded
from ...stages.settings import Section
from ..storage.urls import hidden

CONFIG_FILE = "run.yaml"
"""The config that a training writes into the folder of its model."""

CONFIGS = Path(__file__).resolve().parents[2] / "configs"

Key = tuple[str, ...]
SchemaT = TypeVar("SchemaT", bound=Section)


@dataclass(frozen=True)
class Assignment:
    """One value given outside the file, such as `--set boxes.min_area=20`.

    Args:
        key: path of the key, `("boxes", "min_area")`.
        value: plain YAML value.
        origin: its name in messages, `--set boxes.min_area=20`.
    """

    key: Key
    value: object
    origin: str


@dataclass(frozen=True)
class Settings(Generic[SchemaT]):
    """A checked config and the origin of every value that is not a default."""

    config: SchemaT
    origins: Mapping[Key, str]


class _Loader(yaml.SafeLoader):
    """PyYAML's safe loader, but it reads `1e-3` as a number, as in YAML 1.2."""


class _Dumper(yaml.SafeDumper):
    """PyYAML's safe dumper, but it quotes a name that `_Loader` would read as a number."""


for _kind in (_Loader, _Dumper):
    _kind.add_implicit_resolver(
        "tag:yaml.org,2002:float",
        re.compile(r"[-+]?(\d[\d_]*)(\.\d*)?[eE][-+]?\d+$"),
        list("-+0123456789"),
    )


def find_config(name: str, folder: Path = CONFIGS) -> Path:
    """Return the file that `name` means: a path, a model folder, or a name in `folder`.

    Raises:
        ConfigError: there is no such file.
    """
    path = expanded(name)
    if path.is_file():
        return path
    if (path / CONFIG_FILE).is_file():
        return path / CONFIG_FILE
    shipped = {file.stem: file for file in sorted(folder.glob("*.yaml"))}
    if name.removesuffix(".yaml") in shipped:
        return shipped[name.removesuffix(".yaml")]
    what = "is a folder" if path.is_dir() else "does not exist"
    msg = f"{name}: {what}; give a config file or one of the shipped ones: {', '.join(shipped)}"
    raise ConfigError(msg)


def parse_assignment(text: str) -> Assignment:
    """Read `boxes.min_area=20`; the value is YAML.

    Raises:
        ConfigError: no `=`, or the value is not YAML.
    """
    origin = f"--set {text}"
    key, equals, value = text.partition("=")
    if not equals or not all(key.split(".")):
        msg = f"{origin}: write it as section.key=value, for example --set boxes.min_area=20"
        raise ConfigError(msg)
    try:
        return Assignment(tuple(key.split(".")), yaml.load(value, _Loader), origin)  # noqa: S506 - derives from SafeLoader
    except (yaml.YAMLError, ValueError) as error:  # ValueError: such as 2024-02-30, no date
        msg = f"{origin}: the value is not YAML ({_first_line(error)}); quote it"
        raise ConfigError(msg) from error


def read_settings(
    path: Path, schema: type[SchemaT], assignments: Sequence[Assignment] = ()
) -> Settings[SchemaT]:
    """Read a config file, apply the assignments in order, and check the whole.

    Raises:
        ConfigError: the message has one line per problem: origin, key path and value, what is
            allowed, and the known key nearest to an unknown one.
    """
    values, origins = _read_file(path)
    return _checked(values, origins, schema, assignments, str(path))


def settings_of(
    schema: type[SchemaT], values: Mapping[str, object], assignments: Sequence[Assignment] = ()
) -> SchemaT:
    """Return a config without a file: from values, then assignments in order.

    Raises:
        ConfigError: as for `read_settings`.
    """
    return _checked(dict(values), {}, schema, assignments, "settings").config


def _checked(
    values: dict[str, object],
    origins: dict[Key, str],
    schema: type[SchemaT],
    assignments: Sequence[Assignment],
    where: str,
) -> Settings[SchemaT]:
    for assignment in assignments:
        _assign(values, assignment)
        origins[assignment.key] = assignment.origin
    try:
        return Settings(schema.model_validate(values), origins)
    except ValidationError as error:
        raise ConfigError("\n".join(_problems(error, schema, origins, where))) from error


def show_settings(settings: Settings[SchemaT]) -> str:
    """Return the effective config as YAML that can be read again, with the origin of each value."""
    return "".join(f"{line}\n" for line in _shown(settings.config, settings.origins, ()))


def _shown(section: Section, origins: Mapping[Key, str], above: Key) -> Iterator[str]:
    indent = "  " * len(above)
    for name in type(section).model_fields:
        value = getattr(section, name)
        key = (*above, name)
        if isinstance(value, Section):
            yield f"{indent}{name}:"
            yield from _shown(value, origins, key)
        else:
            yield f"{indent}{name}: {_flow(value)}  # {origins.get(key, 'default')}"


def _flow(value: object) -> str:
    if isinstance(value, Path):
        value = str(value)
    if isinstance(value, tuple):
        value = list(value)
    if isinstance(value, int) and not isinstance(value, bool):
        value = int(value)  # ByteSize is an int that YAML cannot name
    # The list avoids the "..." that ends a bare scalar in YAML.
    return yaml.dump([value], Dumper=_Dumper, default_flow_style=True, width=2**31).strip()[1:-1]


def _read_file(path: Path) -> tuple[dict[str, object], dict[Key, str]]:
    try:
        loader = _Loader(path.read_text(encoding="utf-8"))
        node = loader.get_single_node()
        if node is None:
            return {}, {}
        if not isinstance(node, yaml.MappingNode):
            msg = f"{path}:1: a config is a mapping of sections; write it as `boxes: {{min_area: 20}}`"
            raise ConfigError(msg)
        origins = {key: f"{path}:{line}" for key, line in _lines(node, path, ())}
        return loader.construct_document(node), origins
    except (OSError, UnicodeDecodeError) as error:
        msg = f"{path}: cannot be read ({error}); give a text file in UTF-8"
        raise ConfigError(msg) from error
    except (yaml.YAMLError, ValueError) as error:  # ValueError: such as 2024-02-30, no date
        line = _line_of(error)
        msg = f"{path}{line}: not YAML: {_first_line(error)}; mend it there"
        raise ConfigError(msg) from error


def _line_of(error: Exception) -> str:
    mark = error.problem_mark if isinstance(error, yaml.MarkedYAMLError) else None
    return f":{mark.line + 1}" if mark else ""


def _first_line(error: Exception) -> str:
    problem = error.problem if isinstance(error, yaml.MarkedYAMLError) else None
    return problem or str(error).splitlines()[0]


def _lines(node: yaml.MappingNode, path: Path, above: Key) -> Iterator[tuple[Key, int]]:
    """Yield key path and line of every key; a key that stands twice is an error."""
    first: dict[str, int] = {}
    for name, value in node.value:
        line = name.start_mark.line + 1
        key = (*above, str(name.value))
        if key[-1] in first:
            msg = (
                f"{path}:{line}: {'.'.join(key)}: is given twice, first in line {first[key[-1]]}; "
                "remove one"
            )
            raise ConfigError(msg)
        first[key[-1]] = line
        yield key, line
        # An anchor may contain itself, so the depth is limited to that of the schema.
        if isinstance(value, yaml.MappingNode) and len(key) < 4:
            yield from _lines(value, path, key)


def _assign(values: dict[str, object], assignment: Assignment) -> None:
    *sections, last = assignment.key
    for name in sections:
        below = values.get(name)
        values[name] = below = dict(below) if isinstance(below, dict) else {}
        values = below
    values[last] = assignment.value


def _problems(
    error: ValidationError, schema: type[Section], origins: Mapping[Key, str], where: str
) -> Iterable[str]:
    """Return one line per key with a problem: the first problem of that key."""
    known = dict(_known_keys(schema, ()))
    found: dict[Key, str] = {}
    for details in error.errors():
        key = _named_key(details["loc"], known, details["type"])
        origin = next(
            (origins[key[:n]] for n in range(len(key), 0, -1) if key[:n] in origins), where
        )
        problem = f"{origin}: {_explain(details, key, known, words=_holds_words(schema, key))}"
        found.setdefault(key, hidden(problem))
    if not found.keys().isdisjoint(_NO_BACKBONE):
        found.pop(("model", "backbone"), None)  # another line says how to give a model
    return found.values()


def _explain(details: ErrorDetails, key: Key, known: Mapping[Key, str], *, words: bool) -> str:
    """Return the problem of a key; `words`: the key may have a list of words."""
    dotted = ".".join(key)
    if key in _NO_BACKBONE:
        return f"{dotted}: unknown key; a model of yours is given without a section: write `model: {details['input']}`"
    if details["type"] == "extra_forbidden":
        return f"{dotted}: unknown key (value {details['input']!r}); {_advice(key, known, details['input'])}"
    if details["type"] == "missing" and key in known and len(key) == len(details["loc"]):
        return f"{dotted}: missing; {known[key]}"
    if details["type"] == "model_type":
        return f"{dotted}: {details['input']!r} is not a section of keys and values{_as_section(key, details['input'], known)}"
    if details["type"] == "tuple_type" and isinstance(details["input"], str) and words:
        line = _line(key, [details["input"]])
        return f"{dotted}: {details['input']!r} is not a list; write {line}"
    allowed = (
        details["msg"]
        .removeprefix("Value error, ")
        .removeprefix("Input ")
        .replace("tuple", "list")
        .replace("Tuple", "List")
    )
    meaning = f" ({known[key]})" if known.get(key) else ""
    return f"{dotted}: {details['input']!r} is not allowed: {allowed}{meaning}"


_NO_BACKBONE = {("model", "path"), ("model", "name")}


def _holds_words(schema: type[Section], key: Key) -> bool:
    """Say whether the values of a key are names or paths, not numbers."""
    if not key:  # the key of the whole config
        return False
    name, *below = key
    field = schema.model_fields.get(name)
    if field is None:
        return False
    if not below:
        return any(kind in str(field.annotation) for kind in ("str", "Path", "Literal"))
    sections = [
        one
        for one in _kinds(field.annotation)
        if isinstance(one, type) and issubclass(one, Section)
    ]
    return any(_holds_words(section, tuple(below)) for section in sections)


# The key that is meant if a section is given as one value.
_MAIN_KEYS = {"input": "path", "output": "path", "threshold": "value", "refine": "method", "run": "workers", "heatmap": "weights", "infer": "resolution"}  # fmt: skip


def _as_section(key: Key, value: object, known: Mapping[Key, str]) -> str:
    """Return the line to write instead of one value for a whole section."""
    main = _MAIN_KEYS.get(key[-1])
    if main is None or (*key, main) not in known or isinstance(value, list):
        return ""
    return f"; write {_line((*key, main), value)}"


def _line(key: Key, value: object) -> str:
    """Return the line of a config, and the option, that set a value."""
    *sections, last = key
    within = f"{last}: {_flow(value)}"
    for name in reversed(sections):
        within = f"{name}: {{{within}}}"
    return f"`{within}`, or --set '{'.'.join(key)}={_flow(value)}'"


def _named_key(loc: tuple[int | str, ...], known: Mapping[Key, str], kind: str) -> Key:
    """Return pydantic's location as the user wrote it: without list indices and union tags."""
    parts = [str(part) for part in loc]
    last = len(parts) - (kind == "extra_forbidden")  # the user's own, whatever it begins with
    key = (*(part for part in parts[:last] if not part.startswith("<")), *parts[last:])
    if kind == "extra_forbidden":
        return key
    return next((key[:n] for n in range(len(key), 0, -1) if key[:n] in known), key)


def _known_keys(schema: type[Section], above: Key) -> Iterator[tuple[Key, str]]:
    for name, field in schema.model_fields.items():
        yield (*above, name), " ".join((field.description or "").split())
        for kind in _kinds(field.annotation):
            if isinstance(kind, type) and issubclass(kind, Section):
                yield from _known_keys(kind, (*above, name))


def _kinds(annotation: object) -> Iterator[object]:
    """Yield a type, or the members of a union."""
    is_union = get_origin(annotation) in {Union, UnionType}
    for kind in get_args(annotation) if is_union else [annotation]:
        yield get_args(kind)[0] if get_origin(kind) is Annotated else kind


def _advice(key: Key, known: Mapping[Key, str], value: object) -> str:
    if isinstance(value, dict) and (inner := [name for name in value if (name,) in known]):
        # A section that contains sections: its keys are ours too.
        return f"write {_line((inner[0],), value[inner[0]])}"
    siblings = {other[-1]: other for other in known if other[:-1] == key[:-1]}
    near = [siblings[name] for name in difflib.get_close_matches(key[-1], siblings, n=1)]
    near += [other for other in known if other[-1] == key[-1]]
    if near:
        return f"did you mean {'.'.join(near[0])}?"
    return f"known keys here: {', '.join(sorted(siblings))}"
