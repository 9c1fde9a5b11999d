"""The pseudo-labels that a run has given so far, as a checkpoint keeps them."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from isogloss.data.arrays import read_arrays, save_arrays
from isogloss.data.balancing import Shares, among, balanced
from isogloss.data.collate import IGNORED_LABEL
from isogloss.errors import IsoglossError
from isogloss.trainers.pseudolabels import Choice

PSEUDO_LABELS = "pseudo-labels.safetensors"


@dataclass(frozen=True, kw_only=True)
class PseudoLabels:
    """The labels of the target's rows after some rounds; a round makes another of these.

    Attributes:
        starts: (m + 1,) int64, the first row of each example, and the number of rows n.
        labels: (n,) int64, -100 where there is none.
        beliefs: (n, k) float32, the probabilities that each label was chosen by, 0 where there is
            none.
        rounds: what was found in each round; see `SelfTrainingTrainer.rounds`.
    """

    starts: np.ndarray
    labels: np.ndarray
    beliefs: np.ndarray
    rounds: tuple[dict[str, Any], ...] = ()

    @classmethod
    def none(cls, examples: np.ndarray, *, count: int, num_classes: int) -> PseudoLabels:
        """No labels yet.

        Args:
            examples: (n,) the example of each row, rising.
            count: m, the number of examples.
            num_classes: k.
        """
        return cls(
            starts=np.searchsorted(examples, np.arange(count + 1)),
            labels=np.full(len(examples), IGNORED_LABEL, dtype=np.int64),
            beliefs=np.zeros((len(examples), num_classes), dtype=np.float32),
        )

    def cleared(self) -> PseudoLabels:
        """The same rounds without their labels."""
        return dataclasses.replace(
            self,
            labels=np.full_like(self.labels, IGNORED_LABEL),
            beliefs=np.zeros_like(self.beliefs),
        )

    def with_choice(self, choice: Choice, probabilities: np.ndarray) -> PseudoLabels:
        """These and the chosen rows' labels; `probabilities` (n, k) are of all rows."""
        labels, beliefs = self.labels.copy(), self.beliefs.copy()
        labels[choice.rows] = choice.classes
        beliefs[choice.rows] = probabilities[choice.rows]
        return dataclasses.replace(self, labels=labels, beliefs=beliefs)

    def with_round(self, facts: dict[str, Any]) -> PseudoLabels:
        """These with one more round's facts."""
        return dataclasses.replace(self, rounds=(*self.rounds, facts))

    @property
    def free(self) -> np.ndarray:
        """(n,) bool, rows without a label."""
        return self.labels == IGNORED_LABEL

    @property
    def counts(self) -> np.ndarray:
        """(k,) labels of each class."""
        return np.bincount(self.labels[~self.free], minlength=self.beliefs.shape[1])

    @property
    def share(self) -> float:
        """Of the rows that have a label."""
        return float((~self.free).mean()) if len(self.labels) else 0.0

    @property
    def coverage(self) -> float:
        """Of the rows that were to have a label, those that could be given one."""
        return float(self.rounds[-1].get("coverage", 1.0)) if self.rounds else 1.0

    def facts(self) -> dict[str, Any]:
        """Rows and examples with a label, and the shares of the classes, as plain values."""
        counts = self.counts
        return {
            "labelled": int(counts.sum()),
            "share": self.share,
            "examples": len(self.labelled_examples()),
            "classes": (counts / max(1, counts.sum())).tolist(),
        }

    def labelled_examples(self) -> np.ndarray:
        """Indices, ascending, of the examples with a label on any row."""
        seen = np.concatenate([[0], np.cumsum(~self.free)])[self.starts]
        return np.flatnonzero(np.diff(seen) > 0)

    def balanced_shares(self) -> Shares:
        """Shares of the examples under which the labels come near balance, 0 where there is none.

        An example is drawn for its labelled rows; the others do not count.
        """
        chosen = self.labelled_examples()
        taken = np.zeros(len(self.starts) - 1, dtype=bool)
        taken[chosen] = True
        sizes = np.diff(self.starts)
        labels = self.labels[np.repeat(taken, sizes)]
        shares = balanced(labels, sizes[chosen], self.beliefs.shape[1])
        return among(shares, chosen, len(taken))

    def of(self, example: int) -> tuple[np.ndarray, np.ndarray]:
        """Labels and beliefs of one example's rows."""
        rows = slice(self.starts[example], self.starts[example + 1])
        return self.labels[rows], self.beliefs[rows]

    def save(self, folder: Path) -> None:
        """Write into a checkpoint's folder, whole or not at all.

        Raises:
            IsoglossError: E121 where it cannot be written.
        """
        path = folder / PSEUDO_LABELS
        arrays = {"starts": self.starts, "labels": self.labels, "beliefs": self.beliefs}
        save_arrays(path, arrays, self.rounds)

    @classmethod
    def load(cls, folder: Path, *, examples: int) -> PseudoLabels:
        """Read from a checkpoint's folder.

        Args:
            folder: of the checkpoint.
            examples: m, of the target that goes on being labelled.

        Raises:
            IsoglossError: E518 where there are none, they cannot be read, or they are of another
                number of examples.
        """
        path = folder / PSEUDO_LABELS
        try:
            arrays, rounds = read_arrays(path)
            found = cls(**arrays, rounds=tuple(rounds))
        except (TypeError, ValueError) as error:
            raise IsoglossError("E518", path=path, reason=str(error)) from error
        if len(found.starts) != examples + 1:
            reason = f"they are of {len(found.starts) - 1} examples, not {examples}"
            raise IsoglossError("E518", path=path, reason=reason)
        return found
