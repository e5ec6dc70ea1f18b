"""The rules of the house hold, and each of them can be broken.

How it is counted stands at the functions of `tests/helpers/house.py`: every rule is shown a
small tree that breaks it. Which folder may import which is held by import-linter, whose contracts
stand in `pyproject.toml`.
"""

from collections.abc import Callable
from pathlib import Path

import pytest
from house import circles, late_imports, long_files, loose_files, shared_names

ROOT = Path(__file__).resolve().parents[1]
MOST_LATE = 25
Rule = Callable[[Path], list[object]]


@pytest.mark.parametrize("rule", [circles, loose_files, long_files, shared_names])
def test_the_house_has_none(rule: Rule) -> None:
    assert rule(ROOT) == []


def test_late_imports_are_few_and_have_a_reason() -> None:
    found = late_imports(ROOT)
    assert len(found) <= MOST_LATE
    assert [one for one in found if len(one.reason.split()) < 2] == []


def house(folder: Path, **texts: str) -> Path:
    """A small house: `pipeline_run__plan` becomes pipeline/run/plan.py."""
    for name, text in texts.items():
        file = folder.joinpath(*name.split("__")).with_suffix(".py")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    return folder


@pytest.mark.parametrize(
    "back",
    [
        "from .a import x",
        "from . import a",
        "import locpipe.stages.a",
        "def f():\n    from .a import x",
        "def f():\n    import importlib\n    importlib.import_module('.a', __package__)",
        "def f():\n    return __import__('locpipe.stages.a')",
        "if TYPE_CHECKING:\n    pass\nelse:\n    from .a import x",
    ],
)
def test_a_circle_is_found_however_it_is_written(back: str, tmp_path: Path) -> None:
    root = house(
        tmp_path, stages__a="from .c import z", stages__c="from .b import y", stages__b=back
    )
    assert circles(root) == [["locpipe.stages.a", "locpipe.stages.b", "locpipe.stages.c"]]


@pytest.mark.parametrize(
    "other",
    [
        "from .c import z",
        "if TYPE_CHECKING:\n    from .a import x",
        "if typing.TYPE_CHECKING:\n    from .a import x",
        "from ..a import x",
        "from os import path",
    ],
)
def test_what_is_no_circle_is_none(other: str, tmp_path: Path) -> None:
    assert circles(house(tmp_path, stages__a="from .b import y", stages__b=other)) == []


def test_a_circle_through_the_public_door_is_one(tmp_path: Path) -> None:
    root = house(tmp_path, pipeline__run="from .. import localize", stages__a="")
    (root / "locpipe").mkdir()
    (root / "locpipe" / "__init__.py").touch()
    assert circles(root) == []
    (root / "locpipe" / "__init__.pyi").write_text("from .pipeline.run import localize")
    assert circles(root) == [["locpipe", "locpipe.pipeline.run"]]


@pytest.mark.parametrize(
    ("body", "reasons"),
    [
        ("    import torch", [""]),
        ("    import torch  # slow to import", ["slow to import"]),
        ("    import torch  # noqa: PLC0415 - slow to import", ["slow to import"]),
        ("    import torch  # noqa: PLC0415", [""]),
        ("    # Slow to import.\n    import torch  # noqa: PLC0415", ["Slow to import."]),
        ("    # Slow to import.\n    import torch\n    import cv2", ["Slow to import."] * 2),
        ("    # Slow to import.\n    import torch\n\n    import cv2", ["Slow to import.", ""]),
        ("    return importlib.import_module('torch')", [""]),
        ("    return import_module('torch')  # what is asked for", ["what is asked for"]),
        ("    return __import__('torch')", [""]),
        ("    def g():\n        from os import path", [""]),
        ("    if TYPE_CHECKING:\n        import torch", []),
        ("    return torch", []),
    ],
)
def test_late_imports_are_found_with_their_reason(
    body: str, reasons: list[str], tmp_path: Path
) -> None:
    root = house(tmp_path, pipeline__run__run=f"import sys\ndef f():\n{body}\n")
    assert [one.reason for one in late_imports(root)] == reasons


def test_a_lambda_and_a_method_import_late_too(tmp_path: Path) -> None:
    root = house(
        tmp_path,
        stages__a="f = lambda: __import__('os')",
        stages__b="class A:\n    def f(self):\n        import os\n",
    )
    assert [(one.file, one.line) for one in late_imports(root)] == [
        ("stages/a.py", 1),
        ("stages/b.py", 3),
    ]


def test_a_loose_file_a_long_file_and_a_shared_name_are_found(tmp_path: Path) -> None:
    root = house(
        tmp_path,
        pipeline__api="class Result: ...",
        pipeline__bench="class _Own: ...",
        pipeline__run__long="x = 1\n" * 401,
        pipeline__run__short="x = 1\n" * 400,
        stages__result="class Result: ...\nclass _Own: ...",
    )
    (root / "pipeline" / "__init__.py").touch()
    assert loose_files(root) == ["bench.py"]
    assert long_files(root) == ["pipeline/run/long.py"]
    assert shared_names(root) == ["Result"]
