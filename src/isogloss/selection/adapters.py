"""From the evidence of a candidate to the numbers that each score's function takes."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np

from isogloss.labelshift.statistics import gather_statistics
from isogloss.selection.accuracy import mean_confidence
from isogloss.selection.agreement import ensemble_agreement
from isogloss.selection.confidence import (
    ORDER,
    batch_nuclear_norm,
    information_maximisation,
    mano,
)
from isogloss.selection.evidence import Evidence
from isogloss.selection.light import MOST_ROWS
from isogloss.selection.reverse import reverse_validation
from isogloss.selection.risk import deep_embedded_validation, density_ratios
from isogloss.selection.rows import sample_rows
from isogloss.selection.shift import label_shift_residual

Function = Callable[[Evidence], float]


def of_source(measure: Callable[..., float], *, weighted: bool) -> Function:
    """A measure of labelled source rows, by the target's prior or by their own."""
    return lambda evidence: measure(
        evidence.source, evidence.labels, weights=evidence.weights if weighted else None
    )


def of_both(measure: Callable[..., float], *, weighted: bool) -> Function:
    """A measure of both sides' confidences, under a temperature fitted to the source rows."""
    return partial(_of_both, measure, weighted)


def _of_both(measure: Callable[..., float], weighted: bool, evidence: Evidence) -> float:
    source, target = evidence.tempered_by_prior if weighted else evidence.tempered
    weights = evidence.weights if weighted else None
    return measure(source, evidence.labels, target, weights=weights)


def of_target(measure: Callable[..., float]) -> Function:
    """A measure of the predictions on the target."""
    return lambda evidence: measure(evidence.target)


def drawn(measure: Callable[..., float]) -> Function:
    """A measure of the predictions on some target rows, by the seed."""
    return lambda evidence: measure(evidence.target, seed=evidence.shared.seed)


def corrected_confidence(evidence: Evidence) -> float:
    """Mean probability of the predicted classes after calibration, under the estimated prior."""
    return mean_confidence(evidence.posterior, predicted=evidence.target.argmax(axis=1))


def agreement(evidence: Evidence) -> float:
    """Agreement with the ensemble of all candidates."""
    return ensemble_agreement(evidence.target, evidence.shared.ensemble)


def normalised_logits(evidence: Evidence) -> float:
    """MaNo of the logits as the candidate is used."""
    logits = np.asarray(evidence.rows.target_logits, dtype=np.float64)
    if evidence.rows.correction is None:
        return mano(logits)
    factors = np.asarray(evidence.rows.correction, dtype=np.float64)
    possible = factors > 0
    # A class that is ruled out has no finite logit; its cells are 0 and count in the norm's mean.
    share = float(possible.mean() ** (1.0 / ORDER))
    return share * mano(logits[:, possible] + np.log(factors[possible]))


def information(evidence: Evidence) -> float:
    """Information maximisation against the estimated prior."""
    return information_maximisation(evidence.target, evidence.prior)


def batches(evidence: Evidence) -> float:
    """The batch nuclear norm under the estimated prior."""
    seed = evidence.shared.seed
    return batch_nuclear_norm(evidence.target, prior=evidence.prior, seed=seed)


def validation_risk(evidence: Evidence) -> float:
    """DEV on a draw of both sides."""
    source, target = _draws(evidence)
    rows = evidence.rows
    right = evidence.source[source].argmax(axis=1) == evidence.labels[source]
    ratios = density_ratios(
        _of(rows.source_features)[source],
        _of(rows.target_features)[target],
        source_groups=None if rows.source_groups is None else rows.source_groups[source],
        target_groups=None if rows.target_groups is None else rows.target_groups[target],
        seed=evidence.shared.seed,
    )
    return deep_embedded_validation(right, ratios)


def backwards(evidence: Evidence) -> float:
    """Reverse validation on a draw of both sides."""
    source, target = _draws(evidence)
    return reverse_validation(
        _of(evidence.rows.source_features)[source],
        evidence.labels[source],
        _of(evidence.rows.target_features)[target],
        evidence.target[target].argmax(axis=1),
        num_classes=evidence.rows.num_classes,
        weights=evidence.weights,
    )


def residual(evidence: Evidence) -> float:
    """Residual of the label-shift equation in probabilities."""
    found = gather_statistics(evidence.source, evidence.labels, evidence.target, hard=False)
    return label_shift_residual(found, evidence.weights)


def feature_shift_change(evidence: Evidence) -> float:
    """Estimated conditional feature shift, less that of the zero-shot candidate."""
    return evidence.feature_shift - evidence.shared.reference.feature_shift


def scaled_feature_shift_change(evidence: Evidence) -> float:
    """The same of shifts that are scaled by the spread of the source's classes."""
    return evidence.scaled_feature_shift - evidence.shared.reference.scaled_feature_shift


def _draws(evidence: Evidence) -> tuple[np.ndarray, np.ndarray]:
    """Rows of both sides, words where there are sentences; see `sample_rows`."""
    seed = evidence.shared.seed
    sizes = len(evidence.labels), evidence.rows.num_target_rows
    return sample_rows(sizes[0], MOST_ROWS, seed=seed), sample_rows(sizes[1], MOST_ROWS, seed=seed)


def _of(features: np.ndarray | None) -> np.ndarray:
    assert features is not None
    return features
