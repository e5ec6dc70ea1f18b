from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from locpipe.pipeline.evaluation.truth import read_truth, truth_files
from locpipe.stages.errors import ConfigError


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "sign.txt"


def test_a_line_is_a_region(file: Path) -> None:
    file.write_text("0,0,10,0,10,5,0,5,word\n1.5,-2,3,4,5,6,7,8,###\n")
    word, ignored = read_truth(file)
    np.testing.assert_array_equal(word.polygon, [[0, 0], [10, 0], [10, 5], [0, 5]])
    assert not word.ignored
    np.testing.assert_array_equal(ignored.polygon, [[1.5, -2], [3, 4], [5, 6], [7, 8]])
    assert ignored.ignored


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"\xef\xbb\xbf0,0,10,0,10,5,0,5,word\n", id="byte order mark"),
        pytest.param(b"0,0,10,0,10,5,0,5,word\r\n\r\n", id="CRLF and an empty line"),
        pytest.param(b"0,0,10,0,10,5,0,5,word", id="no newline at the end"),
        pytest.param(b"0,0,10,0,10,5,0,5,1,000,00 \xe2\x82\xac\n", id="commas in the text"),
        pytest.param("0,0,10,0,10,5,0,5,one\u2028two\n".encode(), id="line separator in the text"),
        pytest.param(b"0,0,10,0,10,5,0,5,\n", id="empty text"),
    ],
)
def test_what_text_files_may_look_like(file: Path, content: bytes) -> None:
    file.write_bytes(content)
    (region,) = read_truth(file)
    assert region.polygon.tolist() == [[0, 0], [10, 0], [10, 5], [0, 5]]
    assert not region.ignored


def test_an_empty_file_is_a_picture_without_text(file: Path) -> None:
    file.touch()
    assert read_truth(file) == ()


coordinate = st.floats(-1e5, 1e5)
transcription = st.text(st.characters(exclude_characters="\n\r", exclude_categories=["Cs"]))


@given(st.lists(st.tuples(*[coordinate] * 8, transcription), max_size=4))
def test_what_is_written_is_read(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[float | str, ...]]
) -> None:
    file = tmp_path_factory.mktemp("gt") / "a.txt"
    file.write_text("".join(",".join(map(str, row)) + "\n" for row in rows), encoding="utf-8")
    regions = read_truth(file)
    assert [region.polygon.ravel().tolist() for region in regions] == [list(r[:8]) for r in rows]
    assert [region.ignored for region in regions] == [str(r[8]).strip() == "###" for r in rows]


@pytest.mark.parametrize(
    "line",
    [
        pytest.param("0,0,10,0,10,5,0,word", id="seven numbers"),
        pytest.param("0,0,10,0,10,5,0,5", id="no text"),
        pytest.param("0,0,10,0,10,five,0,5,word", id="not a number"),
        pytest.param("0,0,10,0,10,nan,0,5,word", id="nan"),
        pytest.param("0,0,10,0,10,inf,0,5,word", id="infinite"),
        pytest.param("0 0 10 0 10 5 0 5 word", id="blanks"),
    ],
)
def test_a_malformed_line_is_named(file: Path, line: str) -> None:
    file.write_text(f"0,0,10,0,10,5,0,5,word\n{line}\n")
    with pytest.raises(ConfigError) as caught:
        read_truth(file)
    assert str(caught.value).startswith(f"{file}, line 2: expected x1,y1,x2,y2,x3,y3,x4,y4,")
    assert line in str(caught.value)


def test_other_encodings_are_named(file: Path) -> None:
    file.write_bytes("0,0,10,0,10,5,0,5,Straße\n".encode("latin-1"))
    with pytest.raises(ConfigError, match=r"sign\.txt: .*UTF-8"):
        read_truth(file)


@pytest.mark.parametrize("inner", ["", "gt"])
def test_files_go_by_stem_in_the_folder_or_its_gt(tmp_path: Path, inner: str) -> None:
    folder = tmp_path / inner
    folder.mkdir(exist_ok=True)
    for name in ("b.v2.txt", "a.txt", "notes.md"):
        (folder / name).touch()
    assert truth_files(tmp_path) == {"a": folder / "a.txt", "b.v2": folder / "b.v2.txt"}


@pytest.mark.parametrize("there", [True, False])
def test_a_folder_without_ground_truth_is_named(tmp_path: Path, *, there: bool) -> None:
    folder = tmp_path / "truth"
    if there:
        folder.mkdir()
    with pytest.raises(ConfigError, match=r"truth: no ground truth"):
        truth_files(folder)
