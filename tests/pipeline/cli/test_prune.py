"""`locpipe prune` removes what is left of pictures that are gone, and nothing else."""

import json
from collections.abc import Callable
from pathlib import Path

from click.testing import CliRunner, Result
from run_fixtures import quick

from locpipe.pipeline.cli.main import main
from locpipe.pipeline.export.write import RunExports, export
from locpipe.pipeline.output.archive import open_run
from locpipe.pipeline.run.options import Options
from locpipe.pipeline.run.run import execute

Tree = Callable[[Path], dict[str, bytes]]


def prune(output: Path, *arguments: str, answer: str = "") -> Result:
    return CliRunner().invoke(main, ["prune", str(output), *arguments], input=answer)


def with_more(finished: Path) -> Path:
    """The output of a run, with exports and a text for every page."""
    output = finished / "out"
    report = json.loads((output / "run.json").read_bytes())
    report["config"]["output"]["exports"] = ["coco", "page"]
    (output / "run.json").write_text(json.dumps(report))
    export(open_run(output), ["coco", "page"])
    for file in (output / "boxes").rglob("*.json"):
        text = output / "read" / file.relative_to(output / "boxes")
        text.parent.mkdir(parents=True, exist_ok=True)
        text.touch()
    return output


def test_nothing_of_a_picture_that_is_gone_stays(finished: Path, tree: Tree) -> None:
    output = with_more(finished)
    before = tree(output)
    (finished / "pictures" / "plain.tif").unlink()
    result = prune(output, "--yes")
    assert result.exit_code == 0, result.output
    assert "plain.tif.page-2" in result.output
    after = tree(output)
    assert not [name for name in after if "plain.tif" in name]
    coco = "exports/coco.json"
    others = {name: before[name] for name in before if "plain.tif" not in name and name != coco}
    assert {name: after[name] for name in after if name != coco} == others
    assert b"plain.tif" in before[coco]
    assert b"plain.tif" not in after[coco]


def test_a_picture_that_comes_back_is_done_again(finished: Path) -> None:
    picture = finished / "pictures" / "coffee.jpg"
    content = picture.read_bytes()
    picture.unlink()
    assert prune(finished / "out", "--yes").exit_code == 0
    picture.write_bytes(content)
    config = quick(finished / "pictures", finished / "out")
    assert execute(config, Options(), RunExports)["counts"]["done"] == 1
    assert (finished / "out" / "boxes" / "coffee.jpg.json").is_file()


def test_it_asks_first(finished: Path, tree: Tree) -> None:
    before = tree(finished / "out")
    (finished / "pictures" / "coffee.jpg").unlink()
    result = prune(finished / "out", answer="n\n")
    assert result.exit_code == 1
    assert "Remove the results of these 1 pages?" in result.output
    assert tree(finished / "out") == before
    assert prune(finished / "out", answer="y\n").exit_code == 0
    assert tree(finished / "out") != before


def test_a_disk_that_is_not_mounted_costs_no_result(finished: Path, tree: Tree) -> None:
    before = tree(finished / "out")
    (finished / "pictures").rename(finished / "elsewhere")
    (finished / "pictures").mkdir()
    result = prune(finished / "out", "--yes")
    assert result.exit_code == 2
    assert "mount the disk" in result.output
    assert tree(finished / "out") == before


def test_where_all_pictures_are_there_nothing_happens(finished: Path, tree: Tree) -> None:
    before = tree(finished / "out")
    result = prune(finished / "out")
    assert (result.exit_code, "nothing to remove" in result.output) == (0, True)
    assert tree(finished / "out") == before
