from locpipe.pipeline.evaluation.wsol.report import table
from locpipe.pipeline.evaluation.wsol.score import WsolPictureScore, WsolReport, WsolTotal

REPORT = WsolReport(
    totals={
        "MaxBoxAcc": WsolTotal(2, 0.5, 0.0, 1.0, 0.25, 0.125),
        "masks of the run": WsolTotal(2, 1.0, 1.0, 1.0, 1.0, 0.0),
    },
    pictures=(WsolPictureScore("a", {}), WsolPictureScore("b", {})),
)


def test_scores_stand_beside_both_baselines_in_percent() -> None:
    assert table(REPORT, []).splitlines() == [
        "2 pictures                 run           whole picture  centre Gaussian",
        "MaxBoxAcc          50.0 [  0.0, 100.0]           25.0             12.5",
        "masks of the run  100.0 [100.0, 100.0]          100.0              0.0",
    ]


def test_what_was_left_out_is_told() -> None:
    *_, last = table(REPORT, ["broken"]).splitlines()
    assert last == "left out, since the run failed on them: 1 (broken)"
    *_, last = table(REPORT, list("wxyz")).splitlines()
    assert last.endswith("4 (w, x, y, ...)")
