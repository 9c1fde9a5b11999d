"""Batches of source examples and of those target examples that have a pseudo-label."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch.utils.data import Sampler

from isogloss.data.pairing import PairedDataset, by_length
from isogloss.trainers.selftraining_state import PseudoLabels


class PseudoLabelledDataset(PairedDataset):
    """Source and target examples under one index; a target example's labels are pseudo-labels.

    Args:
        source: encoded source examples, with `labels`.
        target: encoded target examples; a `labels` column, if any, is left behind.
        pseudo: says the pseudo-labels as they are now; `None` while there are none.
    """

    def __init__(self, source: Any, target: Any, pseudo: Callable[[], PseudoLabels | None]) -> None:
        super().__init__(source, target)
        self._pseudo = pseudo

    def __getitems__(self, indices: Sequence[int]) -> list[dict[str, Any]]:
        boundary = len(self.source)
        examples = super().__getitems__(indices)
        pseudo = self._pseudo()
        # The target's examples come last, in the order of their indices.
        chosen = [i - boundary for i in indices if i >= boundary]
        if pseudo is not None:
            for example, i in zip(examples[len(examples) - len(chosen) :], chosen, strict=True):
                example["labels"], example["beliefs"] = pseudo.of(i)
        return examples


class BeliefCollator:
    """Collates as another does, with the (n, k) probabilities behind the pseudo-labels.

    Args:
        inner: a `RowCollator`.
        num_classes: k.
    """

    def __init__(self, inner: Callable[..., dict[str, Any]], num_classes: int) -> None:
        self.inner = inner
        self.num_classes = num_classes

    def __call__(self, examples: Sequence[Mapping[str, Any]]) -> dict[str, torch.Tensor]:
        """The batch, and `beliefs` (n, k) float32, 0 on rows of the source."""
        batch = self.inner(examples)
        beliefs = [
            e.get("beliefs", np.zeros((len(e["active"]), self.num_classes), dtype=np.float32))
            for e in examples
        ]
        batch["beliefs"] = torch.from_numpy(np.concatenate(beliefs))
        return batch


class RoundBatchSampler(Sampler[list[int]]):
    """One round's batches: source and pseudo-labelled target examples of similar lengths.

    The source is an endless stream of shuffled passes that goes on from round to round. The target
    side is another, over the examples that have a label when the round begins. A batch has no
    example twice. Every order is a pure function of (seed, round).

    Args:
        source_lengths: (n,) token counts of the source.
        target_lengths: (m,) token counts of the target, counted from index n in the batches.
        labelled: says which target examples have a label now, in 0..m-1.
        batch_size: examples a side, >= 1; cut where a side has fewer.
        batches: in a round, >= 1.
        seed: with the round, decides the order.
    """

    drop_last = True

    def __init__(
        self,
        source_lengths: np.ndarray,
        target_lengths: np.ndarray,
        *,
        labelled: Callable[[], np.ndarray],
        batch_size: int,
        batches: int,
        seed: int,
    ) -> None:
        self.source_lengths = source_lengths
        self.target_lengths = target_lengths
        self.labelled = labelled
        self.batch_size = batch_size
        self.batches = batches
        self.seed = seed
        self.epoch = 0

    def set_epoch(self, epoch: int) -> None:
        """Choose the order of round `epoch` (from 0)."""
        self.epoch = epoch

    def __len__(self) -> int:
        return self.batches

    def __iter__(self) -> Iterator[list[int]]:
        ours, labelled = self.source_lengths, self.labelled()
        theirs = self.target_lengths[labelled]
        count, size = self.batches, self.batch_size
        source = passes(ours, size, self.epoch * count, count, seed=(self.seed, 0))
        target = passes(theirs, size, 0, count, seed=(self.seed, 1, self.epoch))
        source, target = by_longest(source, ours), by_longest(target, theirs)
        for i in np.random.default_rng((self.seed, 2, self.epoch)).permutation(count):
            yield source[i].tolist() + (labelled[target[i]] + len(ours)).tolist()


def passes(
    lengths: np.ndarray, size: int, start: int, count: int, *, seed: tuple[int, ...]
) -> np.ndarray:
    """Batches `start` to `start + count` of an endless stream of shuffled passes.

    Examples beyond a pass's last full batch wait for the next pass.

    Args:
        lengths: (n,) token counts; batches are of similar ones.
        size: examples a batch, cut to n.
        start: at least 0.
        count: at least 1.
        seed: with the number of the pass, decides its order.

    Returns:
        (count, size) indices in 0..n-1; without any example, (count, 0).
    """
    size = min(size, len(lengths))
    if size == 0:
        return np.zeros((count, 0), dtype=np.int64)
    each = len(lengths) // size
    first, last = start // each, (start + count - 1) // each
    found = [_one_pass(lengths, size, (*seed, number)) for number in range(first, last + 1)]
    return np.concatenate(found)[start - first * each :][:count]


def by_longest(batches: np.ndarray, lengths: np.ndarray) -> np.ndarray:
    """Batches (b, size) in the order of the length of their longest example."""
    return batches[np.argsort(lengths[batches].max(axis=1, initial=0), kind="stable")]


def _one_pass(lengths: np.ndarray, size: int, seed: tuple[int, ...]) -> np.ndarray:
    rng = np.random.default_rng(seed)
    count = len(lengths) // size
    # What waits is chosen before sorting, or it would always be the longest.
    order = rng.permutation(len(lengths))[: count * size]
    batches = by_length(order, lengths, size).reshape(count, size)
    return batches[rng.permutation(count)]
