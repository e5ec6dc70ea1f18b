"""The figure of a picture, its heatmap, its mask and its boxes."""

import shutil
import subprocess
import sys
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result
from matplotlib import colormaps
from matplotlib.figure import Figure
from PIL import Image

import locpipe
from locpipe.pipeline.cli.main import main
from locpipe.pipeline.output.colours import score_colour, score_ramp
from locpipe.pipeline.output.figure import COLOURS, check, figure, save
from locpipe.stages.errors import ConfigError, OutputError

SAMPLES = Path(__file__).parents[3] / "data" / "samples"


@pytest.fixture(scope="module")
def result() -> locpipe.Result:
    """Something wide, with marks that the digits network takes for text."""
    pixels = np.full((60, 200), 230, np.uint8)
    pixels[20:40, 30:34] = pixels[20:40, 100:104] = 20
    settings = {"boxes.min_area": 1, "boxes.classify": False}
    found = locpipe.localize(pixels, "digits", settings=settings)
    assert found.boxes.items
    return found


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    Image.fromarray(np.full((40, 60, 3), 200, np.uint8)).save(tmp_path / "plain.png")
    return tmp_path / "plain.png"


def call(*arguments: str | Path) -> Result:
    return CliRunner().invoke(main, ["show", *map(str, arguments)])


def test_every_method_is_a_row_of_picture_heatmap_mask_and_boxes(result: locpipe.Result) -> None:
    drawn = figure([("paper", result), ("class", result)])
    titles = [axes.get_title() for axes in drawn.axes if axes.get_title()]
    count = len(result.boxes.items)
    boxes = f"{count} box{'' if count == 1 else 'es'}"
    assert titles == ["paper", "heatmap", "mask", boxes, "class", "heatmap", "mask", boxes]


def test_panels_show_what_was_found_in_the_frame_of_the_picture(result: locpipe.Result) -> None:
    picture, heat, mask, boxes = figure([("one", result)]).axes[:4]
    for axes in (picture, heat, mask, boxes):
        assert tuple(axes.images[0].get_extent()) == (0, 200, 60, 0)
    assert np.array_equal(np.asarray(picture.images[0].get_array()), result.image.rgb)
    levels = np.asarray(heat.images[0].get_array())
    assert levels.max() == pytest.approx(result.heatmap.values.max(), abs=1 / 255)
    assert set(np.unique(np.asarray(mask.images[0].get_array()))) == {0, 255}
    by_score = sorted(result.boxes.items, key=lambda box: box.score)
    for line, box in zip(boxes.lines, by_score, strict=True):
        assert np.allclose(np.asarray(line.get_xydata()), [*box.polygon, box.polygon[0]])
        assert np.allclose(np.array(line.get_color()) * 255, score_colour(box.score))


def test_what_was_read_stands_above_the_boxes(result: locpipe.Result) -> None:
    words = [f"${n}^" for n, _ in enumerate(result.boxes.items)]  # no formulas
    drawn = figure([("one", result)], [words])
    texts = drawn.axes[3].texts
    assert [text.get_text().replace("\\$", "$") for text in texts] == words
    assert [text.get_position() for text in texts] == [box.polygon[0] for box in result.boxes.items]
    drawn.canvas.draw()


def test_the_scores_of_boxes_have_a_legend(result: locpipe.Result) -> None:
    legend = figure([("one", result)]).axes[5]
    assert legend.get_ylabel() == "score of a box"
    assert legend.get_ylim() == (0.5, 1)


def test_colours_of_scores_are_lighter_the_higher_the_score() -> None:
    ramp = score_ramp().astype(float)
    lightness = ramp @ [0.2126, 0.7152, 0.0722]
    assert (np.diff(lightness) >= -1).all()
    assert lightness[-1] - lightness[0] > 50
    assert score_colour(0.1) == score_colour(0.5) == (0x2F, 0x7B, 0xFF)
    assert score_colour(1.0) == (0x00, 0xFF, 0x66)


def test_the_report_has_the_same_colours() -> None:
    script = files("locpipe.pipeline.report").joinpath("page", "dom.js").read_text()
    ends = ["#{:02x}{:02x}{:02x}".format(*score_colour(score)) for score in (1, 0)]
    assert f"color-mix(in oklab, {ends[0]} ${{Math.round(share * 100)}}%, {ends[1]})" in script


def test_the_heatmap_has_a_legend_from_0_to_1_in_even_steps(result: locpipe.Result) -> None:
    drawn = figure([("one", result)])
    heat, legend = drawn.axes[1], drawn.axes[4]
    assert heat.images[0].get_clim() == (0, 1)
    assert legend.get_ylabel() == "heat of text"
    colours = colormaps[COLOURS](np.arange(256))[:, :3]
    lightness = np.diff(colours @ [0.2126, 0.7152, 0.0722])
    assert (lightness > 0).all(), "a hotter cell is a lighter one, in print too"


def test_a_large_picture_is_drawn_small(result: locpipe.Result) -> None:
    large = locpipe.localize(np.full((20, 3000, 3), 9, np.uint8), "digits")
    shown = figure([("large", large), ("small", result)]).axes[0].images[0]
    assert np.asarray(shown.get_array()).shape == (6, 900, 3)
    assert tuple(shown.get_extent()) == (0, 3000, 20, 0)


@pytest.mark.parametrize("shape", [(3000, 2, 3), (2, 3000, 3)])
def test_the_figure_of_a_sliver_is_of_the_size_of_others(
    shape: tuple[int, ...], tmp_path: Path
) -> None:
    """As tall as 2 x 3000 pixels are for its width, it had 600,000 rows of pixels."""
    drawn = figure([("sliver", locpipe.localize(np.full(shape, 9, np.uint8), "digits"))])
    width, height = drawn.get_size_inches()
    assert width / 15 < height < width
    save(drawn, tmp_path / "a.png")
    with Image.open(tmp_path / "a.png") as saved:
        assert saved.size == (round(width * 100), round(height * 100))


@pytest.mark.parametrize("name", ["a.png", "a.pdf", "a.svg", "A.JPG"])
def test_the_same_figure_gives_the_same_file(tmp_path: Path, name: str) -> None:
    files = [tmp_path / folder / name for folder in ("first", "second")]
    for file in files:
        file.parent.mkdir()
        drawn = Figure(figsize=(1, 1))
        drawn.subplots().plot([1, 2])
        save(drawn, file)
    assert files[0].read_bytes() == files[1].read_bytes() != b""


def test_a_file_that_cannot_be_says_why(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"a\.tga: give a name that ends in one of \.png"):
        check(tmp_path / "a.tga", tmp_path / "a.png")
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match=r"cannot be written \((Not a|File).*choose another"):
        save(Figure(figsize=(1, 1)), tmp_path / "file" / "a.png")


def test_the_command_writes_a_figure_and_prints_its_name(picture: Path, tmp_path: Path) -> None:
    target = tmp_path / "f.png"
    done = call(picture, "--config", "digits", "--weights", "class,paper", "-o", target)
    assert (done.exit_code, done.stdout) == (0, f"{target}\n"), done.stderr
    with Image.open(target) as drawn:
        assert drawn.width > 1000


@pytest.mark.skipif(shutil.which("tesseract") is None, reason="needs tesseract-ocr")
def test_the_command_reads_boxes_where_asked_for(tmp_path: Path) -> None:
    board = SAMPLES / "circuit_board.jpg"
    done = call(board, "--read", "tesseract", "-o", tmp_path / "f.svg")
    assert done.exit_code == 0, done.stderr
    assert call(board, "-o", tmp_path / "plain.svg").exit_code == 0
    # Letters with a halo are paths there, so what they say cannot be searched for.
    paths = [(tmp_path / name).read_text().count("<path") for name in ("f.svg", "plain.svg")]
    assert paths[0] > paths[1]


def test_without_output_the_figure_is_called_as_the_picture(
    picture: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    assert call(picture, "--config", "digits").stdout == "plain.png.show.png\n"
    assert (tmp_path / "here" / "plain.png.show.png").exists()


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("--weights", "best"), 2, "--set heatmap.weights=best: heatmap.weights: 'best'"),
        (("--config", "nothing"), 2, "nothing: does not exist"),
        (("--set", "boxes.maxx=1"), 2, "boxes.max"),
        (("--page", "2"), 3, "page"),
        (("--config", "digits", "-o", "figure.gif"), 2, "--output figure.gif"),
    ],
)
def test_wrong_use_is_told(
    picture: Path, arguments: tuple[str, ...], code: int, message: str
) -> None:
    done = call(picture, *arguments)
    assert done.exit_code == code
    assert message in done.stderr


def test_a_figure_never_replaces_the_picture(picture: Path, tmp_path: Path) -> None:
    (tmp_path / "link.png").symlink_to(picture)
    pixels = picture.read_bytes()
    for name in ("plain.png", "link.png"):
        done = call(picture, "--config", "digits", "-o", tmp_path / name)
        assert (done.exit_code, "is the picture itself" in done.stderr) == (2, True)
    assert picture.read_bytes() == pixels


def test_a_picture_that_is_none_is_told(tmp_path: Path) -> None:
    (tmp_path / "a.png").touch()
    assert call(tmp_path / "a.png").exit_code == 3
    assert call(tmp_path / "none.png").exit_code == 3


def test_a_wrong_ending_is_told_before_anything_is_computed(tmp_path: Path) -> None:
    """Were the picture looked for first, that it is missing would be told."""
    done = call(tmp_path / "none.png", "-o", "figure.gif")
    assert (done.exit_code, "--output figure.gif" in done.stderr) == (2, True)


def test_without_matplotlib_the_extra_is_named_before_anything_is_computed(tmp_path: Path) -> None:
    """In a process of its own, where the import fails as it does without the package."""
    code = "import sys; sys.modules['matplotlib.figure'] = None; import locpipe.__main__"
    done = subprocess.run(
        [sys.executable, "-c", code, "show", str(tmp_path / "none.png"), "--config", "digits"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert done.stderr == "locpipe show needs matplotlib: pip install 'locpipe[train]'\n"
