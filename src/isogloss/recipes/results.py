"""What a classifier in a run is worth: scores where there are labels, and the target's prior."""

from __future__ import annotations

from typing import Any

import numpy as np

from isogloss.labelshift.priors import total_variation
from isogloss.recipes.workshop import Workshop, sample
from isogloss.trainers.estimation import RowEstimator
from isogloss.trainers.rows import CollectedRows, collect_rows

# A run estimates the prior from at most this many target examples.
PRIOR_SAMPLE = 4_000


def measure(shop: Workshop, classifier: Any, pad_token_id: int, *, stage: str) -> dict[str, Any]:
    """Score a stage's classifier and estimate the target prior with it.

    Args:
        shop: the run.
        classifier: the trained `FeatureClassifier`.
        pad_token_id: of the tokenizer.
        stage: named to whoever watches.

    Returns:
        `metrics`: by set (`held-out`, or `train` where nothing was held out; `test` where one was
        given); `prior`: see `prior_report`.
    """
    data = shop.data
    own = "held-out" if data.held_out is not data.train else "train"
    target = sample(data.target, PRIOR_SAMPLE, shop.config.seed)
    sets = {own: data.held_out, "target": target} | ({"test": data.test} if data.test else {})
    shop.progress.start(f"{stage}: measuring", sum(map(len, sets.values())), "rows")
    rows = {
        name: collect_rows(
            classifier,
            dataset,
            pad_token_id=pad_token_id,
            precision=shop.precision,
            progress=shop.progress.advance,
        )
        for name, dataset in sets.items()
    }
    shop.progress.finish()
    truth = shop.task.decode(rows[own].labels, sets[own])
    metrics = {own: row_metrics(shop, truth, sets[own], rows[own])}
    if data.test is not None:
        metrics["test"] = row_metrics(shop, shop.test_references, data.test, rows["test"])
    return {"metrics": metrics, "prior": prior_report(shop, rows[own], rows["target"])}


def prior_report(shop: Workshop, source: CollectedRows, target: CollectedRows) -> dict[str, Any]:
    """The target prior as estimated, beside what it is compared with.

    Args:
        shop: the run.
        source: labelled rows, held out if they can be.
        target: target rows.

    Returns:
        `labels` and, each (k,) in their order, `source`, `predicted` (raw shares of predicted
        classes), `estimate`, `interval` (k pairs) at `level`, `weights`, and `true` where a recipe
        knows it; `shift`, the total variation between source and estimate; `significant`.
    """
    estimator = RowEstimator(source=None, target=None, pad_token_id=0, seed=shop.config.seed)
    estimate = estimator.estimate_from(source, target)
    report = {
        "labels": list(shop.labels.names),
        "source": shop.source_prior.tolist(),
        "predicted": predicted_shares(target, len(shop.labels)).tolist(),
        "estimate": estimate.prior.tolist(),
        "interval": np.asarray(estimate.interval).tolist(),
        "level": 0.95,
        "weights": estimate.weights.tolist(),
        "shift": float(total_variation(shop.source_prior, estimate.prior)),
        "significant": bool(estimate.significant),
    }
    if shop.target_prior is not None:
        report["true"] = shop.target_prior.tolist()
    return report


def row_metrics(shop: Workshop, truth: Any, dataset: Any, rows: CollectedRows) -> dict[str, float]:
    """The task's scores of predicted rows against true labels as `Task.references` gives them."""
    return shop.task.metrics(truth, shop.task.decode(rows.predictions, dataset))


def predicted_shares(rows: CollectedRows, num_classes: int) -> np.ndarray:
    """(k,) shares of the predicted classes; the raw count that ignores the classifier's errors."""
    return np.bincount(rows.predictions, minlength=num_classes) / max(1, len(rows.predictions))
