"""The target's side of balanced sampling: examples drawn so that pseudo-labels are in balance."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch

from isogloss.data.arrays import read_arrays, save_arrays
from isogloss.data.balancing import Shares, balanced, plain
from isogloss.data.pairing import PairedDataset
from isogloss.errors import IsoglossError
from isogloss.labelshift.calibration import softmax
from isogloss.labelshift.correction import reweigh
from isogloss.models.features import FeatureClassifier
from isogloss.trainers.rows import collect_rows

SAMPLING = "sampling.safetensors"


@dataclass(frozen=True, kw_only=True)
class TargetSampling:
    """How the target's examples are drawn in one round.

    Attributes:
        shares: of the examples; `natural` and `drawn` are of the pseudo-labels.
        tilt: (k,) how many times as often the rows of each class come, as far as the classifier's
            posterior says; 1 on average over the target's own balance.
        number: of the round, -1 before the first.
    """

    shares: Shares
    tilt: np.ndarray
    number: int = -1

    @classmethod
    def none(cls, examples: int, num_classes: int, *, number: int = -1) -> TargetSampling:
        """All examples alike, as before there are pseudo-labels."""
        shares = plain(examples, num_classes)
        return cls(shares=shares, tilt=np.ones(num_classes), number=number)

    def save(self, folder: Path) -> None:
        """Write into a checkpoint's folder, whole or not at all.

        Raises:
            IsoglossError: E121 where it cannot be written.
        """
        arrays = {**vars(self.shares), "tilt": self.tilt}
        save_arrays(folder / SAMPLING, arrays, {"number": self.number})

    @classmethod
    def load(cls, folder: Path, *, examples: int) -> TargetSampling:
        """Read from a checkpoint's folder.

        Args:
            folder: of the checkpoint.
            examples: m, of the target that goes on being drawn from.

        Raises:
            IsoglossError: E545 where there is none, it cannot be read, or it is of another number
                of examples.
        """
        path = folder / SAMPLING
        try:
            arrays, facts = read_arrays(path)
            tilt, number = arrays.pop("tilt"), int(facts["number"])
            found = cls(shares=Shares(**arrays), tilt=tilt, number=number)
        except (KeyError, TypeError, ValueError) as error:
            raise IsoglossError("E545", path=path, reason=str(error)) from error
        held = len(found.shares.examples)
        if held != examples:
            reason = f"it is of {held} examples, not {examples}"
            raise IsoglossError("E545", path=path, reason=reason)
        return found


class DrawnDataset(PairedDataset):
    """Source and target examples with how many times as often each comes, as `times`.

    Args:
        source: encoded source examples, with `labels`.
        target: encoded target examples; a `labels` column, if any, is left behind.
        times: says it of the target's (m,) as they are drawn now; the source's have 1.
    """

    def __init__(self, source: Any, target: Any, *, times: Callable[[], np.ndarray]) -> None:
        super().__init__(source, target)
        self._times = times

    def __getitems__(self, indices: Sequence[int]) -> list[dict[str, Any]]:
        boundary = len(self.source)
        examples = super().__getitems__(indices)
        # The target's examples come last, in the order of their indices.
        chosen = [i - boundary for i in indices if i >= boundary]
        times = self._times()[chosen].tolist()
        for example, found in zip(examples[len(examples) - len(chosen) :], times, strict=True):
            example["times"] = found
        return examples


class TimesCollator:
    """Collates as another does, with `times` (n,) float32 of each row.

    Args:
        inner: a `RowCollator`.
    """

    def __init__(self, inner: Callable[..., dict[str, Any]]) -> None:
        self.inner = inner

    def __call__(self, examples: Sequence[Mapping[str, Any]]) -> dict[str, torch.Tensor]:
        """The batch, and the times."""
        batch = self.inner(examples)
        of_examples = torch.tensor([float(e.get("times", 1.0)) for e in examples])
        batch["times"] = of_examples[batch["active_rows"]]
        return batch


@dataclass(frozen=True, kw_only=True)
class PseudoBalancer:
    """Gives the target's examples new shares, from a pass over all of them without dropout.

    Args:
        target: encoded target examples; labels, if there, are not looked at.
        source: shares of the source, whose drawn balance is the one that classes are predicted
            under.
        pad_token_id: of the tokenizer.
        precision: of the matrix products.
    """

    target: Any
    source: Shares
    pad_token_id: int
    precision: Literal["bf16", "fp32"] = "fp32"

    def __call__(
        self, classifier: FeatureClassifier, *, weights: np.ndarray, number: int
    ) -> TargetSampling:
        """The shares of a round.

        Args:
            classifier: who gives the pseudo-labels.
            weights: (k,) the target's class balance over the source's as it is drawn.
            number: of the round.
        """
        rows = collect_rows(
            classifier, self.target, pad_token_id=self.pad_token_id, precision=self.precision
        )
        seen = softmax(rows.logits.astype(np.float64) + np.log(self.source.ratio))
        counts = np.bincount(rows.examples, minlength=len(self.target))
        shares = balanced(seen.argmax(axis=1), counts, seen.shape[1])
        tilt = class_tilt(reweigh(seen, weights), shares.times[rows.examples])
        return TargetSampling(shares=shares, tilt=tilt, number=number)


def class_tilt(posterior: np.ndarray, times: np.ndarray) -> np.ndarray:
    """How many times as often the rows of each class come under a sampling, on average.

    Drawing by pseudo-labels does not make the true classes as balanced as these: rows of class y
    come `E[times | y]` times as often, so that the target's balance p is `p * tilt` in the batches.

    Args:
        posterior: (n, k) probabilities of the rows' classes under the target's own balance.
        times: (n,) how many times as often each row comes.

    Returns:
        (k,), scaled to 1 on average over the posterior; 1 for a class without probability.
    """
    mass = posterior.sum(axis=0)
    drawn = times @ posterior
    tilt = np.ones(len(mass))
    np.divide(drawn * mass.sum(), mass * drawn.sum(), out=tilt, where=mass > 0)
    return tilt
