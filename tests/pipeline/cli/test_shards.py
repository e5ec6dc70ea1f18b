"""Commands that read a run take shards as they take files."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result
from PIL import Image
from run_fixtures import quick
from runs import run, with_

from locpipe.pipeline.cli.main import main
from locpipe.pipeline.output.shards import shard_pages


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory, photographs: dict[str, np.ndarray]) -> Path:
    """`pictures/`, and the results for them in `files/` and in `shards/`."""
    folder = tmp_path_factory.mktemp("made")
    (folder / "pictures").mkdir()
    Image.fromarray(photographs["text"]).save(folder / "pictures" / "text.png")
    Image.fromarray(photographs["page"]).resize((190, 90)).save(folder / "pictures" / "page.png")
    for layout in ("files", "shards"):
        run(with_(quick(folder / "pictures", folder / layout), "output", layout=layout))
    return folder


def both(made: Path, command: str, *arguments: str) -> list[Result]:
    results = [
        CliRunner().invoke(main, [command, str(made / layout), *arguments])
        for layout in ("files", "shards")
    ]
    assert [result.exit_code for result in results] == [0, 0], [each.output for each in results]
    return results


def test_exports_are_the_same(made: Path) -> None:
    both(made, "export", "--to", "coco,masks,icdar,hocr")
    folders = [made / layout / "exports" for layout in ("files", "shards")]
    files = [{str(file.relative_to(folder)): file.read_bytes() for file in folder.rglob("*") if file.is_file()} for folder in folders]  # fmt: skip
    assert len(files[0]) > 5
    assert {name for name in files[0] if files[0][name] != files[1].get(name)} == set()


def test_status_and_report_and_evaluation_take_shards(made: Path, tmp_path: Path) -> None:
    said = [result.output.split(";")[0] for result in both(made, "status")]
    assert said == ["finished: 2 pictures done, 0 failed, 0 were done before"] * 2
    both(made, "report", "-q")
    listed = [(made / layout / "report" / "data" / "list-0.js").read_text() for layout in ("files", "shards")]  # fmt: skip
    assert all("page.png" in text for text in listed)
    truth = tmp_path / "truth"
    truth.mkdir()
    for name in ("text", "page"):
        (truth / f"{name}.txt").write_text("0,0,20,0,20,20,0,20,word\n")
    one, other = both(made, "evaluate", "--truth", str(truth), "--json")
    assert json.loads(one.stdout) == json.loads(other.stdout) | {"run": str(made / "files")}


@pytest.mark.skipif(not shutil.which("tesseract"), reason="install tesseract")
def test_read_gives_the_same_texts(made: Path) -> None:
    both(made, "read", "--workers", "0", "-q")
    texts = [{file.name: file.read_bytes() for file in (made / layout / "read").rglob("*.json")} for layout in ("files", "shards")]  # fmt: skip
    assert len(texts[0]) == 2
    assert texts[0] == texts[1]
    assert "2 were read before" in both(made, "read", "--workers", "0")[1].output


def test_prune_drops_rows(made: Path, tmp_path: Path) -> None:
    shutil.copytree(made, tmp_path / "run")
    output = tmp_path / "run" / "shards"
    report = json.loads((output / "run.json").read_bytes())
    report["root"] = str(tmp_path / "run" / "pictures")
    (output / "run.json").write_text(json.dumps(report))
    (tmp_path / "run" / "pictures" / "text.png").unlink()
    result = CliRunner().invoke(main, ["prune", str(output), "--yes"])
    assert (result.exit_code, "'text.png'" in result.output) == (0, True), result.output
    assert [page.name for page in shard_pages(output)] == ["page.png"]
    assert "nothing to remove" in CliRunner().invoke(main, ["prune", str(output)]).output


def test_heatmaps_for_wsol_are_refused_in_a_sentence(made: Path, tmp_path: Path) -> None:
    (tmp_path / "truth.csv").write_text("image,xmin,ymin,xmax,ymax\ntext.png,0,0,9,9\npage.png,0,0,9,9\n")  # fmt: skip
    arguments = ["--truth", str(tmp_path / "truth.csv"), "--protocol", "wsol"]
    result = CliRunner().invoke(main, ["evaluate", str(made / "shards"), *arguments])
    assert result.exit_code == 2
    assert "shards have no heatmaps; run again with output.layout=files" in result.output
