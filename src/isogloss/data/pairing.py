"""Batches of similar lengths, from one set or from source and target side by side.

Every order is a pure function of (seed, epoch), so a run that was interrupted takes up the very
batches that an unbroken one would have seen.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from torch.utils.data import Dataset, Sampler

# Batches sorted together: many enough for like lengths to meet, few enough for a random order.
BUCKET_BATCHES = 50


class PairedDataset(Dataset[dict[str, Any]]):
    """Source and target examples under one index: target example j is `len(source) + j`.

    Args:
        source: encoded source examples, with `labels`.
        target: encoded target examples; a `labels` column, if any, is left behind.
    """

    def __init__(self, source: Any, target: Any) -> None:
        self.source = source
        columns = set(target.column_names)
        self.target = target.remove_columns(["labels"]) if "labels" in columns else target

    def __len__(self) -> int:
        return len(self.source) + len(self.target)

    def __getitem__(self, index: int) -> dict[str, Any]:
        return self.__getitems__([index])[0]

    def __getitems__(self, indices: Sequence[int]) -> list[dict[str, Any]]:
        boundary = len(self.source)
        sides = (
            [i for i in indices if i < boundary],
            [i - boundary for i in indices if i >= boundary],
        )
        source = numbered_rows_of(self.source, sides[0])
        target = numbered_rows_of(self.target, sides[1])
        for example in target:
            example["is_target"] = True
        return source + target


def rows_of(dataset: Any, indices: Sequence[int]) -> list[dict[str, Any]]:
    """The examples at `indices` of a `datasets.Dataset`, one dictionary each."""
    if not indices:
        return []
    columns = dataset[list(indices)]
    names = list(columns)
    return [dict(zip(names, values, strict=True)) for values in zip(*columns.values(), strict=True)]


def numbered_rows_of(dataset: Any, indices: Sequence[int]) -> list[dict[str, Any]]:
    """As `rows_of`, each with its index as `index`, so that an error can name it."""
    examples = rows_of(dataset, indices)
    for example, index in zip(examples, indices, strict=True):
        example["index"] = index
    return examples


class SeededBatchSampler(Sampler[list[int]]):
    """Batches whose order is a function of a seed and the epoch.

    It has no `batch_size`: where several processes share the batches, accelerate would leave out
    those of another size.

    Args:
        seed: with the epoch, decides the order.
    """

    drop_last = False

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.epoch = 0

    def set_epoch(self, epoch: int) -> None:
        """Choose the order of epoch `epoch` (from 0)."""
        self.epoch = epoch

    def __len__(self) -> int:
        """Batches in an epoch, the same in each."""
        raise NotImplementedError


class BucketBatchSampler(SeededBatchSampler):
    """Random batches whose examples have similar lengths.

    The examples are shuffled, cut into stretches of 50 batches, sorted by length within each
    stretch, cut into batches, and the batches shuffled.

    Args:
        lengths: (n,) token counts.
        batch_size: examples a batch, >= 1; the last batch may be smaller.
        seed: with the epoch, decides the order.
    """

    def __init__(self, lengths: npt.ArrayLike, *, batch_size: int, seed: int) -> None:
        super().__init__(seed)
        self.lengths = np.asarray(lengths)
        self.size = batch_size

    def __len__(self) -> int:
        return -(-len(self.lengths) // self.size)

    def __iter__(self) -> Iterator[list[int]]:
        rng = np.random.default_rng((self.seed, self.epoch))
        size = self.size
        order = by_length(rng.permutation(len(self.lengths)), self.lengths, size)
        for i in rng.permutation(len(self)):
            yield order[i * size : (i + 1) * size].tolist()


class PairedBatchSampler(SeededBatchSampler):
    """Batches of `batch_size` source and `batch_size` target examples of similar lengths.

    An epoch is one pass over the source; the target is an endless stream of shuffled passes, so
    every target example comes equally often however the sizes differ. Source examples beyond the
    last full batch wait for another epoch's order.

    Args:
        source_lengths: (n,) token counts of the source.
        target_lengths: (m,) token counts of the target, counted from index n in the batches.
        batch_size: examples a side, >= 1; cut to n where n is smaller.
        seed: with the epoch, decides the order.
    """

    drop_last = True

    def __init__(
        self,
        source_lengths: npt.ArrayLike,
        target_lengths: npt.ArrayLike,
        *,
        batch_size: int,
        seed: int,
    ) -> None:
        super().__init__(seed)
        self.source_lengths = np.asarray(source_lengths)
        self.target_lengths = np.asarray(target_lengths)
        self.size = min(batch_size, len(self.source_lengths))

    def __len__(self) -> int:
        return len(self.source_lengths) // self.size

    def __iter__(self) -> Iterator[list[int]]:
        size, steps = self.size, len(self)
        rng = np.random.default_rng((self.seed, self.epoch))
        source = rng.permutation(len(self.source_lengths))[: steps * size]
        drawn = steps * size
        target = stream(len(self.target_lengths), self.epoch * drawn, drawn, seed=(self.seed, 1))
        source = by_length(source, self.source_lengths, size)
        target = by_length(target, self.target_lengths, size) + len(self.source_lengths)
        for i in rng.permutation(steps):
            batch = slice(i * size, (i + 1) * size)
            yield source[batch].tolist() + target[batch].tolist()


def stream(size: int, start: int, count: int, *, seed: tuple[int, ...]) -> np.ndarray:
    """Positions `start` to `start + count` of an endless stream of shuffled passes.

    Args:
        size: examples in a pass, >= 1.
        start: at least 0.
        count: at least 1.
        seed: with the number of the pass, decides its order.

    Returns:
        (count,) indices in 0..size-1.
    """
    first, last = start // size, (start + count - 1) // size
    passes = [
        np.random.default_rng((*seed, number)).permutation(size)
        for number in range(first, last + 1)
    ]
    return np.concatenate(passes)[start - first * size :][:count]


def by_length(order: np.ndarray, lengths: np.ndarray, size: int) -> np.ndarray:
    """An order whose stretches of `BUCKET_BATCHES` batches of `size` are sorted by length."""
    in_order = np.empty_like(order)
    for start in range(0, len(order), BUCKET_BATCHES * size):
        stretch = order[start : start + BUCKET_BATCHES * size]
        # A stable sort keeps equal lengths in their random order.
        in_order[start : start + len(stretch)] = stretch[
            np.argsort(lengths[stretch], kind="stable")
        ]
    return in_order
