"""One inference pass of a classifier over encoded examples, back in their own order."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch

from isogloss.data.collate import RowCollator
from isogloss.data.pairing import rows_of
from isogloss.labelshift.calibration import softmax
from isogloss.models.features import FeatureClassifier
from isogloss.models.inference import inference, tokens_per_batch
from isogloss.trainers.finetune import lengths_of, model_inputs


@dataclass(frozen=True)
class CollectedRows:
    """The rows of a dataset in its order.

    Attributes:
        logits: (n, k) float32.
        labels: (n,) int64, -100 where unknown.
        examples: (n,) int64, the example each row belongs to.
        features: (n, d) float32, or None where they were not asked for.
    """

    logits: np.ndarray
    labels: np.ndarray
    examples: np.ndarray
    features: np.ndarray | None = None

    @property
    def probabilities(self) -> np.ndarray:
        """(n, k) float64, rows sum to 1."""
        return softmax(self.logits.astype(np.float64))

    @property
    def predictions(self) -> np.ndarray:
        """(n,) int64, the most probable class."""
        return self.logits.argmax(axis=1)

    def sample(self, most: int, *, seed: int) -> CollectedRows:
        """The rows of at most `most` >= 1 examples, drawn without replacement, in their order."""
        examples = np.unique(self.examples)
        if len(examples) <= most:
            return self
        chosen = np.random.default_rng((seed, 3)).permutation(examples)[:most]
        kept = np.isin(self.examples, chosen)
        features = None if self.features is None else self.features[kept]
        return CollectedRows(self.logits[kept], self.labels[kept], self.examples[kept], features)


def collect_rows(
    classifier: FeatureClassifier,
    dataset: Any,
    *,
    pad_token_id: int,
    precision: Literal["bf16", "fp32"] = "fp32",
    features: bool = False,
    progress: Callable[[int], None] | None = None,
) -> CollectedRows:
    """Run a classifier over a dataset with dropout off, short examples with short ones.

    What comes out is as the classifier revises it (`FeatureClassifier.revise`).

    Args:
        classifier: moved nowhere, left in the mode it was in.
        dataset: encoded examples, with or without labels.
        pad_token_id: of the tokenizer.
        precision: of the matrix products.
        features: keep the features too.
        progress: told the number of examples done, batch by batch.

    Returns:
        `CollectedRows` in the order of the dataset.
    """
    collator = RowCollator(pad_token_id=pad_token_id)
    device = next(classifier.parameters()).device
    lengths = np.asarray(lengths_of(dataset))
    parts: list[tuple[np.ndarray, ...]] = []
    with inference(classifier, precision):
        for indices in length_batches(lengths, budget=tokens_per_batch(device)):
            batch = collator(rows_of(dataset, indices.tolist()))
            parts.append(_run(classifier, batch, indices, device, features))
            if progress is not None:
                progress(len(indices))
    return _in_order(parts, classifier, features)


def length_batches(lengths: np.ndarray, *, budget: int) -> Iterator[np.ndarray]:
    """Yield indices in batches of at most `budget` tokens (or one example), the longest first.

    Args:
        lengths: (n,) token counts.
        budget: of tokens in a batch, padding counted, >= 1.
    """
    order = np.argsort(-lengths, kind="stable")
    start = 0
    while start < len(order):
        size = max(1, budget // max(1, int(lengths[order[start]])))
        yield order[start : start + size]
        start += size


def _run(
    classifier: FeatureClassifier,
    batch: dict[str, torch.Tensor],
    indices: np.ndarray,
    device: torch.device,
    features: bool,
) -> tuple[np.ndarray, ...]:
    inputs = {name: value.to(device) for name, value in model_inputs(batch).items()}
    # Not by calling it: what `accelerate` trained keeps a forward that puts the head in bf16 too.
    output = FeatureClassifier.forward(classifier, **inputs)
    logits = output.logits.float().cpu().numpy()
    kept = output.features.float().cpu().numpy() if features else logits[:, :0]
    examples = indices[batch["active_rows"].numpy()]
    return logits, batch["labels"].numpy(), examples, kept


def _in_order(
    parts: list[tuple[np.ndarray, ...]], classifier: FeatureClassifier, features: bool
) -> CollectedRows:
    if not parts:
        empty = np.zeros((0, classifier.num_labels), dtype=np.float32)
        none = np.zeros(0, dtype=np.int64)
        kept = np.zeros((0, classifier.feature_size), dtype=np.float32) if features else None
        return CollectedRows(empty, none, none, kept)
    logits, labels, examples, kept = (np.concatenate(column) for column in zip(*parts, strict=True))
    order = np.argsort(examples, kind="stable")
    kept_in_order = kept[order] if features else None
    logits, examples = logits[order], examples[order]
    if classifier.revise is not None:
        logits = classifier.revise(logits, examples)
    return CollectedRows(logits, labels[order], examples, kept_in_order)
