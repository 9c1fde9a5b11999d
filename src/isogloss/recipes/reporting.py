"""The report at the end of a run, which must never cost the run."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from isogloss.errors import warn
from isogloss.recipes.folder import METRICS, read_json

if TYPE_CHECKING:
    from isogloss.report.findings import Findings


def find_out(root: Path, metrics: Mapping[str, Any]) -> tuple[Findings | None, list[str]]:
    """What a report says beyond `metrics.json`, and the same in sentences for the model's card.

    Args:
        root: of the run, its model, predictions and `prior.json` written.
        metrics: what `metrics.json` will hold.

    Returns:
        The findings and their sentences; None and none, with the warning W707, where it fails.
    """
    # Not on top: no run should wait for what only its end needs.
    from isogloss.report.findings import look
    from isogloss.report.reading import read_run

    try:
        run = read_run(root, metrics=metrics)
        found = look(run)
        return found, found.sentences(run)
    except Exception as error:
        _say(root, error)
        return None, []


def report(root: Path, findings: Findings | None) -> None:
    """Write the report of a run that is finished; where it fails, warn (W707) and go on.

    Args:
        root: of the run.
        findings: from `find_out`; None: it failed and has said so.
    """
    from isogloss.report.page import write_report

    if findings is None:
        return
    try:
        write_report(root, findings=findings)
    except Exception as error:
        _say(root, error)


def report_again(root: Path) -> None:
    """Write the report of a finished run that was stopped before it, unless it is there."""
    from isogloss.report.reading import REPORT

    if not (root / REPORT).is_file():
        findings, _ = find_out(root, read_json(root / METRICS))
        report(root, findings)


def _say(root: Path, error: Exception) -> None:
    reason = " ".join(str(error).split()).rstrip(".") or type(error).__name__
    warn("W707", folder=root, reason=reason, stacklevel=4)
