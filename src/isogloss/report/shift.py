"""How far apart the two sides' features lie, stage by stage."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from isogloss.labelshift.calibration import fit_calibration
from isogloss.labelshift.checks import Floats
from isogloss.report.reading import StageRows
from isogloss.selection.shift import conditional_feature_shift

# Rows of a side that are measured: those of a tagging task are many.
MOST_ROWS = 20_000


@dataclass(frozen=True, kw_only=True)
class FeatureShift:
    """Of one stage's final features.

    Attributes:
        stage: its name.
        distance: mean over the classes of the L1 distance of their mean features, at least 0.
        scaled: that, divided by the mean L1 distance of source rows from the mean of their class.
    """

    stage: str
    distance: float
    scaled: float


def feature_shift(stage: StageRows, weights: Floats, *, seed: int) -> FeatureShift | None:
    """The estimated conditional feature shift of a stage.

    The target has no labels: a row counts for each class by its probability, calibrated on the
    source rows and corrected by class weights, unless training has settled the balance.

    Args:
        stage: with its rows.
        weights: (k,) importance weights.
        seed: of the choice among too many rows.

    Returns:
        The shift, or None where no features were kept.

    References:
        Xian, Ji & Zhao, ICLR 2022, eqs. 1 and 2, with estimated classes for the true ones.
    """
    rows = stage.rows
    if rows.source_features is None or rows.target_features is None:
        return None
    own = _some(len(rows.source_labels), seed)
    other = _some(rows.num_target_rows, seed + 1)
    labels = rows.source_labels[own]
    calibrate = fit_calibration(stage.probabilities("source")[own], labels)
    calibrated = calibrate(stage.probabilities("target")[other])
    probabilities = rows.posterior(calibrated, _scaled(weights))
    found = [
        conditional_feature_shift(
            rows.source_features[own], labels, rows.target_features[other], probabilities,
            scaled=scaled,
        )
        for scaled in (False, True)
    ]  # fmt: skip
    return FeatureShift(stage=rows.name, distance=found[0], scaled=found[1])


def _some(count: int, seed: int) -> np.ndarray:
    if count <= MOST_ROWS:
        return np.arange(count)
    return np.sort(np.random.default_rng(seed).choice(count, MOST_ROWS, replace=False))


def _scaled(weights: Floats) -> Floats:
    scaled: Floats = weights / max(float(weights.max()), np.finfo(float).tiny)
    return scaled
