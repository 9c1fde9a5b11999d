"""The default estimator: efficient where label shift holds, wary where it does not.

1. The posteriors under the likelihood's prior and a few statistics more are matched by generalised
   least squares. That needs no calibrated probabilities, and is as good as maximum likelihood where
   they are calibrated.
2. The statistics are more than the classes, so they test the assumption. Where they refute it, they
   are matched again by a random-effects model of what a change of language does to logits, and the
   estimate's variance grows with the misfit. So they are where a model that had not been adapted to
   the target was refuted: adapting hides a violation, and how large it was can no longer be seen.
3. Where they do not, the likelihood's estimate is mixed in by as much as its error is smaller.
4. A shift that is not significant is none; any other is drawn towards the source prior by as much
   as noise explains of it.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from isogloss.labelshift.checks import Floats
from isogloss.labelshift.fit import Fit, fit_from_match
from isogloss.labelshift.likelihood import Likelihood, likelihood_prior
from isogloss.labelshift.matching import Match, match, match_violated
from isogloss.labelshift.moments import (
    Moments,
    Statistic,
    effective_rows,
    gather_moments,
    of_rows,
    statistics_of,
)
from isogloss.labelshift.rows import SourceRows, TargetRows
from isogloss.labelshift.violation import violation_directions

# From most to least; how many are taken depends on the rows.
_BLOCKS = (
    ("tilted", "tilted squares", "calibrated", "top", "entropy"),
    ("tilted", "hard", "top", "entropy"),
    ("tilted", "top", "entropy"),
)
# Independent rows wanted for each statistic, so that their covariance is known.
_ROWS_PER_STATISTIC = 2
# The guess that steers the statistics keeps this share of the source prior, so that no class is
# taken for absent before it was looked for.
_CAUTION = 0.1
# The likelihood counts as biased where it is off by more than this many times the noise's variance.
_BIASED = 2.0
# Below this p-value of its test the assumption is not relied upon: few rows would not show more.
_SUSPICIOUS = 0.1
# What that does to the variance: the part of a violation that looks like a shift of the classes was
# found to be larger than the rest, by a factor that grows with the misfit from the first of these
# to the last (docs/label-shift.md).
_DOUBT, _MOST_DOUBT = 5.0, 24.0


def auto_fit(
    source: SourceRows, target: TargetRows, *, seed: int, p_value_before: float = 1.0
) -> tuple[Fit, Match]:
    """Estimate the target's prior.

    Args:
        source: labelled rows.
        target: target rows.
        seed: of the choice of rows to measure a violation's directions on.
        p_value_before: of the test by a model that was not adapted to this target.

    Returns:
        The estimate before any shrinkage, and the match with its test of the assumption.
    """
    likelihood = likelihood_prior(source, target)
    guess = likelihood.prior
    for _ in range(2):
        moments, found, statistic, basis = _match(source, target, guess)
        guess = found.prior
    if min(found.p_value, p_value_before) >= _SUSPICIOUS:
        return _with_likelihood(_honest(moments, found), likelihood), found
    directions = violation_directions(source, statistic, basis, prior=guess, seed=seed)
    violated = match_violated(moments, source.prior, directions)
    hidden = found.p_value >= _SUSPICIOUS
    doubt = _MOST_DOUBT if hidden else min(_MOST_DOUBT, _DOUBT * (1.0 + found.excess))
    fit = fit_from_match(moments, violated, misfit=float(np.sqrt(violated.misfit)), doubt=doubt)
    return fit, found


def _match(
    source: SourceRows, target: TargetRows, guess: Floats
) -> tuple[Moments, Match, Statistic, Floats]:
    steer = (1.0 - _CAUTION) * guess + _CAUTION * source.prior
    enough = effective_rows(source, target, guess) / _ROWS_PER_STATISTIC
    for blocks in _BLOCKS:
        statistic, basis = statistics_of(source.prior, steer, blocks)
        if basis.shape[1] <= enough:
            break
    moments = gather_moments(source, target, of_rows(statistic), basis, prior=guess)
    return moments, match(moments, source.prior), statistic, basis


def _honest(moments: Moments, found: Match) -> Fit:
    """The estimate with its spread on rows that its weights were not fitted to.

    Hotelling's factor stands for what each half of the rows lacks.
    """
    statistics = found.degrees + len(found.prior) - 1
    spare = max(moments.effective_rows - statistics, 0.25 * moments.effective_rows)
    spread = found.spread * moments.effective_rows / spare
    return fit_from_match(moments, found).with_covariance(spread)


def _with_likelihood(fit: Fit, likelihood: Likelihood) -> Fit:
    """Mix in the estimate of greatest likelihood, biased but less noisy, for the smallest error.

    With `difference = fit - likelihood`, whose squared bias is what its own noise leaves
    unexplained, the mean squared error of `likelihood + share * difference` is least at
    `(bias² - cov) / (bias² + var)`.

    References:
        Judge & Mittelhammer, J. Am. Stat. Assoc. 2004 (a semiparametric Stein-like estimator).
    """
    if len(fit.target_influence) == 0:
        return fit
    source = fit.source_influence - likelihood.source_influence
    target = fit.target_influence - likelihood.target_influence
    difference = fit.prior - likelihood.prior
    variance = float((source**2).sum() + (target**2).sum())
    covariance = float(
        (likelihood.source_influence * source).sum() + (likelihood.target_influence * target).sum()
    )
    length = float(difference @ difference)
    bias = length - variance if length > _BIASED * variance else 0.0
    share = float(np.clip((bias - covariance) / max(bias + variance, 1e-300), 0.0, 1.0))
    noise = sum(
        float(((other + share * step) ** 2).sum())
        for other, step in (
            (likelihood.source_influence, source),
            (likelihood.target_influence, target),
        )
    )
    return replace(
        fit,
        prior=likelihood.prior + share * difference,
        noise=noise,
        diagnostics={**fit.diagnostics, "likelihood_share": 1.0 - share},
    )
