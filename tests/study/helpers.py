"""Made targets and models for studies, small enough to measure naively."""

from __future__ import annotations

import numpy as np

from isogloss.study.rows import ModelRows, SourceSide, TargetLabels
from isogloss.tasks.metrics import entity_counts

NAMES = ("bad", "fair", "good")
TAGS = ("O", "B-PER", "I-PER", "B-LOC", "I-LOC")


def rows_target(
    *, shares: tuple[float, ...] = (1 / 3, 1 / 3, 1 / 3), rows: int = 300
) -> TargetLabels:
    counts = np.round(np.array(shares) * rows).astype(int)
    labels = np.random.default_rng(5).permutation(np.repeat(np.arange(len(shares)), counts))
    return TargetLabels(
        name="de.csv", names=NAMES, labels=labels, examples=None, num_examples=len(labels)
    )


def tag_sentences(count: int, *, seed: int) -> list[list[str]]:
    """Sentences of entities and of words outside, in IOB2."""
    rng = np.random.default_rng(seed)
    sentences = []
    for _ in range(count):
        tags: list[str] = []
        for _ in range(int(rng.integers(1, 5))):
            kind = rng.choice(["O", "PER", "LOC"], p=[0.5, 0.3, 0.2])
            length = int(rng.integers(1, 4))
            inside = ["O"] * length if kind == "O" else [f"B-{kind}", *[f"I-{kind}"] * (length - 1)]
            tags += inside
        sentences.append(tags)
    return sentences


def tags_target(count: int = 200) -> tuple[TargetLabels, list[list[str]]]:
    sentences = tag_sentences(count, seed=3)
    labels = np.array([TAGS.index(tag) for tags in sentences for tag in tags])
    examples = np.repeat(np.arange(count), [len(tags) for tags in sentences])
    target = TargetLabels(
        name="de.conll", names=TAGS, labels=labels, examples=examples, num_examples=count
    )
    return target, sentences


def made_model(target: TargetLabels, *, name: str = "zero-shot", noise: float = 1.0) -> ModelRows:
    """A linear model on Gaussian features, of which the target's are moved a little."""
    rng = np.random.default_rng(9)
    size = len(target.names)
    weights = np.eye(size, 6) * 2.0

    def side(labels: np.ndarray, moved: float) -> tuple[np.ndarray, np.ndarray]:
        features = weights[labels] + noise * rng.normal(size=(len(labels), 6)) + moved
        return features.astype(np.float32), (features @ weights.T).astype(np.float32)

    source_labels = rng.permutation(np.arange(60 * size) % size)
    source_features, source_logits = side(source_labels, 0.0)
    features, logits = side(target.labels, 0.3)
    predicted = logits.argmax(axis=1)
    entities = None
    if target.examples is not None:
        split = np.flatnonzero(np.diff(target.examples)) + 1
        truth, guess = (
            [[target.names[j] for j in part] for part in np.split(ids, split)]
            for ids in (target.labels, predicted)
        )
        entities = entity_counts(truth, guess)
    return ModelRows(
        name=name,
        predicted=predicted,
        logits=logits,
        labels=target.labels,
        examples=target.examples,
        features=features,
        entities=entities,
        source=SourceSide(logits=source_logits, labels=source_labels, features=source_features),
    )
