from dataclasses import replace

import numpy as np
import pytest

from locpipe.pipeline.training.scene_text.fonts import Face, Fonts
from locpipe.pipeline.training.scene_text.layout import MOST_WORDS, Block, Writer
from locpipe.pipeline.training.scene_text.words import Vocabulary


@pytest.fixture
def writer(fonts: Fonts) -> Writer:
    return Writer(fonts, Vocabulary((("a",), ("to",), ("open", "exit"))), cjk=0.0)


def words_of(block: Block) -> int:
    return sum(len(paragraph.typeset.words) for paragraph in block.paragraphs)


def assert_apart_and_inside(block: Block) -> None:
    taken = np.zeros((round(block.height), round(block.width)), bool)
    for paragraph in block.paragraphs:
        height, width = paragraph.typeset.mask.shape
        x, y = round(paragraph.x), round(paragraph.y)
        place = taken[y : y + height, x : x + width]
        assert place.shape == (height, width)
        assert not place.any()
        place[:] = True


@pytest.mark.parametrize("seed", range(15))
def test_sign_has_its_paragraphs_below_each_other(writer: Writer, seed: int) -> None:
    block = writer.sign(np.random.default_rng(seed), 24, 3)
    assert block is not None
    assert len(block.paragraphs) == 3
    assert block.paragraphs[0].em == 24
    assert_apart_and_inside(block)


@pytest.mark.parametrize("seed", range(10))
def test_document_fills_its_page(writer: Writer, seed: int) -> None:
    block = writer.document(np.random.default_rng(seed), 14, 400, 350)
    assert block is not None
    assert words_of(block) > 20
    assert words_of(block) < 2 * MOST_WORDS
    assert block.height > 200
    assert_apart_and_inside(block)


@pytest.mark.parametrize("seed", range(10))
def test_large_block_is_a_word_or_two(writer: Writer, seed: int) -> None:
    block = writer.large(np.random.default_rng(seed), 150)
    assert block is not None
    assert words_of(block) in {1, 2}
    assert block.height > 40


def test_symbols_are_drawn_where_a_font_has_some(writer: Writer) -> None:
    rng = np.random.default_rng(0)
    drawn = [block for _ in range(30) if (block := writer.symbols(rng, 40))]
    assert len(drawn) > 20
    texts = [word.text for block in drawn for word in block.paragraphs[0].typeset.words]
    assert not any(text.isalnum() for text in texts)
    assert replace(writer, fonts=replace(writer.fonts, symbols=())).symbols(rng, 40) is None


def test_chinese_comes_where_a_font_has_it(writer: Writer, face: Face) -> None:
    # DejaVu draws boxes for Han; for the layout any glyph will do.
    chinese = replace(writer, fonts=replace(writer.fonts, cjk=(face,)), cjk=1.0)
    rng = np.random.default_rng(0)
    texts = []
    for _ in range(20):
        block = chinese.sign(rng, 20, 1)
        assert block is not None
        texts += [word.text for p in block.paragraphs for word in p.typeset.words]
    assert all(not text.isascii() for text in texts)
    latin = replace(chinese, fonts=replace(chinese.fonts, cjk=()))
    block = latin.sign(rng, 20, 1)
    assert block is not None
    assert block.paragraphs[0].typeset.words[0].text.isascii()


def test_page_of_chinese_has_lines_or_columns(writer: Writer, face: Face) -> None:
    chinese = replace(writer, fonts=replace(writer.fonts, cjk=(face,)))
    upright = []
    for seed in range(12):
        block = chinese.cjk_document(np.random.default_rng(seed), 20, 400, 300)
        assert block is not None
        assert_apart_and_inside(block)
        page = max(block.paragraphs, key=lambda each: len(each.typeset.words))
        assert sum(len(word.text) for word in page.typeset.words) > 60
        first, second = page.typeset.words[:2]
        upright.append(second.left < first.left - page.em)
        assert upright[-1] or second.top > first.top + page.em / 2
    assert 2 < sum(upright) < 10
    latin = writer.cjk_document(np.random.default_rng(0), 14, 400, 350)
    assert latin is not None
    assert "exit" in {word.text.casefold() for p in latin.paragraphs for word in p.typeset.words}


def test_all_alignments_and_line_counts_come(writer: Writer) -> None:
    rng = np.random.default_rng(0)
    blocks = [writer.sign(rng, 20, 1) for _ in range(120)]
    lines = {1 + max(w.line for w in b.paragraphs[0].typeset.words) for b in blocks if b}
    assert {1, 2, 3, 4} <= lines
