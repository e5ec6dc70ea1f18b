"""The words of the project: a rate says "per", and a sentence of a document is short.

It reads documents, comments of configs, the help of every command, and strings and comments of programs.
"""

import re
import tokenize
from collections.abc import Iterator
from io import StringIO
from pathlib import Path

import click
import pytest

from locpipe.pipeline.cli.main import main

ROOT = Path(__file__).resolve().parents[1]
DOCUMENTS = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *ROOT.glob("data/**/README.md")])
CONFIGS = sorted(ROOT.glob("configs/**/*.yaml"))
PROGRAMS = sorted(
    file
    for folder in ("pipeline", "stages", "benchmarks", "tests")
    for file in (ROOT / folder).rglob("*.py")
    if file.name != Path(__file__).name
)
LONGEST_SENTENCE = 26  # words

# "ms a megapixel" is the habit, "ms per megapixel" is meant: what is counted, and per what.
COUNTED = """
    m?s seconds? minutes? [kKMGT]i?B bytes? bits memory threads? process(?:es)? pixels? points? GMAC
    thousand times once twice one files? folders? modules? records? strings? lines? rows? integers
    numbers? maps? regions? blocks? annotations? objects? rectangles? box(?:es)? words? pictures?
    crops? samples? batches steps decay hash(?:es)? tasks? labels? classes pages? models? tries
"""
THINGS = """
    picture photograph page worker core machine class label filter set blob line box word step batch
    epoch megapixel pixel MP file task folder kind model cell side row sample glyph size training
    format command crop network job run thread process canvas digit map object unit second minute
    hour day week margin head
"""
# Before these words the thing is the subject of a clause: "the classes a picture shows".
CLAUSE = "is are was stands? has had shows? wrote writes? needs? takes? can may too does did would gives?"
IDIOMS = ("once a day", "once a week", "twice a day", "once an hour", "once a minute")


def choice(words: str) -> str:
    return f"(?:{'|'.join(words.split())})"


HABIT = re.compile(rf"\b(?i:{choice(COUNTED)})\s+an?\s+{choice(THINGS)}\b(?!\s+{choice(CLAUSE)}\b)")


def habits(text: str) -> list[str]:
    """What of a text says "a" for "per"."""
    found = (" ".join(match.group().split()) for match in HABIT.finditer(text))
    return [words for words in found if words.lower() not in IDIOMS]


def sentences(markdown: str) -> Iterator[str]:
    """The sentences of a document: no code, tables, headings, targets of links."""
    text = re.sub(r"^```.*?^```", "\n", markdown, flags=re.DOTALL | re.MULTILINE)
    text = re.sub(r"^(?:    |\||#).*$", "\n", text, flags=re.MULTILINE)
    text = re.sub(r"`[^`]*`", "code", re.sub(r"\]\([^)]*\)", "]", text))
    for paragraph in re.split(r"\n\s*\n|\n\s*(?:[-*]|\d+\.)\s", text):
        yield from re.split(r"(?<=[.:;!?])\s+", paragraph)


def written(program: str) -> str:
    """All strings and comments of a program, one after the other: a text may lie in several."""
    kinds = {tokenize.STRING, tokenize.COMMENT, getattr(tokenize, "FSTRING_MIDDLE", -1)}
    tokens = tokenize.generate_tokens(StringIO(program).readline)
    return " ".join(token.string.strip("\"'# ") for token in tokens if token.type in kinds)


def commands(
    command: click.Command, name: str = "locpipe", parent: click.Context | None = None
) -> Iterator[tuple[str, str]]:
    """Name and help of a command and of all below it."""
    context = click.Context(command, parent, name, **command.context_settings)
    yield name, command.get_help(context)
    if isinstance(command, click.Group):
        for below in command.list_commands(context):
            found = command.get_command(context, below)
            assert found is not None
            yield from commands(found, f"{name} {below}", context)


def relative(file: Path) -> str:
    return str(file.relative_to(ROOT))


@pytest.mark.parametrize(
    "text",
    [
        "0.8 GiB a\nworker",
        "21 ms a megapixel",
        "a file a page",
        "one box a blob",
        "Memory a worker",
    ],
)
def test_a_for_per_is_found(text: str) -> None:
    assert habits(text)


@pytest.mark.parametrize(
    "text",
    ["0.8 GiB per worker", "of a picture", "classes a picture shows", "run it once a day"],
)
def test_other_words_are_left_alone(text: str) -> None:
    assert not habits(text)


def test_a_text_in_several_strings_is_read_as_one() -> None:
    program = 'print(["CPU seconds a", "picture"])  # one file\n# a page\n'
    assert habits(written(program)) == ["seconds a picture", "file a page"]


def test_long_sentences_are_found() -> None:
    assert max(len(one.split()) for one in sentences("short. " + "word " * 40)) == 40
    assert max(len(one.split()) for one in sentences("| " + "word " * 40 + "\nshort")) == 1


@pytest.mark.parametrize("file", [*DOCUMENTS, *CONFIGS], ids=relative)
def test_documents_say_per(file: Path) -> None:
    assert habits(file.read_text("utf-8")) == []


@pytest.mark.parametrize("file", DOCUMENTS, ids=relative)
def test_sentences_of_documents_are_short(file: Path) -> None:
    long = [
        one for one in sentences(file.read_text("utf-8")) if len(one.split()) > LONGEST_SENTENCE
    ]
    assert long == []


def test_help_says_per() -> None:
    assert {name: habits(text) for name, text in commands(main) if habits(text)} == {}


def options(command: click.Command, name: str) -> Iterator[tuple[str, click.Option]]:
    """The options of a command and of all below it."""
    context = click.Context(command)
    # Not get_params: click then keeps the option of help that this context has, without -h.
    yield from ((name, each) for each in command.params if isinstance(each, click.Option))
    if isinstance(command, click.Group):
        for below in command.list_commands(context):
            found = command.get_command(context, below)
            assert found is not None
            yield from options(found, f"{name} {below}")


def test_every_option_says_what_it_does() -> None:
    every = list(options(main, "locpipe"))
    assert len(every) > 100
    assert [f"{name} {one.opts[-1]}" for name, one in every if not one.help] == []


def test_lists_of_commands_show_whole_sentences() -> None:
    cut = [
        (name, line)
        for name, text in commands(main)
        for line in text.splitlines()
        if line.endswith("...") and not line.startswith("Usage:")
    ]
    assert cut == []


@pytest.mark.parametrize("file", PROGRAMS, ids=relative)
def test_programs_say_per(file: Path) -> None:
    assert habits(written(file.read_text("utf-8"))) == []
