"""What a study works on: a labelled target, and what each model says of it and of its source."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from isogloss.labelshift.checks import Floats, Integers


@dataclass(frozen=True, kw_only=True)
class TargetLabels:
    """A labelled target set.

    Attributes:
        name: of the set.
        names: the k labels.
        labels: (w,) class ids in 0..k-1 of every example, or for tagging of every word.
        examples: (w,) the sentence of each word, in 0..n-1; None where every example is one row.
        num_examples: n.
    """

    name: str
    names: tuple[str, ...]
    labels: Integers
    examples: Integers | None
    num_examples: int

    @property
    def totals(self) -> Floats:
        """(n, k) words of each tag in each sentence."""
        examples = np.arange(len(self.labels)) if self.examples is None else self.examples
        cells = examples * len(self.names) + self.labels
        counts = np.bincount(cells, minlength=self.num_examples * len(self.names))
        return counts.reshape(self.num_examples, len(self.names)).astype(np.float64)

    @property
    def prior(self) -> Floats:
        """(k,) shares of the classes."""
        return np.bincount(self.labels, minlength=len(self.names)) / len(self.labels)


@dataclass(frozen=True, kw_only=True)
class SourceSide:
    """What a model says of labelled source rows.

    Attributes:
        logits: (n, k).
        labels: (n,) class ids in 0..k-1.
        features: (n, d), or None.
        groups: (n,) rows of one group (the words of a sentence) are not independent; or None.
    """

    logits: np.ndarray
    labels: Integers
    features: np.ndarray | None = None
    groups: Integers | None = None


@dataclass(frozen=True, kw_only=True)
class ModelRows:
    """What a model says of a whole target set, from one forward pass.

    Attributes:
        name: of the model.
        predicted: (w,) class ids, in the order of the target's labels.
        logits: (r, k) of its rows; where a tokenizer cuts sentences, there are fewer than w.
        labels: (r,) class ids of the rows.
        examples: (r,) the example of each row; None where every example is one row.
        features: (r, d) float32 of the rows, or None.
        entities: (n, 3) entities of each sentence that are found rightly, predicted, and true; or
            None.
        source: its source.
    """

    name: str
    predicted: Integers
    logits: np.ndarray
    labels: Integers
    examples: Integers | None = None
    features: np.ndarray | None = None
    entities: np.ndarray | None = None
    source: SourceSide
