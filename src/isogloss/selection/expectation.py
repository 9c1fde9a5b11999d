"""What to expect of a candidate on the target: a score without labels, with an interval."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import scipy.stats

from isogloss.labelshift.checks import Floats, check_choice, check_range, check_shape
from isogloss.labelshift.prior_estimation import PriorEstimate
from isogloss.selection.accuracy import macro_f1
from isogloss.selection.estimates import Estimate, Measure, two_estimates
from isogloss.selection.rows import CandidateRows
from isogloss.selection.wording import ASSUMPTION, expected_sentence

METRICS = ("accuracy", "macro_f1")
_DRAWS = 200


@dataclass(frozen=True, kw_only=True)
class Rule:
    """The constants of what to expect, all in one place.

    docs/selection.md says how they were set. Where label shift is refuted, the weighted source rows
    hardly count: no target row goes into them.

    Errors of either way of telling a score are of the logarithm of its odds: what is missed of a
    score near 1 is less than what is missed of one in the middle.

    Attributes:
        confidence_error: standard deviation of what the confidences miss beside sampling where
            label shift is not rejected, and where it is.
        weighted_error: likewise of what the weighted source rows miss.
        optimism: how much too high the logarithm of the odds comes out, likewise.
        gain_error: likewise of what all models together miss of a candidate's gain on the zero-shot
            model.
        level_error: likewise of what either way of telling a score without labels misses, where
            labelled target rows are weighed against it.
        untold_width: from this width of the interval on, the sentence says that it cannot be told.
    """

    confidence_error: tuple[float, float] = (0.04, 0.06)
    weighted_error: tuple[float, float] = (0.04, 1.5)
    optimism: tuple[float, float] = (0.0, 0.25)
    gain_error: float = 0.02
    level_error: float = 0.08
    untold_width: float = 0.4


RULE = Rule()


@dataclass(frozen=True, kw_only=True)
class ExpectedScore:
    """A score that is expected on the target, estimated without its labels.

    Attributes:
        metric: "accuracy" or "macro_f1" (over classes; for tagging, of words and not of entities).
        value: the estimate, in 0..1.
        interval: lower and upper bound, in 0..1.
        level: coverage that the interval aims at.
        assumption: what the estimate takes for granted.
        sentence: all of it in plain words.
        words: whether rows are the words of a tagging task, so that the score is of their tags.
        parts: what the estimate was made of: `confidence` and `weighted` (the two estimates),
            `confidence_spread` and `weighted_spread` (their standard deviations from sampling),
            `confidence_share` (of the first in the value), `standard_error`, `disagreement` (how
            far the two are apart where label shift is refuted, else 0), `assumption_p_value`. The
            interval comes of the greater of these two errors.
    """

    metric: str
    value: float
    interval: tuple[float, float]
    level: float
    assumption: str
    sentence: str
    parts: dict[str, float]
    words: bool = False

    def to_dict(self) -> dict[str, Any]:
        """The estimate as JSON values."""
        return asdict(self) | {"interval": list(self.interval)}


def expected_score(
    rows: CandidateRows,
    estimate: PriorEstimate,
    *,
    metric: str = "accuracy",
    level: float = 0.9,
    draws: int = _DRAWS,
    rule: Rule = RULE,
    words: bool = False,
    seed: int = 0,
) -> ExpectedScore:
    """Estimate a candidate's score on texts like the target's, without target labels.

    Two estimates of how often each class is predicted where another is true are made. One asks the
    target rows: their calibrated probabilities under the estimated prior say what they may be. The
    other asks the source rows: what is predicted for a class there, in the estimated shares. Under
    label shift and calibration both are right, and they err for different reasons: the first hears
    that target rows are harder but believes the model's own probabilities, the second believes
    labels alone but looks at no target row. Each counts by the inverse of its variance: that over
    resampled rows (or sentences) of both sides and over the priors of `draw_priors`, plus the
    square of an error of its own (`Rule`).

    The interval is normal. Its variance is the mean's over the same draws, plus how far the two
    disagree, `share (1 - share) difference²`, plus the square of the errors of their own, as if
    those went together. Where the test of `estimate` rejects label shift, those errors are the
    larger ones of the rule, and the standard error is at least how far the two are apart: both
    take for granted what is refuted, so that is an error that is seen, though the weighted source
    rows hardly count in the value. A classifier is then also surer than it is right, and what it
    makes of that is taken off (`optimism`).

    Args:
        rows: of the candidate; a correction of its own decides what it predicts.
        estimate: of the target's prior, for the same classes.
        metric: "accuracy" or "macro_f1". The mean of F1 is over classes that are expected in more
            than one target row, as truth or prediction.
        level: coverage that the interval aims at, above 0 and below 1.
        draws: samples behind the spread, at least 2.
        rule: the constants.
        words: whether rows are the words of a tagging task; it changes the sentence alone.
        seed: of the draws.

    Returns:
        The estimate.

    Raises:
        IsoglossError: E405 for an estimate of other classes, E407 for `level` or `draws`, E408
            where the prior leaves no source row, E409 for the metric.

    References:
        Guillory et al., ICCV 2021 (confidence); Sugiyama, Krauledat & Müller, JMLR 8 (2007)
        (weighted validation); Efron & Tibshirani, An Introduction to the Bootstrap; Graybill &
        Deal, Biometrics 15 (1959) (weights by inverse variance).
    """
    check_choice(metric, METRICS, name="metric")
    check_range(level, 1e-6, 1.0 - 1e-6, name="level")
    check_range(draws, 2, np.inf, name="draws")
    check_shape(estimate.prior, (rows.num_classes,), name="the prior estimate")
    score = measure_of(metric, rows.num_target_rows)
    first, second = two_estimates(rows, estimate, score, draws=draws, seed=seed)
    parts = _combined(first, second, violated=not estimate.assumption_holds, rule=rule)
    parts["assumption_p_value"] = estimate.assumption_p_value
    value = parts.pop("value")
    interval = interval_of(value, interval_error(parts), level=level)
    return ExpectedScore(
        metric=metric,
        value=value,
        interval=interval,
        level=level,
        assumption=ASSUMPTION,
        sentence=expected_sentence(
            metric,
            value,
            interval,
            level=level,
            p_value=estimate.assumption_p_value,
            untold=interval[1] - interval[0] >= rule.untold_width,
            words=words,
        ),
        parts=parts,
        words=words,
    )


def _combined(first: Estimate, second: Estimate, *, violated: bool, rule: Rule) -> dict[str, float]:
    """The value, its standard error, and what they are made of."""
    own = (
        float(rule.confidence_error[violated] * odds_slope(first.value)),
        float(rule.weighted_error[violated] * odds_slope(second.value)),
    )
    variances = (first.spread**2 + own[0] ** 2, second.spread**2 + own[1] ** 2)
    total = sum(variances)
    share = variances[1] / total if total > 0 else 0.5
    drawn = share * first.draws + (1.0 - share) * second.draws
    apart = share * (1.0 - share) * (first.value - second.value) ** 2
    together = (share * own[0] + (1.0 - share) * own[1]) ** 2
    told = share * first.value + (1.0 - share) * second.value
    return {
        "value": float(lowered(told, by=rule.optimism[violated])),
        "confidence": first.value,
        "weighted": second.value,
        "confidence_spread": first.spread,
        "weighted_spread": second.spread,
        "confidence_share": share,
        "standard_error": float(np.sqrt(drawn.var() + apart + together)),
        "disagreement": abs(first.value - second.value) if violated else 0.0,
    }


def interval_error(parts: Mapping[str, float]) -> float:
    """The standard deviation that an interval without labels comes of; see `ExpectedScore`."""
    return max(parts["standard_error"], parts["disagreement"])


def interval_of(value: float, error: float, *, level: float) -> tuple[float, float]:
    """The normal interval around a share with a standard deviation, within 0..1."""
    reach = float(scipy.stats.norm.ppf(0.5 + level / 2.0)) * error
    return max(0.0, value - reach), min(1.0, value + reach)


def odds_slope(share: Floats | float) -> Floats:
    """What shares in 0..1 change by where the logarithms of their odds do by 1, to first order."""
    return np.asarray(share * (1.0 - share))


def lowered(share: Floats | float, *, by: float) -> Floats:
    """Shares in 0..1 of which the logarithms of the odds are lower by `by`, at least 0."""
    odds = np.exp(-by)
    return np.asarray(share * odds / (1.0 - share + share * odds))


def measure_of(metric: str, target_rows: int) -> Measure:
    """A metric of `METRICS` as a function of joint shares (..., k, k).

    The mean of F1 is over classes in more than one of `target_rows`, as truth or prediction.
    """
    if metric == "accuracy":
        return lambda joint: np.trace(joint, axis1=-2, axis2=-1)
    return lambda joint: macro_f1(joint, least=1.0 / target_rows)
