"""The protocols for text, one per line: name of the module and its function, and what it counts."""

from typing import Final

TEXT_PROTOCOLS: Final = {
    "icdar2015": "words found, one detection per word, with an IoU of at least a half",
    "deteval": "matches one to one, one to many and many to one",
    "pixel": "area that the boxes and the truth share",
}
