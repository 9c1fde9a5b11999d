"""An estimated class prior as JSON values, the same for a run, a file and a picture."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from isogloss.data.formats import listed
from isogloss.labelshift.measures import total_variation
from isogloss.labelshift.prior_estimation import PriorEstimate


def describe_prior(
    estimate: PriorEstimate,
    *,
    labels: Sequence[str],
    predicted: np.ndarray,
    source: np.ndarray | None = None,
) -> dict[str, Any]:
    """An estimate as `prior.json` holds it.

    Args:
        estimate: of the target's prior.
        labels: the k class names.
        predicted: (k,) shares of the predicted classes, counted.
        source: (k,) the source prior to show and to measure the shift from; by default that of the
            source rows that were used.

    Returns:
        `labels` and, each (k,) in their order, `source`, `predicted`, `estimate`, `interval` (k
        pairs) at `level`, `weights` and `raw` (before shrinkage and known facts); `shift`, the
        total variation between source and estimate, in 0..1; `significant`; `method`;
        `shrinkage`, the share of the measured shift that is kept; `assumption_p_value`, small
        where label shift does not explain the target's predictions; `sentences` that say it for
        people; `diagnostics`.
    """
    source = estimate.source_prior if source is None else source
    return {
        "labels": list(labels),
        "source": np.asarray(source).tolist(),
        "predicted": np.asarray(predicted).tolist(),
        "estimate": np.asarray(estimate.prior).tolist(),
        "interval": np.asarray(estimate.interval).tolist(),
        "level": float(estimate.level),
        "weights": np.asarray(estimate.weights).tolist(),
        "raw": np.asarray(estimate.raw_prior).tolist(),
        "shift": float(total_variation(source, estimate.prior)),
        "significant": bool(estimate.shift_is_significant),
        "method": estimate.method,
        "shrinkage": float(estimate.shrinkage),
        "assumption_p_value": float(estimate.assumption_p_value),
        "sentences": [*estimate.sentences(), *_untold(estimate, labels)],
        "diagnostics": estimate.to_dict()["diagnostics"],
    }


def _untold(estimate: PriorEstimate, labels: Sequence[str]) -> list[str]:
    """That no row tells of some classes, which the estimate and its interval have at 0."""
    without = (np.asarray(estimate.source_prior) == 0) & (np.asarray(estimate.prior) == 0)
    names = [label for label, unseen in zip(labels, without, strict=True) if unseen]
    if not names:
        return []
    return [
        f"No held-out source row has {listed(names)}: what share of the target that is cannot be "
        "told, and 0 stands for it."
    ]


def class_shares_of(classes: np.ndarray, num_classes: int) -> np.ndarray:
    """(k,) shares of the classes among (n,) class ids; zeros where there are none."""
    shares: np.ndarray = np.bincount(classes, minlength=num_classes) / max(1, len(classes))
    return shares
