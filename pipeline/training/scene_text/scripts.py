"""Scripts other than Latin and Chinese: their letters, and words made of them.

The letters of a word are drawn at random. A detector learns what a script looks like, not its words.
"""

import unicodedata
from dataclasses import dataclass, field
from typing import Final, Literal

import numpy as np

from .chance import chance, pick, weighted

ScriptName = Literal[
    "arabic", "armenian", "bengali", "cyrillic", "devanagari", "ethiopic", "georgian", "greek",
    "gujarati", "gurmukhi", "hangul", "hebrew", "kannada", "khmer", "lao", "malayalam", "myanmar",
    "sinhala", "tamil", "telugu", "thai",
]  # fmt: skip


@dataclass(frozen=True)
class Script:
    """A script and how its words look.

    Attributes:
        letters: words are made of them, and a font of the script has them all.
        marks: signs of vowels; each follows a letter.
        joins: letters change beside each other; Raqm must shape each word as a whole.
        spaced: a space stands between words.
        has_cases: capitals exist.
    """

    letters: str = field(repr=False)
    marks: str = field(repr=False)
    joins: bool = True
    spaced: bool = True
    has_cases: bool = False

    def words(self, rng: np.random.Generator, count: int) -> list[str]:
        """Return `count` words in one letter case; a number may stand among them."""
        case = weighted(rng, (str.lower, str.upper, str.capitalize), (0.4, 0.3, 0.3))
        made = [self._word(rng) for _ in range(count)]
        return [case(word) for word in made] if self.has_cases else made

    def _word(self, rng: np.random.Generator) -> str:
        if chance(rng, 0.06):
            return str(rng.integers(0, 2100))
        syllables = int(rng.integers(1, 9 if self.spaced else 20))
        return "".join(self._syllable(rng) for _ in range(syllables))

    def _syllable(self, rng: np.random.Generator) -> str:
        letter = pick(rng, self.letters)
        return letter + pick(rng, self.marks) if self.marks and chance(rng, 0.4) else letter


def _script(
    *ranges: tuple[int, int], joins: bool = True, spaced: bool = True, has_cases: bool = False
) -> Script:
    """Return the script of ranges of code points; both ends of a range belong to it."""
    characters = [chr(code) for first, last in ranges for code in range(first, last + 1)]
    letters = "".join(c for c in characters if unicodedata.category(c) in ("Lo", "Ll"))
    marks = "".join(c for c in characters if unicodedata.category(c) in ("Mn", "Mc"))
    return Script(letters, marks, joins, spaced, has_cases)


# The most used letters of each script, by the code charts of Unicode.
SCRIPTS: Final[dict[ScriptName, Script]] = {
    "arabic": _script((0x0621, 0x063A), (0x0641, 0x064A)),
    "armenian": _script((0x0561, 0x0586), joins=False, has_cases=True),
    "bengali": _script((0x0985, 0x098B), (0x0993, 0x09B9), (0x09BE, 0x09C3), (0x09C7, 0x09CC)),
    "cyrillic": _script((0x0430, 0x044F), joins=False, has_cases=True),
    "devanagari": _script((0x0905, 0x090B), (0x0915, 0x0928), (0x092A, 0x0930), (0x093E, 0x0943)),
    "ethiopic": _script((0x1208, 0x1246), (0x1260, 0x1286), joins=False),
    "georgian": _script((0x10D0, 0x10F0), joins=False),
    "greek": _script((0x03B1, 0x03C1), (0x03C3, 0x03C9), joins=False, has_cases=True),
    "gujarati": _script((0x0A85, 0x0A8B), (0x0A95, 0x0AB9), (0x0ABE, 0x0AC3)),
    "gurmukhi": _script((0x0A05, 0x0A0A), (0x0A15, 0x0A32), (0x0A3E, 0x0A42)),
    "hangul": _script((0xAC00, 0xD7A3), joins=False),
    "hebrew": _script((0x05D0, 0x05EA), joins=False),
    "kannada": _script((0x0C85, 0x0C8B), (0x0C95, 0x0CB9), (0x0CBE, 0x0CC3)),
    "khmer": _script((0x1780, 0x17A2), (0x17B6, 0x17C5), spaced=False),
    "lao": _script((0x0EAA, 0x0EAE), (0x0E94, 0x0E97), (0x0EB0, 0x0EB9), spaced=False),
    "malayalam": _script((0x0D05, 0x0D0B), (0x0D15, 0x0D28), (0x0D3E, 0x0D43)),
    "myanmar": _script((0x1000, 0x1021), (0x102B, 0x1032), spaced=False),
    "sinhala": _script((0x0D85, 0x0D8D), (0x0D9A, 0x0DB1), (0x0DCF, 0x0DD4)),
    "tamil": _script((0x0B85, 0x0B8A), (0x0BAE, 0x0BB5), (0x0BBE, 0x0BC2)),
    "telugu": _script((0x0C05, 0x0C0B), (0x0C15, 0x0C28), (0x0C3E, 0x0C43)),
    "thai": _script((0x0E01, 0x0E2E), (0x0E30, 0x0E39), joins=False, spaced=False),
}
