"""What to expect of an adapted candidate: the zero-shot model's score, and what others add."""

from __future__ import annotations

import numpy as np

from isogloss.selection.expectation import (
    RULE,
    ExpectedScore,
    Rule,
    interval_error,
    interval_of,
)
from isogloss.selection.gains import Standing
from isogloss.selection.wording import ASSUMPTION, expected_sentence


def anchored_score(
    base: ExpectedScore, standing: Standing, *, zero_shot: str, rule: Rule = RULE
) -> ExpectedScore:
    """Expect of a candidate what is expected of the baseline, plus the gain that all models see.

    A model that was trained on the target's texts is surer of them than it is right, and makes them
    look like the source, so neither its own confidence nor its own test of label shift tells how
    good it is there. The baseline has seen none of them.

    Args:
        base: what is expected of the baseline.
        standing: of the candidate; that of the baseline itself gives `base` back.
        zero_shot: name of the baseline.
        rule: the constants.

    Returns:
        The estimate. `parts` has `zero_shot` and `gain`, whose sum is the value, `gain_spread`,
        `standard_error`, `disagreement` (of the baseline's, with the errors of the gain; see
        `ExpectedScore`) and `assumption_p_value`.
    """
    if standing.name == zero_shot:
        return base
    value = float(np.clip(base.value + standing.gain, 0.0, 1.0))
    p_value = base.parts["assumption_p_value"]
    own = standing.spread**2 + rule.gain_error**2
    apart = base.parts["disagreement"]
    errors = {
        "standard_error": float(np.sqrt(base.parts["standard_error"] ** 2 + own)),
        "disagreement": float(np.sqrt(apart**2 + own)) if apart > 0 else 0.0,
    }
    interval = interval_of(value, interval_error(errors), level=base.level)
    return ExpectedScore(
        metric=base.metric,
        value=value,
        interval=interval,
        level=base.level,
        assumption=ASSUMPTION,
        sentence=expected_sentence(
            base.metric,
            value,
            interval,
            level=base.level,
            p_value=p_value,
            untold=interval[1] - interval[0] >= rule.untold_width,
            words=base.words,
        ),
        parts={
            "zero_shot": base.value,
            "gain": standing.gain,
            "gain_spread": standing.spread,
            **errors,
            "assumption_p_value": p_value,
        },
        words=base.words,
    )
