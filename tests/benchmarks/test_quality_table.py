"""The table of detectors."""

from competitors import Variant
from quality_table import Row, Speed, table

VARIANT = Variant("a", "A detector", "word")


def score(precision: float, recall: float, h: float) -> dict[str, object]:
    return {"score": {"precision": precision, "recall": recall, "h": h}}


def cells(row: Row) -> list[str]:
    head, rule, line = table([row]).splitlines()
    assert head.count("|") == rule.count("|") == line.count("|")
    return [cell.strip() for cell in line.strip("|").split("|")]


def test_rates_are_percent_and_every_number_has_its_column() -> None:
    words = {
        "icdar2015": score(0, 0, 0.5),
        "deteval": score(0.25, 1, 0.4),
        "pixel": score(0, 0, 0.6),
    }
    lines = {"icdar2015": score(0, 0, 0.7)}
    row = Row(
        VARIANT,
        sets={
            "icdar2013_train": words,
            "msra_td500_train": lines,
            "backgrounds": {"pictures": 4, "false_alarms": 0.25},
        },
        speed=Speed(0.123, 4.56),
        about={"weights_bytes": 4_700_000},
    )
    assert cells(row) == [
        "A detector", "word", "**50.0**", "25.0 / 100.0 / **40.0**", "**60.0**", "", "", "",
        "**70.0**", "25.0 %", "0.12", "4.6", "4.7 MB",
    ]  # fmt: skip


def test_a_few_pictures_are_said_to_be_few() -> None:
    assert cells(Row(VARIANT, note="24 pictures"))[0] == "A detector (24 pictures)"


def test_what_could_not_be_had_is_in_the_table_with_the_reason() -> None:
    assert cells(Row(VARIANT, missing="no such wheel"))[2] == "missing: no such wheel"
