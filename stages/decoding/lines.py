"""Lines that libraries in C write to stderr while they decode."""

import os
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def caught_lines() -> Iterator[list[str]]:
    """Keep from stderr what is written to it; afterwards the list has its different lines.

    What libraries call a warning is left out: a tag that they do not know, for example.
    Descriptor 2 belongs to the whole process, so what other threads write meanwhile is caught too.
    """
    lines: list[str] = []
    try:
        stderr = os.dup(2)
    except OSError:  # it is closed
        yield lines
        return
    # A pipe needs no disk. A full one loses lines instead of waiting for a reader.
    reader, writer = os.pipe()
    for end in (reader, writer):
        os.set_blocking(end, False)
    os.dup2(writer, 2)
    try:
        yield lines
    finally:
        os.dup2(stderr, 2)
        os.close(stderr)
        os.close(writer)
        with os.fdopen(reader, "rb") as caught:
            text = (caught.read() or b"").decode(errors="replace")
        different = dict.fromkeys(line.strip() for line in text.splitlines() if line.strip())
        lines += [line for line in different if "warn" not in line.lower()]
