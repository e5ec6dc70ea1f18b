import unicodedata
from pathlib import Path

import numpy as np
import pytest

from locpipe.pipeline.training.scene_text.fonts import find_fonts, open_face
from locpipe.pipeline.training.scene_text.scripts import SCRIPTS, Script, ScriptName
from locpipe.pipeline.training.scene_text.settings import FontSettings
from locpipe.stages.errors import ConfigError

UNICODE_NAMES = {"myanmar": "MYANMAR", "hangul": "HANGUL SYLLABLE"}


@pytest.mark.parametrize("name", SCRIPTS)
def test_words_are_of_their_script_alone(name: ScriptName) -> None:
    words = SCRIPTS[name].words(np.random.default_rng(0), 80)
    assert all(words)
    assert len({word for word in words if not word.isdigit()}) > 40
    start = UNICODE_NAMES.get(name, name.upper())
    for letter in "".join(word for word in words if not word.isdigit()):
        assert unicodedata.name(letter).startswith(start), letter


def test_no_word_begins_with_a_mark() -> None:
    words = SCRIPTS["devanagari"].words(np.random.default_rng(0), 200)
    assert not any(unicodedata.category(word[0]).startswith("M") for word in words)
    assert any(unicodedata.category(letter) == "Mc" for word in words for letter in word)


def test_scripts_with_capitals_have_words_of_each_case() -> None:
    words = [SCRIPTS["cyrillic"].words(np.random.default_rng(n), 20) for n in range(12)]
    looks = {(text.isupper(), text.islower()) for text in map("".join, words)}
    assert looks == {(True, False), (False, True), (False, False)}


def test_words_are_longer_where_no_space_parts_them() -> None:
    rng = np.random.default_rng(0)
    longest = {name: max(map(len, SCRIPTS[name].words(rng, 100))) for name in ("thai", "hebrew")}
    assert longest["hebrew"] <= 8
    assert longest["thai"] > 16


def test_shares_are_kept_and_faces_can_write_their_script(font_folder: Path) -> None:
    shares: dict[ScriptName, float] = {"arabic": 0.1, "greek": 0.3, "armenian": 0.0}
    fonts = find_fonts(FontSettings(folders=(font_folder,)), shares)
    rng = np.random.default_rng(0)
    drawn: list[Script | None] = [fonts.any_script(rng).script for _ in range(2000)]
    assert abs(drawn.count(SCRIPTS["arabic"]) / 2000 - 0.1) < 0.03
    assert abs(drawn.count(SCRIPTS["greek"]) / 2000 - 0.3) < 0.04
    assert drawn.count(None) / 2000 == pytest.approx(0.6, abs=0.04)


def test_letters_that_join_are_shaped_as_a_word(font_folder: Path) -> None:
    path = str(font_folder / "DejaVuSans.ttf")
    joined = open_face(path, 60, joins=True).getlength("ببب")
    assert joined < 0.8 * open_face(path, 60).getlength("ببب")


def test_script_that_no_font_writes_is_named(font_folder: Path) -> None:
    with pytest.raises(ConfigError, match=r"scripts\.khmer: no font in .* leave this script out"):
        find_fonts(FontSettings(folders=(font_folder,)), {"khmer": 0.1})


def test_without_raqm_joining_scripts_are_named(
    font_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("PIL.features.check", lambda _: False)
    with pytest.raises(ConfigError, match=r"scripts\.arabic: its letters join.*install FriBiDi"):
        find_fonts(FontSettings(folders=(font_folder,)), {"arabic": 0.1})
    find_fonts(FontSettings(folders=(font_folder,)), {"greek": 0.1})
