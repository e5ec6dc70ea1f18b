"""The real engines on drawn words."""

import math
import subprocess
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from locpipe.pipeline.export.lines import Reading
from locpipe.pipeline.ocr import tesseract
from locpipe.pipeline.ocr.engine import Engine
from locpipe.pipeline.ocr.engines import ENGINES
from locpipe.pipeline.ocr.settings import ReadConfig, open_engine
from locpipe.pipeline.ocr.tesseract import Tesseract
from locpipe.pipeline.ocr.units import joined
from locpipe.stages.errors import ConfigError, ImageError

from .conftest import draw

Drawn = NDArray[np.uint8]


@cache
def engine_named(name: str) -> Engine:
    return open_engine(ReadConfig.model_validate({"engine": name}))


@pytest.fixture(params=ENGINES)
def engine(request: pytest.FixtureRequest) -> Engine:
    return engine_named(request.param)


def read(engine: Engine, crops: list[Drawn]) -> list[Reading]:
    return [joined(seen) for seen in engine.read(crops, 60)]


def test_words_are_read_in_the_order_of_their_crops(engine: Engine) -> None:
    words = ["Harbour", "1984", "street"]
    readings = read(engine, [draw(word) for word in words])
    assert [reading.text for reading in readings] == words
    assert all(0.5 < reading.confidence <= 1 for reading in readings)


def test_ink_may_be_dark_or_light(engine: Engine) -> None:
    crops = [draw("market", ink=20, paper=230), draw("market", ink=240, paper=40)]
    assert [reading.text for reading in read(engine, crops)] == ["market", "market"]


def test_words_may_be_small_or_large(engine: Engine) -> None:
    crops = [draw("market", size=size) for size in (14, 28, 120)]
    assert [reading.text for reading in read(engine, crops)] == ["market"] * 3


def test_several_words_on_a_line_are_read_with_blanks(engine: Engine) -> None:
    (reading,) = read(engine, [draw("open all day")])
    assert reading.text == "open all day"


def test_tesseract_says_where_each_word_stands() -> None:
    """To a tenth of the height of the crop."""
    words = [draw("open", size=size) for size in (20, 60)]
    crops = [np.concatenate([word, word], axis=1) for word in words]
    for word, seen in zip(words, engine_named("tesseract").read(crops, 60), strict=True):
        assert [one.text for one in seen] == ["open", "open"]
        ink = np.flatnonzero((word < 128).any(axis=(0, 2)))
        drawn = [start + edge for start in (0, word.shape[1]) for edge in (ink[0], ink[-1] + 1)]
        edges = [edge for one in seen for edge in (one.left, one.right)]
        assert edges == pytest.approx(drawn, abs=0.1 * len(word))


def test_where_there_is_no_text_nothing_is_read_that_counts(engine: Engine) -> None:
    grey = np.full((30, 80, 3), 128, np.uint8)
    readings = read(engine, [grey, draw("market"), grey])
    counting = [reading.text for reading in readings if reading.confidence >= engine.min_confidence]
    assert counting == ["market"]
    assert len(readings) == 3


def test_no_crop_is_too_small_or_too_long(engine: Engine) -> None:
    crops = [np.full(shape, 99, np.uint8) for shape in ((1, 1, 3), (1, 900, 3), (300, 1, 3))]
    assert len(engine.read(crops, 60)) == 3


def test_an_engine_says_what_it_is(engine: Engine) -> None:
    assert engine.version.split()[0] in ENGINES
    assert engine.version.split()[1][0].isdigit()
    assert engine.language in {"eng", "ch"}


def test_tesseract_has_a_time_limit() -> None:
    with pytest.raises(TimeoutError, match="tesseract took longer than 0 s for 1 crops"):
        engine_named("tesseract").read([draw("market")], 0.001)


def test_the_limit_counts_work_not_a_busy_machine(hostile: Callable[[str], None]) -> None:
    """It takes two seconds by the clock here, and works for less than one."""
    hostile("[(sum(range(500_000)), time.sleep(0.1)) for _ in range(20)]; sys.exit(3)")
    with pytest.raises(ImageError, match="ended with 3"):
        Tesseract("eng").read([draw("market")], 1.5)


def test_work_without_end_comes_to_the_limit(hostile: Callable[[str], None]) -> None:
    hostile("while True: pass")
    with pytest.raises(TimeoutError, match="took longer than 1 s for 1 crops; raise --timeout"):
        Tesseract("eng").read([draw("market")], 0.6)


def test_a_crash_of_tesseract_is_an_error_with_what_it_said(
    hostile: Callable[[str], None],
) -> None:
    hostile("print('no luck', file=sys.stderr, flush=True); os.kill(os.getpid(), signal.SIGSEGV)")
    with pytest.raises(ImageError, match=r"ended with -11 on 1 crops \(no luck\); check"):
        Tesseract("eng").read([draw("market")], 60)


def test_tesseract_runs_on_one_thread(hostile: Callable[[str], None]) -> None:
    hostile("sys.exit(os.environ['OMP_THREAD_LIMIT'])")
    with pytest.raises(ImageError, match=r"ended with 1 on 1 crops \(1\)"):
        Tesseract("eng").read([draw("market")], 60)


def test_without_tesseract_its_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(ConfigError, match="apt-get install tesseract-ocr"):
        open_engine(ReadConfig())


@pytest.mark.parametrize(
    ("language", "package"),
    [("xyz", "tesseract-ocr-xyz"), ("eng+chi_xyz", "tesseract-ocr-chi-xyz")],
)
def test_without_a_language_its_package_is_named(language: str, package: str) -> None:
    with pytest.raises(ConfigError, match=rf"there are: .*eng.*apt-get install {package}"):
        open_engine(ReadConfig(language=language))


def test_a_broken_tesseract_says_so(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    broken = tmp_path / "tesseract"
    broken.write_text("#!/bin/sh\necho libfoo.so is missing >&2\nexit 127\n")
    broken.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    with pytest.raises(ConfigError, match=r"ended with 127: libfoo\.so is missing"):
        open_engine(ReadConfig())


def test_rapidocr_reads_what_its_own_model_can() -> None:
    with pytest.raises(ConfigError, match="leave out --lang"):
        open_engine(ReadConfig(engine="rapidocr", language="japan"))


def test_rapidocr_reads_no_lines() -> None:
    with pytest.raises(ConfigError, match="leave out --unit line"):
        open_engine(ReadConfig(engine="rapidocr", unit="line"))


@pytest.mark.parametrize("package", ["rapidocr", "onnxruntime"])
def test_without_rapidocr_the_extra_is_named(package: str) -> None:
    """In a process of its own, where the import fails as it does without the package."""
    code = (
        f"import sys; sys.modules[{package!r}] = None\n"
        "from locpipe.pipeline.ocr.rapidocr import open_engine\n"
        "open_engine(None)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stderr.splitlines()[-1].endswith("pip install 'locpipe[rapidocr]'")


TABLE = "level\tpage_num\tblock_num\tpar_num\tline_num\tword_num\tleft\ttop\twidth\theight\tconf\ttext\n"


def row(level: int, page: int, confidence: float, text: str) -> str:
    return f"{level}\t{page}\t1\t1\t1\t1\t0\t0\t9\t9\t{confidence}\t{text}\n"


def test_a_table_is_read_by_page() -> None:
    table = (
        TABLE + row(1, 1, -1, "") + row(1, 2, -1, "") + row(5, 2, 100, '"a') + row(5, 2, 50, "b")
    )
    strips = [tesseract.prepared_for(draw("a"), *look) for look in tesseract.LOOKS]
    seen = tesseract.seen_by_page(table, [*strips, strips[0]])
    assert [joined(words) for words in seen] == [Reading("", 0.0), Reading('"a b', 0.75), Reading("", 0.0)]  # fmt: skip


@given(height=st.integers(1, 400), width=st.integers(1, 400), look=st.sampled_from(tesseract.LOOKS))
@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_a_crop_keeps_its_aspect(height: int, width: int, look: tuple[float, int, int]) -> None:
    cut, wanted, border = look
    prepared = tesseract.prepared_for(
        np.zeros((height, width, 3), np.uint8), cut, wanted, border
    ).pixels
    inner = [side - 2 * border for side in prepared.shape]
    edge = int(cut * height / (1 + 2 * Tesseract.padding))
    aspect = (width - 2 * min(edge, (width - 1) // 2)) / (height - 2 * edge)
    assert inner[0] == wanted
    assert math.isclose(inner[1], max(1, wanted * aspect), abs_tol=0.5)


def test_of_two_looks_the_surer_one_is_kept(hostile: Callable[[str], None]) -> None:
    hostile(
        "print('level\\tpage_num\\tleft\\twidth\\tconf\\ttext')\n"
        "print('5\\t1\\t9\\t9\\t90\\tone'); print('5\\t2\\t9\\t9\\t40\\ttow')\n"
        "print('5\\t3\\t9\\t9\\t70\\tonce'); print('5\\t4\\t9\\t9\\t80\\ttwo')"
    )
    readings = read(Tesseract("eng"), [draw("one"), draw("two")])
    assert readings == [Reading("one", 0.9), Reading("two", 0.8)]


def test_rapidocr_loads_an_onnx_runtime_that_does_not_report() -> None:
    """In a process of its own, where nothing has loaded it before."""
    program = (
        "import os\n"
        "from locpipe.pipeline.ocr.rapidocr import open_engine\n"
        "open_engine(None)\n"
        "print(os.environ.get('ORT_DISABLE_TELEMETRY'))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout == "1\n"
