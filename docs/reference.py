"""The reference pages, made of the code: commands, keys, JSON, exit codes and errors, Python.

    python docs/reference.py FOLDER

writes them as Markdown. The site does the same while it is built (`docs/hooks.py`).
"""

import ast
import inspect
import json
import sys
from collections.abc import Iterator
from importlib import resources
from itertools import pairwise
from pathlib import Path
from typing import Any

import click

import locpipe
from locpipe.pipeline.cli.main import main as command_line
from locpipe.pipeline.config.sections import Config
from locpipe.pipeline.output.lock import LockedError
from locpipe.pipeline.training.digits.config import DigitsTrainConfig
from locpipe.pipeline.training.images.config import ImagesTrainConfig
from locpipe.pipeline.training.text.config import TextTrainConfig
from locpipe.stages import errors
from locpipe.stages.errors import ExitCode, LocpipeError
from locpipe.stages.settings import Section

CONFIGS: dict[str, type[Section]] = {
    "A run": Config,
    "A training of text": TextTrainConfig,
    "A training on labelled pictures": ImagesTrainConfig,
    "A training on digits": DigitsTrainConfig,
}


def pages() -> dict[str, str]:
    """Return every page by its name."""
    return {
        "commands.md": _commands(),
        "keys.md": _keys(),
        "json.md": _schemas(),
        "errors.md": _errors(),
        "python.md": _python(),
    }


def commands(
    command: click.Command = command_line, name: str = "locpipe"
) -> Iterator[tuple[str, click.Command]]:
    """Yield every command that does something, with all words of its name."""
    if not isinstance(command, click.Group):
        yield name, command
        return
    context = click.Context(command, info_name=name)
    for below in command.list_commands(context):
        found = command.get_command(context, below)
        assert found is not None
        yield from commands(found, f"{name} {below}")


def keys(schema: type[Section], above: str = "") -> Iterator[tuple[str, str, str, str]]:
    """Yield dotted name, type, default and meaning of every key of a config."""
    for name, field in schema.model_fields.items():
        sections = [kind for kind in _kinds(field.annotation) if _is_section(kind)]
        dotted = f"{above}{name}"
        if len(sections) != 1 or len(_kinds(field.annotation)) > 1:
            default = "required" if field.is_required() else json.dumps(field.default, default=str)
            meaning = " ".join((field.description or "").split())
            yield dotted, _type(schema, name), default, meaning
        for section in sections:
            yield from keys(section, f"{dotted}.")


def exit_codes() -> dict[int, str]:
    """Return the meaning of every exit code, as it stands in the code."""
    tree = ast.parse(inspect.getsource(ExitCode))
    body = tree.body[0].body  # type: ignore[attr-defined] # it is a class
    found = {}
    for member, text in pairwise(body):
        if isinstance(member, ast.Assign) and isinstance(text, ast.Expr):
            found[int(ast.literal_eval(member.value))] = str(ast.literal_eval(text.value))
    return found


def error_classes() -> list[type[LocpipeError]]:
    """Return every class of errors."""
    found = [kind for kind in vars(errors).values() if inspect.isclass(kind)]
    return [kind for kind in found if issubclass(kind, LocpipeError)] + [LockedError]


def _commands() -> str:
    parts = ["# All options of all commands\n"]
    for name, command in commands():
        context = click.Context(command, info_name=name, **command_line.context_settings)
        parts.append(f"## {name}\n\n```text\n{command.get_help(context)}\n```\n")
    return "\n".join(parts)


def _keys() -> str:
    parts = ["# All keys of all configs\n"]
    for title, schema in CONFIGS.items():
        rows = [
            f"| `{name}` | {_cell(kind)} | {_cell(f'`{default}`')} | {_cell(meaning)} |"
            for name, kind, default, meaning in keys(schema)
        ]
        head = "| key | allowed | default | meaning |\n|---|---|---|---|"
        parts.append("\n".join((f"## {title}\n", head, *rows, "")))
    return "\n".join(parts)


def _schemas() -> str:
    parts = ["# JSON Schemas\n"]
    folder = resources.files("locpipe.pipeline.output").joinpath("schemas")
    parts += [
        f"## {file.name}\n\n```json\n{file.read_text('utf-8')}\n```\n"
        for file in sorted(folder.iterdir(), key=lambda one: one.name)
    ]
    return "\n".join(parts)


def _errors() -> str:
    rows = [f"| {code} | {meaning} |" for code, meaning in exit_codes().items()]
    parts = ["# Exit codes and error classes\n", "| exit code | meaning |\n|---|---|", *rows, ""]
    for kind in error_classes():
        code = int(kind.exit_code)
        parts.append(f"## {kind.__name__}\n\nExit code {code}.\n\n```text\n{_doc(kind)}\n```\n")
    return "\n".join(parts)


def _python() -> str:
    parts = ["# Python API\n"]
    for name in sorted(locpipe.__all__):
        thing = getattr(locpipe, name)
        if callable(thing):
            parts.append(f"## {name}\n\n{_signature(name, thing)}```text\n{_doc(thing)}\n```\n")
    return "\n".join(parts)


def _signature(name: str, thing: Any) -> str:  # noqa: ANN401 - whatever is public
    """Return how a thing is called, an argument per line; errors and configs need no signature."""
    if _is_section(thing) or (inspect.isclass(thing) and issubclass(thing, Exception)):
        return ""
    signature = inspect.signature(thing)
    lines: list[str] = []
    for parameter in signature.parameters.values():
        if parameter.kind is parameter.KEYWORD_ONLY and "*," not in lines:
            lines.append("*,")
        lines.append(f"{parameter},")
    within = "".join(f"    {line}\n" for line in lines)
    back = signature.return_annotation
    ending = "" if back is signature.empty or back is None else f" -> {back}"
    return f"```python\n{name}(\n{within}){ending}\n```\n\n"


def _doc(thing: object) -> str:
    return inspect.getdoc(thing) or ""


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def _kinds(annotation: Any) -> tuple[Any, ...]:  # noqa: ANN401 - any annotation
    return getattr(annotation, "__args__", (annotation,)) if annotation is not None else ()


def _is_section(kind: object) -> bool:
    kind = getattr(kind, "__origin__", kind)
    return inspect.isclass(kind) and issubclass(kind, Section)


def _type(schema: type[Section], name: str) -> str:
    """Return what a key may be, from the JSON Schema of its section."""
    return _told(schema.model_json_schema()["properties"][name])


def _told(schema: dict[str, Any]) -> str:
    if "enum" in schema:
        return ", ".join(f"`{value}`" for value in schema["enum"])
    if "anyOf" in schema:
        return " or ".join(_told(one) for one in schema["anyOf"])
    limits = {"minimum": "from", "exclusiveMinimum": "above", "maximum": "to"}
    bounds = "".join(f" {word} {schema[key]:g}" for key, word in limits.items() if key in schema)
    kind = str(schema.get("const", schema.get("type", "section")))
    inside = f" of {_told(schema['items'])}" if isinstance(schema.get("items"), dict) else ""
    return f"{kind}{bounds}{inside}"


if __name__ == "__main__":
    for page, text in pages().items():
        Path(sys.argv[1], page).write_text(text, encoding="utf-8")
