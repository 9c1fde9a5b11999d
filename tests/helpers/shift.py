"""Label-shift problems whose answer is known."""

from __future__ import annotations

import numpy as np


def softmax(scores: np.ndarray) -> np.ndarray:
    exponentials = np.exp(scores - scores.max(axis=1, keepdims=True))
    return np.asarray(exponentials / exponentials.sum(axis=1, keepdims=True))


def draw_rows(
    rows: int,
    prior: np.ndarray,
    *,
    seed: int,
    source_prior: np.ndarray | None = None,
    separation: float = 2.0,
    moved: np.ndarray | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Gaussian classes, with their exact posteriors under the source prior.

    `moved` (k, k) is added to the features of each class's rows: it breaks label shift.
    """
    rng = np.random.default_rng(seed)
    labels = rng.choice(len(prior), rows, p=prior)
    means = separation * np.eye(len(prior))
    features = means[labels] + rng.normal(size=(rows, len(prior)))
    if moved is not None:
        features += moved[labels]
    trained = prior if source_prior is None else source_prior
    return softmax(separation * features + np.log(np.maximum(trained, 1e-9))), labels


def exact_problem(
    size: int, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Source rows, their labels, target rows and their prior, where label shift holds exactly.

    Both sides repeat the same few rows of each class, in numbers of their own.
    """
    mixing = rng.uniform(0.1, 0.8)
    noise = rng.dirichlet(np.ones(size), (size, 2))
    rows = mixing * noise + (1.0 - mixing) * np.eye(size)[:, None, :]
    source_counts = rng.integers(1, 5, size)
    target_counts = rng.integers(0, 6, size)
    target_counts[rng.integers(size)] += 1
    labels = np.repeat(np.arange(size), 2 * source_counts)
    source = np.concatenate([np.tile(r, (c, 1)) for r, c in zip(rows, source_counts, strict=True)])
    target = np.concatenate([np.tile(r, (c, 1)) for r, c in zip(rows, target_counts, strict=True)])
    return source, labels, target, target_counts / target_counts.sum()
