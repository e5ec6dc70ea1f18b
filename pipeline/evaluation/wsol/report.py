"""The scores of a run on objects, for people."""

from collections.abc import Sequence

from .score import WsolReport, WsolTotal


def table(report: WsolReport, left_out: Sequence[str]) -> str:
    """Return a table of the totals and the baselines in percent, and the pictures that failed."""
    head = f"{len(report.pictures)} pictures"
    lines = [f"{head:<18}{'run':^21}  whole picture  centre Gaussian"]
    lines += [f"{name:<18}{_cells(one)}" for name, one in report.totals.items()]
    if left_out:
        some = ", ".join(left_out[:3]) + (", ..." if len(left_out) > 3 else "")
        lines.append(f"left out, since the run failed on them: {len(left_out)} ({some})")
    if report.not_run:
        lines.append(f"not run, and so not scored: {report.not_run} pictures of the truth")
    return "\n".join(lines)


def _cells(one: WsolTotal) -> str:
    run = f"{100 * one.score:5.1f} [{100 * one.low:5.1f}, {100 * one.high:5.1f}]"
    return f"{run}  {100 * one.whole_picture:13.1f}  {100 * one.centre_gaussian:15.1f}"
