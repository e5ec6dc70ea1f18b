"""Lines that libraries in C write to stderr while they decode."""

import os
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def caught_lines() -> Iterator[list[str]]:
    """Catch what is written to stderr; afterwards the list has every line once.

    Lines that libraries call warnings are left out, such as one about an unknown tag. Descriptor 2
    belongs to the whole process, so lines of other threads are caught too.
    """
    lines: list[str] = []
    try:
        stderr = os.dup(2)
    except OSError:  # stderr is closed
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
