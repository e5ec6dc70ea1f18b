"""Tokens as signs, receipts and posters carry them."""

import string
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ....stages.errors import ConfigError
from .chance import chance, pick, weighted
from .fonts import Face

# Share of words of 1, 2, … letters in running English (Norvig, "English letter frequency counts").
LENGTHS = (3.0, 17.6, 20.5, 14.8, 10.7, 8.4, 7.9, 5.9, 4.4, 3.1, 1.8, 1.1, 0.7, 0.3)
KINDS = ("word", "number", "code", "price", "time", "date", "phone", "url", "letter")
SHARES = (82.0, 5.0, 2.0, 3.0, 1.5, 1.5, 1.5, 1.5, 2.0)
CASES = (str.upper, str.title, str.lower, str.capitalize)
# Level 1 of GB 2312: the 3,755 characters most used in Chinese.
HAN = bytes(
    byte for row in range(0xB0, 0xD8) for cell in range(0xA1, 0xFF) for byte in (row, cell)
).decode("gb2312", errors="ignore")
CJK_MARKS = ("\u3001", "\u3002", "\uff0c", "")  # of lists, of sentences, comma
KANA = "".join(map(chr, (*range(0x3042, 0x3094), *range(0x30A2, 0x30F4))))


def read_words(path: Path) -> tuple[tuple[str, ...], ...]:
    """Words of a list (one per line, UTF-8), grouped by length.

    Raises:
        ConfigError: The list cannot be read, or has no word of Latin letters.
    """
    try:
        lines = path.read_text(encoding="utf-8").split()
    except (OSError, UnicodeDecodeError) as error:
        message = (
            f"words: the word list {path} cannot be read ({error}); "
            "install one (Debian: wamerican) or name a text file with a word on each line"
        )
        raise ConfigError(message) from error
    groups: defaultdict[int, set[str]] = defaultdict(set)
    for word in lines:
        letters = word.removesuffix("'s").lower()
        if letters.isascii() and letters.isalpha() and len(letters) <= len(LENGTHS):
            groups[len(letters)].add(letters)
    if not groups:
        message = f"words: the word list {path} is empty; put a word of Latin letters on each line"
        raise ConfigError(message)
    return tuple(tuple(sorted(groups[length])) for length in sorted(groups))


def _digits(rng: np.random.Generator, least: int, most: int) -> str:
    count = int(rng.integers(least, most + 1))
    return "".join(map(str, rng.integers(0, 10, count)))


def _number(rng: np.random.Generator) -> str:
    return _digits(rng, 1, 5) + ("%" if chance(rng, 0.12) else "")


def _code(rng: np.random.Generator) -> str:
    letters = "".join(pick(rng, string.ascii_uppercase) for _ in range(int(rng.integers(1, 4))))
    return letters + pick(rng, ("", "-")) + _digits(rng, 1, 4)


def _price(rng: np.random.Generator) -> str:
    amount = _digits(rng, 1, 3) + pick(rng, (".", ".", ",", "")) + _digits(rng, 2, 2)
    return pick(rng, ("$", "$", "£", "€", "")) + amount


def _time(rng: np.random.Generator) -> str:
    return f"{rng.integers(0, 24)}{pick(rng, (':', ':', '.'))}{rng.integers(0, 60):02d}" + pick(
        rng, ("", "", "am", "pm")
    )


def _date(rng: np.random.Generator) -> str:
    day, month, year = rng.integers(1, 29), rng.integers(1, 13), rng.integers(1960, 2030)
    mark = pick(rng, ("/", ".", "-"))
    parts = [f"{day:02d}", f"{month:02d}", f"{year % 100:02d}" if chance(rng, 0.4) else str(year)]
    return mark.join(parts[::-1] if chance(rng, 0.2) else parts)


def _phone(rng: np.random.Generator) -> str:
    area = pick(rng, ("+", "0", "(0", "1-"))
    area += _digits(rng, 2, 3) + (")" if area.startswith("(") else "")
    mark, first = pick(rng, ("-", "", ".")), _digits(rng, 3, 4)
    return area + mark + first + "-" * chance(rng, 0.5) + _digits(rng, 3, 4)


NUMERIC = {
    "number": _number,
    "code": _code,
    "price": _price,
    "time": _time,
    "date": _date,
    "phone": _phone,
}


def _plain(token: str) -> str:
    """The token without the marks that a font may lack; never empty."""
    return "".join(letter for letter in token if letter.isascii() and letter.isalnum()) or "X"


def cjk_string(rng: np.random.Generator, most: int = 8) -> str:
    """One to `most` Chinese characters, at times Japanese syllables among them."""
    count = int(rng.integers(1, most + 1))
    letters = HAN if chance(rng, 0.85) else HAN[:300] + KANA
    return "".join(letters[i] for i in rng.integers(0, len(letters), count))


def cjk_line(rng: np.random.Generator, count: int) -> str:
    """Exactly `count` characters of running Chinese or Japanese, with its marks."""
    line = ""
    while len(line) < count:
        line += cjk_string(rng, 14) + pick(rng, CJK_MARKS)
    return line[:count]


@dataclass(frozen=True)
class Vocabulary:
    """Draws tokens; `groups` are words of one length each."""

    groups: tuple[tuple[str, ...], ...]

    def word(self, rng: np.random.Generator) -> str:
        """A word in lower case, short ones as often as in running text."""
        return pick(rng, weighted(rng, self.groups, [LENGTHS[len(g[0]) - 1] for g in self.groups]))

    def tokens(self, rng: np.random.Generator, count: int, face: Face) -> list[str]:
        """Some tokens in one letter case and in the script of `face`, which draws them all."""
        if face.script:
            return face.script.words(rng, count)
        case = weighted(rng, CASES, (0.38, 0.30, 0.17, 0.15))
        tokens = [self._token(rng, case) for _ in range(count)]
        return [token if face.draws(token) else _plain(token) for token in tokens]

    def _token(self, rng: np.random.Generator, case: Callable[[str], str]) -> str:
        kind = weighted(rng, KINDS, SHARES)
        if kind in NUMERIC:
            return NUMERIC[kind](rng)
        if kind == "url":
            ending = pick(rng, (".com", ".org", ".net", ".co.uk", ".de", ".sg"))
            return "www." * chance(rng, 0.7) + self.word(rng) + self.word(rng) + ending
        if kind == "letter":
            return pick(rng, string.ascii_uppercase)
        word = case(self.word(rng))
        return word + pick(rng, (",", ".", "!", ":", "?", "'s")) if chance(rng, 0.07) else word
