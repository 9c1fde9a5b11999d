"""What to expect of a candidate, once a few labelled target rows are heard."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from isogloss.labelshift.prior_estimation import PriorEstimate
from isogloss.selection.expectation import (
    RULE,
    ExpectedScore,
    Rule,
    expected_score,
    interval_of,
)
from isogloss.selection.labelled import (
    LabelledEvidence,
    LabelledRows,
    see_labelled,
    share_of_labelled,
    weigh_labelled,
)
from isogloss.selection.opinions import Entry, opinions_of
from isogloss.selection.rows import CandidateRows
from isogloss.selection.wording import sharpened_sentence


def sharpened(
    expected: ExpectedScore, evidence: LabelledEvidence | None, *, rule: Rule = RULE
) -> ExpectedScore:
    """Average what is expected without labels with what labelled rows tell.

    Each counts by the inverse of its variance. What is expected without labels has, beside its own
    standard error, `rule.level_error`: models are surer of target texts than they are right. The
    interval is normal, and takes both for independent.

    Args:
        expected: without labels.
        evidence: of the same candidate and metric, or None, which changes nothing.
        rule: the constants.

    Returns:
        The estimate. `parts` has further `unlabelled` (the value before), `labelled`,
        `labelled_error`, `labelled_share` and `labelled_rows`.
    """
    if evidence is None:
        return expected
    free = float(np.hypot(expected.parts["standard_error"], rule.level_error))
    share = share_of_labelled(free, evidence.error)
    value = (1.0 - share) * expected.value + share * evidence.value
    error = float(np.hypot((1.0 - share) * free, share * evidence.error))
    interval = interval_of(value, error, level=expected.level)
    return replace(
        expected,
        value=value,
        interval=interval,
        sentence=sharpened_sentence(
            expected.metric,
            value,
            interval,
            level=expected.level,
            p_value=expected.parts["assumption_p_value"],
            untold=interval[1] - interval[0] >= rule.untold_width,
            rows=evidence.rows,
            units=evidence.units,
            share=share,
            words=expected.words,
        ),
        parts={
            **expected.parts,
            "standard_error": error,
            "disagreement": 0.0,
            "unlabelled": expected.value,
            "labelled": evidence.value,
            "labelled_error": evidence.error,
            "labelled_share": share,
            "labelled_rows": float(evidence.rows),
        },
    )


def sharpened_score(
    rows: CandidateRows,
    estimate: PriorEstimate,
    labelled: LabelledRows,
    *,
    model: str,
    metric: str = "accuracy",
    level: float = 0.9,
    rule: Rule = RULE,
    words: bool = False,
    seed: int = 0,
) -> tuple[ExpectedScore, LabelledEvidence]:
    """What `expected_score` gives of one candidate, and `sharpened` makes of it.

    Args:
        rows: as for `expected_score`.
        estimate: as for `expected_score`.
        labelled: random target rows with labels.
        model: the name under which they hold the logits of the candidate's model.
        metric: as for `expected_score`.
        level: as for `expected_score`.
        rule: the constants.
        words: as for `expected_score`.
        seed: of the draws.

    Returns:
        The estimate, and what the labelled rows say.

    Raises:
        IsoglossError: as `expected_score`, and E405 and E409 for labelled rows that do not belong
            to the candidate.
    """
    free = expected_score(
        rows, estimate, metric=metric, level=level, rule=rule, words=words, seed=seed
    )
    entry = [Entry(rows=rows, model=model, estimate=estimate)]
    told = see_labelled(entry, labelled, seed=seed)
    target = opinions_of(entry, seed=seed)
    (evidence,) = weigh_labelled(target, told, labelled.labels, base=0, metric=metric, level=level)
    return sharpened(free, evidence, rule=rule), evidence
