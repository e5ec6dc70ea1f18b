from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from locpipe.pipeline.training.scene_text.fonts import Face
from locpipe.pipeline.training.scene_text.words import (
    CJK_MARKS,
    Vocabulary,
    cjk_line,
    cjk_string,
    read_words,
)
from locpipe.stages.errors import ConfigError

PLAIN = Face("", "", frozenset(), cjk=False)
VOCABULARY = Vocabulary((("a",), ("of", "to"), ("the", "and"), ("open", "exit")))


def test_words_are_grouped_by_length_once_each(tmp_path: Path) -> None:
    path = tmp_path / "words"
    path.write_text("The\nthe\nzoo's\nÅngström\nof\n42\nincomprehensibilities\n", encoding="utf-8")
    assert read_words(path) == (("of",), ("the", "zoo"))


@pytest.mark.parametrize("content", ["", "\n\n", "12 34\n", "…\n"])
def test_empty_word_list(tmp_path: Path, content: str) -> None:
    path = tmp_path / "words"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(ConfigError, match=r"word list .*words is empty; put a word"):
        read_words(path)


def test_missing_word_list(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"cannot be read .*install one \(Debian: wamerican\)"):
        read_words(tmp_path / "none")


def test_word_list_that_is_no_text(tmp_path: Path) -> None:
    (tmp_path / "words").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ConfigError, match="cannot be read"):
        read_words(tmp_path / "words")


@given(st.integers(0, 10**6), st.integers(0, 30))
def test_as_many_tokens_as_asked_none_empty(seed: int, count: int) -> None:
    tokens = VOCABULARY.tokens(np.random.default_rng(seed), count, PLAIN)
    assert len(tokens) == count
    assert all(token and not any(letter.isspace() for letter in token) for token in tokens)


@given(st.integers(0, 10**6))
def test_tokens_only_use_what_the_face_can_draw(seed: int) -> None:
    poor = replace(PLAIN, missing=frozenset("$£€.,:-/()+%'!?"))
    tokens = VOCABULARY.tokens(np.random.default_rng(seed), 20, poor)
    assert all(poor.draws(token) for token in tokens)


def test_all_kinds_of_tokens_come() -> None:
    tokens = VOCABULARY.tokens(np.random.default_rng(0), 3000, PLAIN)
    text = " ".join(tokens)
    for part in ("$", "€", "%", "www.", ":", "/", "("):
        assert part in text
    assert any(token.isdigit() for token in tokens)
    assert any(len(token) == 1 and token.isupper() for token in tokens)


def test_letter_case_is_one_for_all_words_of_a_call() -> None:
    cases = set()
    for seed in range(40):
        tokens = VOCABULARY.tokens(np.random.default_rng(seed), 12, PLAIN)
        cases |= {t for t in tokens if t.lower() == "open"}
    assert cases == {"open", "Open", "OPEN"}


def test_line_of_chinese_has_its_length_and_marks() -> None:
    lines = [cjk_line(np.random.default_rng(seed), 30) for seed in range(9)]
    assert {len(line) for line in lines} == {30}
    assert all(set(line) & set(CJK_MARKS) for line in lines)


def test_chinese_strings_are_short_and_varied() -> None:
    rng = np.random.default_rng(0)
    strings = [cjk_string(rng) for _ in range(300)]
    assert {len(string) for string in strings} == set(range(1, 9))
    assert any("あ" <= letter <= "ヶ" for string in strings for letter in string)
    assert sum("一" <= letter <= "鿿" for string in strings for letter in string) > 900
