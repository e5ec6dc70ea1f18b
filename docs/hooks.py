"""What MkDocs does besides: it generates the reference, and takes in what pages link to outside of docs/.

Links are written as they work in a checkout, `../SECURITY.md`. On the site such a file lies in
`repository/`, and so does everything that it links to.
"""

import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File, Files

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
OUTSIDE = "repository/"
LINK = re.compile(r"(\]\()([^)#\s]+)((?:#[^)\s]*)?\))")


def on_files(files: Files, config: Any) -> Files:  # noqa: ANN401 - MkDocs' signature
    """Add the generated pages, and the files outside that pages link to."""
    sys.path.insert(0, str(HERE))
    from reference import pages  # noqa: PLC0415 - it lies beside this file, which MkDocs loads

    for name, text in pages().items():
        files.append(File.generated(config, f"reference/{name}", content=text))
    for file in sorted(_outside()):
        uri = OUTSIDE + file.relative_to(ROOT).as_posix()
        files.append(File.generated(config, uri, abs_src_path=str(file)))
    return files


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:  # noqa: ANN401 - MkDocs' signature
    """Lead links to where files lie on the site."""
    uri = page.file.src_uri
    if uri.startswith("reference/"):
        return markdown
    source = ROOT / uri.removeprefix(OUTSIDE) if uri.startswith(OUTSIDE) else HERE / uri

    def led(match: re.Match[str]) -> str:
        target = _target(source, match[2])
        if target is None:
            return match[0]
        inside = target.is_relative_to(HERE)
        there = target.relative_to(HERE if inside else ROOT).as_posix()
        link = os.path.relpath(there if inside else OUTSIDE + there, Path(uri).parent)
        return f"{match[1]}{link}{match[3]}"

    return LINK.sub(led, markdown)


def _outside() -> set[Path]:
    """Return all files outside of docs/ that a page links to, or a page that it links to."""
    found: set[Path] = set()
    todo = sorted(HERE.glob("*.md"))
    while todo:
        new = {target for target in _links(todo.pop()) if not target.is_relative_to(HERE)} - found
        found |= new
        todo += [target for target in new if target.suffix == ".md"]
    return found


def _links(page: Path) -> Iterator[Path]:
    for match in LINK.finditer(page.read_text("utf-8")):
        if target := _target(page, match[2]):
            yield target


def _target(page: Path, link: str) -> Path | None:
    """Return the file that a link of a page means; None for an address."""
    if "://" in link or link.startswith("mailto:"):
        return None
    target = (page.parent / link).resolve()
    target = target / "README.md" if target.is_dir() else target
    return target if target.is_file() else None
