import json
from pathlib import Path
from typing import Any

from locpipe.pipeline.training.text.curve import write_curve


def test_numbers_come_as_lines_and_as_a_picture(tmp_path: Path) -> None:
    real = {"icdar2015": 0.4, "deteval": 0.5, "pixel": 0.6}
    curve: list[dict[str, Any]] = [
        {"step": 5, "error": 2.0, "core_f": 0.3, "iou_h": 0.1, "threshold": 0.8},
        {"step": 10, "error": 1.5, "core_f": 0.5, "iou_h": 0.3, "threshold": 0.8, "street": real},
    ]
    write_curve(tmp_path, curve)
    lines = (tmp_path / "curve.jsonl").read_text().splitlines()
    assert [json.loads(line) for line in lines] == curve
    with_real = (tmp_path / "curve.png").read_bytes()
    assert with_real.startswith(b"\x89PNG")
    write_curve(tmp_path, curve[:1])
    assert (tmp_path / "curve.png").read_bytes() != with_real
