"""Pages that a browser lays out, with the boxes and the order of words taken from its DOM."""

import random
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray
from playwright.sync_api import sync_playwright
from reading_order_words import ARABIC, CHINESE, HEBREW, JAPANESE, LATIN

BROWSER: Final = "/usr/bin/chromium"
WIDTH, HEIGHT = 1600, 2200

WORDS_OF_DOM: Final = """
() => {
  const found = [], blocks = new Map();
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    const parent = node.parentElement, style = getComputedStyle(parent);
    const free = parent.closest('[data-free]'), p = free || parent.closest('p,td,th,h1,h2,h3,div');
    if (!blocks.has(p)) blocks.set(p, blocks.size);
    const cjk = parent.closest(':lang(ja),:lang(zh)'), vertical = style.writingMode !== 'horizontal-tb';
    const text = node.textContent, words = [];
    if (cjk) for (const s of new Intl.Segmenter(style.lang || 'ja', {granularity: 'word'}).segment(text))
      { if (s.isWordLike) words.push([s.index, s.index + s.segment.length]); }
    else for (const m of text.matchAll(/\\S+/g)) words.push([m.index, m.index + m[0].length]);
    const size = parseFloat(style.fontSize);
    for (const [from, to] of words) {
      const range = document.createRange();
      range.setStart(node, from); range.setEnd(node, to);
      for (const r of range.getClientRects()) {
        const x = (r.left + r.right) / 2, y = (r.top + r.bottom) / 2;
        const across = (cjk ? 0.5 : 0.45) * size;
        const half = vertical ? [across, r.height / 2] : [r.width / 2, across];
        found.push({text: text.slice(from, to), block: blocks.get(p), free: free !== null,
                    rect: [x - half[0], y - half[1], x + half[0], y + half[1]]});
      }
    }
  }
  return found;
}
"""


@dataclass(frozen=True)
class Sheet:
    """A page: its kind, the direction of its text, and its words in the order of the DOM.

    `rects` are left, top, right, bottom [N, 4] in pixels. `blocks` [N] are paragraphs, of which
    `free` [N] paragraphs may stand anywhere between others.
    """

    kind: str
    direction: str
    html: str
    words: tuple[str, ...]
    rects: NDArray[np.float64]
    blocks: tuple[int, ...]
    free: tuple[bool, ...]


def laid_out(
    count: int,
    seed: int,
    pictures: Path | None = None,
    height: int = HEIGHT,
    kinds: Mapping[str, Callable[[random.Random], str]] | None = None,
) -> Iterator[Sheet]:
    """Yield pages of all kinds in turn; if a folder is given, write their pictures to it.

    Each page is cut to the words that have room in `height` pixels. `kinds` are functions that
    return HTML; None: those of this file.
    """
    makers = KINDS if kinds is None else kinds
    names = list(makers)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=BROWSER)
        view = browser.new_page(viewport={"width": WIDTH, "height": height})
        for number in range(count):
            kind = names[number % len(names)]
            page = makers[kind](random.Random(f"{seed} {number}"))  # noqa: S311 - no secret
            direction = "ttb" if "vertical-rl" in page else "rtl" if "dir=rtl" in page else "ltr"
            view.set_content(f"<!DOCTYPE html><meta charset=utf-8>{page}")
            found = [word for word in view.evaluate(WORDS_OF_DOM) if _visible(word["rect"], height)]
            if pictures is not None:
                view.screenshot(path=pictures / f"{number:03}-{kind}.png")
            yield Sheet(
                kind,
                direction,
                page,
                tuple(word["text"] for word in found),
                np.array([word["rect"] for word in found], np.float64).reshape(-1, 4),
                tuple(word["block"] for word in found),
                tuple(word["free"] for word in found),
            )
        browser.close()


def _visible(rect: list[float], height: int) -> bool:
    left, top, right, bottom = rect
    return left >= 0 and top >= 0 and right <= WIDTH and bottom <= height and right - left >= 1


def _words(chance: random.Random, count: int, among: list[str] = LATIN, by: str = " ") -> str:
    words = [chance.choice(among) for _ in range(count)]
    return by.join(words) + ("。" if not by else ".")


def _paragraphs(chance: random.Random, count: int, among: list[str] = LATIN, by: str = " ") -> str:
    return "".join(
        f"<p>{_words(chance, chance.randint(25, 90), among, by)}</p>" for _ in range(count)
    )


def _style(chance: random.Random, **rules: str) -> str:
    size = chance.choice([15, 17, 19, 22])
    face = chance.choice(["serif", "sans-serif"])
    align = chance.choice(["justify", "justify", "start"])
    gap = chance.choice(["text-indent: 1.2em; margin: 0", "margin: 0 0 .7em"])
    body = "; ".join(f"{name.replace('_', '-')}: {value}" for name, value in rules.items())
    return (
        f"<style>body {{ margin: 50px; font: {size}px/{chance.choice([1.2, 1.3, 1.45])} {face}; {body} }}"
        f" p {{ text-align: {align}; {gap} }} h1, h2, h3 {{ line-height: 1.15 }} td, th {{ text-align: start }}</style>"
    )


def _newspaper(chance: random.Random, among: list[str] = LATIN, most: int = 8) -> str:
    def article(columns: int, paragraphs: int) -> str:
        gap = chance.choice([1.2, 1.4, 1.6, 2])
        inside = "".join(
            (f"<h3>{_words(chance, 3, among)}</h3>" if chance.random() < 0.25 else "")
            + _paragraphs(chance, 1, among)
            for _ in range(paragraphs)
        )
        rule = chance.choice(["", "column-rule: 1px solid #888;"])
        return (
            f"<h2>{_words(chance, chance.randint(4, 9), among)}</h2>"
            f"<div style='column-count: {columns}; column-gap: {gap}em; {rule}'>{inside}</div>"
        )

    title = f"<h1 style='text-align: center; font-size: 80px; margin: 0'>{_words(chance, 3, among)}</h1>"
    columns = chance.randint(2, most)
    articles = chance.choice([1, 1, 2, 3])
    return (
        _style(chance) + title + "".join(article(columns, 18 // articles) for _ in range(articles))
    )


def _table(chance: random.Random) -> str:
    columns, wordy = chance.randint(2, 6), chance.random() < 0.4
    lines = chance.choice(["border: 1px solid #444;", "border-bottom: 1px solid #aaa;", ""])

    def cell(column: int) -> str:
        if wordy and column == 1:
            return _words(chance, chance.randint(3, 25))
        if column and chance.random() < 0.5:
            return f"{chance.randint(1, 9999)}.{chance.randint(10, 99)}"
        return " ".join(chance.choice(LATIN) for _ in range(chance.randint(1, 3)))

    rows = "".join(
        "<tr>" + "".join(f"<td>{cell(column)}</td>" for column in range(columns)) + "</tr>"
        for _ in range(chance.randint(5, 22))
    )
    pad = chance.choice(["4px 12px", "8px 20px", "10px 30px"])
    width = chance.choice(["100%", "70%", "auto"])
    return (
        f"{_style(chance)}<style>td {{ {lines} padding: {pad}; vertical-align: top }}"
        f" table {{ border-collapse: collapse; width: {width}; margin: 20px 0 }}</style>"
        f"<h2>{_words(chance, 5)}</h2>{_paragraphs(chance, 2)}<table>{rows}</table>{_paragraphs(chance, 2)}"
    )


def _letter(chance: random.Random) -> str:
    address = "".join(f"<div>{_words(chance, chance.randint(2, 4))}</div>" for _ in range(4))
    notes = "".join(
        f"<p data-free style='position: absolute; left: 1180px; width: 300px; text-align: left; top: {top}px; font-size: 80%'>{_words(chance, 14)}</p>"
        for top in (650, 900, 1250)[: chance.randint(0, 3)]
    )
    return (
        f"{_style(chance)}<div style='margin: 80px 480px 0 150px'><div>{address}</div>"
        f"<div style='text-align: right; margin: 60px 0'>{_words(chance, 4)}</div><p>{_words(chance, 3)}</p>"
        f"{_paragraphs(chance, 8)}<p>{_words(chance, 2)}</p><p>{_words(chance, 2)}</p></div>{notes}"
    )


def _floats(chance: random.Random) -> str:
    def figure() -> str:
        side = chance.choice(["left", "right"])
        margin = "0 30px 20px 0" if side == "left" else "0 0 20px 30px"
        return (
            f"<div data-free style='float: {side}; width: 36%; margin: {margin}; font-size: 85%; font-style: italic'>"
            f"<div style='height: {chance.randint(120, 260)}px; background: #ccc'></div>{_words(chance, 16)}</div>"
        )

    text = "".join(
        (figure() if number in (1, 4) else "") + _paragraphs(chance, 1) for number in range(9)
    )
    return f"{_style(chance)}<div style='margin: 0 200px'><h1>{_words(chance, 4)}</h1>{text}</div>"


def _sidebar(chance: random.Random) -> str:
    side = f"<div style='width: 320px; background: #eee; padding: 15px; font-size: {chance.choice([80, 90, 100])}%'><h3>{_words(chance, 3)}</h3>{_paragraphs(chance, chance.randint(2, 5))}</div>"
    main = f"<div style='flex: 1'><h1>{_words(chance, 4)}</h1>{_paragraphs(chance, 10)}</div>"
    both = side + main if chance.random() < 0.5 else main + side
    top = f"<h1 style='font-size: 50px'>{_words(chance, 5)}</h1>" if chance.random() < 0.5 else ""
    return f"{_style(chance)}{top}<div style='display: flex; gap: 40px'>{both}</div>"


def _footnotes(chance: random.Random) -> str:
    notes = "".join(
        f"<p style='font-size: 75%; margin: 4px'>{number} {_words(chance, chance.randint(8, 30))}</p>"
        for number in range(1, chance.randint(3, 6))
    )
    return (
        f"{_style(chance)}<div style='margin: 0 100px'><h2>{_words(chance, 5)}</h2>"
        f"<div style='column-count: {chance.choice([1, 2])}; column-gap: 2em'>{_paragraphs(chance, 10)}</div>"
        f"<hr style='width: 30%; margin-left: 0'>{notes}</div>"
    )


def _list(chance: random.Random) -> str:
    bullet = chance.choice(["{}.", "({})", "•"])
    items = "".join(
        f"<div style='display: flex; gap: 1em; margin: {chance.choice([0, 6, 14])}px 0'><div style='width: 1.5em'>{bullet.format(number)}</div>"
        f"<div>{_words(chance, chance.randint(3, 50))}</div></div>"
        for number in range(1, chance.randint(5, 14))
    )
    return f"{_style(chance)}<div style='margin: 0 250px'><h2>{_words(chance, 4)}</h2>{_paragraphs(chance, 2)}{items}{_paragraphs(chance, 2)}</div>"


def _rtl(among: list[str]) -> Callable[[random.Random], str]:
    def page(chance: random.Random) -> str:
        if chance.random() < 0.5:
            inside = f"<h1>{_words(chance, 4, among)}</h1>{_paragraphs(chance, 9, among)}"
        else:
            inside = _newspaper(chance, among, most=4)
        return f"<html dir=rtl>{_style(chance)}{inside}"

    return page


def _vertical(language: str, among: list[str]) -> Callable[[random.Random], str]:
    def page(chance: random.Random) -> str:
        size, tiers = chance.choice([24, 28, 34]), chance.choice([1, 1, 2, 3])
        inside = f"<h2>{_words(chance, 4, among, '')}</h2>{_paragraphs(chance, 30, among, '')}"
        return (
            f"<html lang={language}><style>body {{ margin: 0; font: {size}px/{chance.choice([1.5, 1.7, 2])} 'Noto Serif CJK JP' }}"
            f" p {{ text-indent: 1em; margin: 0 }}</style>"
            f"<div style='position: absolute; right: 60px; top: 60px; width: 1500px; height: 2080px; writing-mode: vertical-rl;"
            f" column-count: {tiers}; column-gap: 2.5em'>{inside}</div>"
        )

    return page


def _poster(chance: random.Random) -> str:
    lines = "".join(
        f"<h1 style='text-align: center; margin: {chance.randint(10, 60)}px 0; font-size: {chance.choice([50, 80, 120, 170])}px'>{_words(chance, chance.randint(1, 4))}</h1>"
        for _ in range(chance.randint(3, 6))
    )
    small = "".join(
        f"<div style='flex: 1; text-align: center; padding: 0 40px'>{_words(chance, chance.randint(6, 14))}</div>"
        for _ in range(chance.choice([1, 2, 3]))
    )
    return f"{_style(chance)}{lines}<div style='display: flex; font-size: 28px; margin-top: 90px'>{small}</div>"


KINDS: Final[dict[str, Callable[[random.Random], str]]] = {
    "newspaper": _newspaper,
    "table": _table,
    "letter": _letter,
    "floats": _floats,
    "sidebar": _sidebar,
    "footnotes": _footnotes,
    "list": _list,
    "hebrew": _rtl(HEBREW),
    "arabic": _rtl(ARABIC),
    "japanese": _vertical("ja", JAPANESE),
    "chinese": _vertical("zh", CHINESE),
    "poster": _poster,
}
