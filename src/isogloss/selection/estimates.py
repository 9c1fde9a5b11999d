"""A candidate's score on the target, estimated from either side, each with its spread."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from isogloss.errors import IsoglossError
from isogloss.labelshift.calibration import fit_calibration, log_probabilities, softmax
from isogloss.labelshift.checks import Floats, Integers
from isogloss.labelshift.prior_estimation import PriorEstimate
from isogloss.labelshift.priors import class_prior
from isogloss.labelshift.rows import Bundles
from isogloss.selection.evidence import MOST_CALIBRATED
from isogloss.selection.recalibration import Varied, vary
from isogloss.selection.resampling import bundle_rows, draw_bundles, draw_priors, joint_counts
from isogloss.selection.rows import CandidateRows, sample_rows

# From joint shares (..., k, k) of predicted and true classes to scores (...).
Measure = Callable[[Floats], Floats]
# Target rows on which the effect of an uncertain prior and calibration is measured.
_MOST_ROWS = 2_000


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """An estimated score.

    Attributes:
        value: in 0..1.
        draws: (draws,) the same on resampled rows, under priors that the interval allows.
    """

    value: float
    draws: Floats

    @property
    def spread(self) -> float:
        """Standard deviation of the draws."""
        return float(self.draws.std())


@dataclass(frozen=True, kw_only=True)
class _Setting:
    """What both estimates stand on.

    Attributes:
        rows: of the candidate.
        labels: (n,) of the source.
        source_prior: (k,).
        prior: (k,) of the target, over the classes that the source has.
        priors: (draws, k) that the interval allows.
        source_bundles: of the source rows.
        source_times: (draws, bundles) how often each is drawn.
        rng: of every other draw.
        seed: of every choice of rows.
    """

    rows: CandidateRows
    labels: Integers
    source_prior: Floats
    prior: Floats
    priors: Floats
    source_bundles: Bundles
    source_times: Floats
    rng: np.random.Generator
    seed: int


def two_estimates(
    rows: CandidateRows, estimate: PriorEstimate, measure: Measure, *, draws: int, seed: int
) -> tuple[Estimate, Estimate]:
    """Estimate from the target's confidences, and from source rows that weigh as the target.

    Both estimate how often each class is predicted where another is true. Their draws are of the
    same source rows and under the same priors.

    Args:
        rows: of the candidate.
        estimate: of the target's prior.
        measure: the score.
        draws: how many.
        seed: of the draws.

    Raises:
        IsoglossError: E408 where the prior leaves no source row.
    """
    setting = _setting(rows, estimate, draws, seed)
    return _by_confidence(setting, measure), _by_source(setting, measure)


def _setting(rows: CandidateRows, estimate: PriorEstimate, draws: int, seed: int) -> _Setting:
    rng = np.random.default_rng(seed)
    size = rows.num_classes
    labels = np.asarray(rows.source_labels, dtype=np.int64)
    source_prior = class_prior(labels, size)
    seen = source_prior > 0
    prior = np.where(seen, estimate.prior, 0.0)
    if float(prior.sum()) <= 0.0:
        raise IsoglossError("E408", total=0.0)
    prior = prior / prior.sum()
    bundles = bundle_rows(len(labels), rows.source_groups, num_classes=size, seed=seed)
    return _Setting(
        rows=rows,
        labels=labels,
        source_prior=source_prior,
        prior=prior,
        priors=draw_priors(prior, estimate, seen, draws, rng),
        source_bundles=bundles,
        source_times=draw_bundles(bundles.count, draws, rng),
        rng=rng,
        seed=seed,
    )


def _by_confidence(setting: _Setting, measure: Measure) -> Estimate:
    rows, seed, size = setting.rows, setting.seed, setting.rows.num_classes
    predicted = rows.served(rows.target_logits).argmax(axis=1)
    target = softmax(np.asarray(rows.target_logits, dtype=np.float64))
    varied = _varied(setting)
    factors = setting.prior / np.where(setting.source_prior > 0, setting.source_prior, 1.0)
    members = rows.posterior(varied.fitted(target), factors)
    bundles = bundle_rows(len(target), rows.target_groups, num_classes=size, seed=seed)
    counts = joint_counts(predicted, members, bundles, num_classes=size)
    drawn = counts.resampled(draw_bundles(bundles.count, len(setting.priors), setting.rng))
    drawn /= np.maximum(drawn.sum(axis=(1, 2), keepdims=True), 1e-300)
    some = sample_rows(len(target), _MOST_ROWS, seed=seed)
    # Where training has settled the balance, another prior does not move the probabilities.
    priors = np.tile(setting.source_prior, (len(drawn), 1)) if rows.settled else setting.priors
    moved = varied.confusions(
        predicted[some], log_probabilities(target[some]), setting.source_prior, priors
    )
    still = np.eye(size)[predicted[some]].T @ members[some] / len(some)
    # To first order, what resampled rows, another prior and another calibration change adds up.
    both = np.maximum(drawn + moved - still, 0.0)
    return _estimate(measure, counts.total / len(target), both, bundles, setting.rng)


def _varied(setting: _Setting) -> Varied:
    """The calibration, and what it would be on the resampled source rows."""
    rows = sample_rows(len(setting.labels), MOST_CALIBRATED, seed=setting.seed)
    labels = setting.labels[rows]
    source = softmax(np.asarray(setting.rows.source_logits[rows], dtype=np.float64))
    bundles = Bundles(
        of_row=setting.source_bundles.of_row[rows], count=setting.source_bundles.count
    )
    fitted = fit_calibration(source, labels, kind="bcts")
    return vary(fitted, source, labels, bundles, setting.source_times)


def _by_source(setting: _Setting, measure: Measure) -> Estimate:
    rows, bundles = setting.rows, setting.source_bundles
    predicted = rows.served(rows.source_logits).argmax(axis=1)
    counts = joint_counts(predicted, setting.labels, bundles, num_classes=rows.num_classes)
    whole = _by_class(counts.total, np.zeros_like(counts.total))
    drawn = _by_class(counts.resampled(setting.source_times), whole)
    spread = drawn * setting.priors[:, None, :]
    return _estimate(measure, whole * setting.prior, spread, bundles, setting.rng)


def _by_class(counts: Floats, otherwise: Floats) -> Floats:
    """Shares (..., k, k) of the predictions in each true class; `otherwise` for empty ones."""
    totals = counts.sum(axis=-2, keepdims=True)
    return np.where(totals > 0, counts / np.where(totals > 0, totals, 1.0), otherwise)


def _estimate(
    measure: Measure, joint: Floats, drawn: Floats, bundles: Bundles, rng: np.random.Generator
) -> Estimate:
    """From joint shares (k, k) and draws of them (draws, k, k)."""
    value, draws = float(measure(joint)), measure(drawn)
    if bundles.count == 1:
        # One row or group cannot be resampled: it is given the widest spread that it may have.
        draws = draws + np.sqrt(value * (1.0 - value)) * rng.standard_normal(len(draws))
    return Estimate(value=value, draws=draws)
