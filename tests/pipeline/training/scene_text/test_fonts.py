import logging
import shutil
from pathlib import Path

import numpy as np
import pytest
from fontTools.fontBuilder import FontBuilder  # type: ignore[import-untyped] # it ships none
from fontTools.ttLib import TTFont  # type: ignore[import-untyped] # as above
from fontTools.ttLib.tables._g_l_y_f import Glyph  # type: ignore[import-untyped] # as above

from locpipe.pipeline.training.scene_text.fonts import Face, Fonts, find_fonts, open_face
from locpipe.pipeline.training.scene_text.settings import FontSettings
from locpipe.stages.errors import ConfigError


def font_of(letters: str, path: Path) -> None:
    """A font file whose only glyphs are empty ones for `letters`."""
    names = [".notdef", *(f"g{ord(letter)}" for letter in letters)]
    builder = FontBuilder(1000, isTTF=True)
    builder.setupGlyphOrder(names)
    builder.setupCharacterMap({ord(letter): f"g{ord(letter)}" for letter in letters})
    builder.setupGlyf({name: Glyph() for name in names})
    builder.setupHorizontalMetrics(dict.fromkeys(names, (500, 0)))
    builder.setupHorizontalHeader(ascent=800, descent=-200)
    builder.setupNameTable({"familyName": "Gaps", "styleName": "Regular"})
    builder.setupPost()
    builder.save(path)


def test_everyday_families_are_told_from_others(fonts: Fonts) -> None:
    everyday = {face.family for family in fonts.everyday for face in family}
    others = {face.family for family in fonts.others for face in family}
    assert {"DejaVu Sans", "DejaVu Serif"} <= everyday
    assert "STIXGeneral" in others
    assert not everyday & others


def test_everyday_share_is_kept(fonts: Fonts) -> None:
    rng = np.random.default_rng(0)
    everyday = {face for family in fonts.everyday for face in family}
    drawn = [fonts.latin(rng) in everyday for _ in range(2000)]
    assert abs(np.mean(drawn) - fonts.everyday_share) < 0.04


def test_one_drawer_serves_when_the_other_is_empty(fonts: Fonts) -> None:
    only_fancy = Fonts((), fonts.others, (), (), everyday_share=1.0)
    assert only_fancy.latin(np.random.default_rng(0)) in {f for fs in fonts.others for f in fs}


def test_excluded_family_is_gone(font_folder: Path) -> None:
    found = find_fonts(FontSettings(folders=(font_folder,), exclude=("DejaVu Sans",)))
    families = {face.family for family in (*found.everyday, *found.others) for face in family}
    assert "DejaVu Sans" not in families
    assert "DejaVu Serif" in families


def test_pictures_of_fonts_are_no_letters(fonts: Fonts) -> None:
    drawable = {face.family: symbols for face, symbols in fonts.symbols}
    assert "→" in drawable["DejaVu Sans"]
    assert "★" in drawable["DejaVu Sans"]
    for symbols in drawable.values():
        assert not any(symbol.isalnum() for symbol in symbols)
        assert not set(symbols) & set("○♈☰↿①♯")


def test_excluded_family_still_gives_its_pictures(font_folder: Path) -> None:
    found = find_fonts(FontSettings(folders=(font_folder,), exclude=("DejaVu Sans",)))
    assert "DejaVu Sans" in {face.family for face, _ in found.symbols}


def test_font_of_bitmaps_is_left_out(font_folder: Path, tmp_path: Path) -> None:
    with TTFont(font_folder / "DejaVuSans.ttf") as font:
        del font["glyf"], font["loca"]
        font.save(tmp_path / "bitmaps.ttf")
    with pytest.raises(ConfigError, match="no fonts found"):
        find_fonts(FontSettings(folders=(tmp_path,)))


def test_missing_folder(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"nowhere is no folder; name one that exists"):
        find_fonts(FontSettings(folders=(tmp_path / "nowhere",)))


@pytest.mark.parametrize("folders", [0, 1])
def test_no_fonts_found(tmp_path: Path, folders: int) -> None:
    with pytest.raises(ConfigError, match=r"no fonts found in .*; install some"):
        find_fonts(FontSettings(folders=(tmp_path,) * folders))


def test_font_without_the_glyphs(tmp_path: Path) -> None:
    font_of("ABCabc", tmp_path / "gaps.ttf")
    with pytest.raises(ConfigError, match=r"gaps\.ttf lacks '0123456789DEFG.*install one that has"):
        find_fonts(FontSettings(folders=(tmp_path,)))


def test_broken_font_is_left_out(
    font_folder: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    shutil.copy(font_folder / "DejaVuSans.ttf", tmp_path)
    (tmp_path / "broken.ttf").write_bytes(b"no font at all")
    with caplog.at_level(logging.WARNING):
        found = find_fonts(FontSettings(folders=(tmp_path,)))
    assert [face.family for family in found.everyday for face in family] == ["DejaVu Sans"]
    assert "broken.ttf: not a font that can be read" in caplog.text


def test_face_knows_what_it_cannot_draw(face: Face) -> None:
    poor = Face(face.path, face.family, frozenset("€"), cjk=False)
    assert poor.draws("9.99")
    assert not poor.draws("€9.99")


def test_face_opens_at_its_size(face: Face) -> None:
    small, large = open_face(face.path, 10), open_face(face.path, 100)
    assert 8 < large.getlength("word") / small.getlength("word") < 12
