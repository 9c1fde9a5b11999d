"""Macro-F1 of a test set and of others drawn from it, the same ones for every method."""

from __future__ import annotations

import numpy as np

RESAMPLES = 300
SEED = 20_220_425


def macro_f1_draws(
    probabilities: np.ndarray,
    labels: np.ndarray,
    examples: np.ndarray,
    *,
    resamples: int = RESAMPLES,
) -> list[float]:
    """Macro-F1 over the classes that the test set has.

    Args:
        probabilities: (m, k) of its rows.
        labels: (m,) true classes.
        examples: (m,) the text or sentence of each row; these are what is drawn anew.
        resamples: how often.

    Returns:
        (1 + resamples,) to four decimals, the first of the test set as it is. Two methods on one
        test set are given the same draws, so that the differences are paired.
    """
    k = probabilities.shape[1]
    cells = labels * k + probabilities.argmax(1)
    _, example = np.unique(examples, return_inverse=True)
    count = int(example.max()) + 1
    # What each example adds to the table of true and predicted classes.
    tables = np.zeros((count, k * k))
    np.add.at(tables, (example, cells), 1.0)
    rng = np.random.default_rng(SEED)
    weights = [np.ones(count)]
    weights += [rng.multinomial(count, np.full(count, 1 / count)) for _ in range(resamples)]
    joint = (np.stack(weights) @ tables).reshape(-1, k, k)
    right = joint.diagonal(axis1=1, axis2=2)
    wholes = joint.sum(1) + joint.sum(2)
    f1 = 2 * right / np.where(wholes > 0, wholes, 1.0)
    present = np.unique(labels)
    return [round(float(value), 4) for value in f1[:, present].mean(1)]
