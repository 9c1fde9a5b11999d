"""What the guard's two kinds of evidence miss of the true gains."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from selectionbench.measures import Record
from selectionbench.rules import METRIC, Records
from selectionbench.tables import markdown

# In a standing, before "gain" and "spread".
MODELS, SOURCE = "", "source_"


def evidence_table(cases: Sequence[Records]) -> str:
    """What the models together and the source rows miss of a gain, by 1 of the changed share.

    Root mean squares beyond what resampled rows and the noise of the truth account for; the bias is
    the mean of true gain less the evidence, likewise by the share.
    """
    heads = ["candidates", "count", "models: error", "bias", "source rows: error", "bias"]
    rows = []
    for method in dict.fromkeys(record["method"] for case in cases for record in case):
        for corrected in (False, True):
            missed = [
                _missed_gains(record, case[0])
                for case in cases
                for record in case
                if record["method"] == method
                and record["corrected"] == corrected
                and record["standing"][METRIC]["changed"] > 0
            ]
            if missed:
                name = f"{method}, corrected" if corrected else method
                rows.append([name, str(len(missed)), *_errors(np.array(missed))])
    return markdown(heads, rows)


def _missed_gains(record: Record, base: Record) -> list[list[float]]:
    """By evidence: what it misses, and the standard deviation of that; both by 1 of the share."""
    standing, truth = record["standing"][METRIC], record["truth"]
    true = truth[METRIC] - base["truth"][METRIC]
    return [
        [
            (true - standing[f"{side}gain"]) / standing["changed"],
            np.hypot(standing[f"{side}spread"], truth[f"{METRIC}_gain_noise"])
            / standing["changed"],
        ]
        for side in (MODELS, SOURCE)
    ]


def _errors(missed: np.ndarray) -> Iterator[str]:
    for side in missed.transpose(1, 2, 0):
        error = np.sqrt(max(float(np.mean(side[0] ** 2 - side[1] ** 2)), 0.0))
        yield from (f"{error:.2f}", f"{side[0].mean():+.2f}")
