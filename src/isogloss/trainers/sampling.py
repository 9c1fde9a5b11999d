"""The batches that a trainer's settings ask for: of so many examples, or of so many tokens.

They are those of all processes together; `processes.OwnShare` gives each its part.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial

import numpy as np

from isogloss.data.balanced_batches import BalancedBatchSampler, DrawnSide
from isogloss.data.balancing import Shares
from isogloss.data.pairing import BucketBatchSampler, PairedBatchSampler, SeededBatchSampler
from isogloss.data.token_batches import PairedTokenSampler, TokenBatchSampler
from isogloss.trainers.config import RowTrainingArguments
from isogloss.trainers.selftraining_batching import Batching, ByExamples, ByTokens


def one_set(args: RowTrainingArguments, lengths: np.ndarray) -> SeededBatchSampler:
    """Random batches of one set, of similar lengths unless `bucket_by_length` is off.

    Args:
        args: of the trainer.
        lengths: (n,) token counts.
    """
    budget, seed = batch_tokens(args), int(args.seed)
    if budget:
        multiple = args.pad_to_multiple_of
        return TokenBatchSampler(lengths, budget=budget, multiple=multiple, seed=seed)
    size = batch_examples(args)
    return BucketBatchSampler(sorted_by(args, lengths), batch_size=size, seed=seed)


def drawn_set(
    args: RowTrainingArguments, lengths: np.ndarray, shares: Shares
) -> BalancedBatchSampler:
    """Batches of one set that is drawn by shares, as many in an epoch as `one_set` has.

    Args:
        args: of the trainer.
        lengths: (n,) token counts.
        shares: of the examples.
    """
    size = batch_examples(args)
    side = DrawnSide(lengths=sorted_by(args, lengths), shares=lambda: shares, size=size)
    return BalancedBatchSampler([side], batches=len(one_set(args, lengths)), seed=int(args.seed))


def two_drawn_sides(
    args: RowTrainingArguments,
    source: np.ndarray,
    target: np.ndarray,
    *,
    shares: tuple[Callable[[], Shares], Callable[[], Shares]],
    batches: int,
) -> BalancedBatchSampler:
    """Batches of as many source as target examples, drawn by the shares that each has now.

    Args:
        args: of the trainer.
        source: (n,) token counts.
        target: (m,) token counts.
        shares: of source and target, asked when an epoch begins.
        batches: in an epoch.
    """
    size = batch_examples(args)
    sides = [
        DrawnSide(lengths=sorted_by(args, lengths), shares=now, size=size)
        for lengths, now in zip((source, target), shares, strict=True)
    ]
    return BalancedBatchSampler(sides, batches=batches, seed=int(args.seed))


def two_sides(
    args: RowTrainingArguments, source: np.ndarray, target: np.ndarray
) -> SeededBatchSampler:
    """Batches of as many source as target examples, of similar lengths as `one_set`.

    Args:
        args: of the trainer.
        source: (n,) token counts.
        target: (m,) token counts.
    """
    budget, seed = batch_tokens(args), int(args.seed)
    if budget:
        options = {"budget": budget, "multiple": args.pad_to_multiple_of, "seed": seed}
        make = partial(PairedTokenSampler, source, target, **options)
        passes = math.ceil(args.num_train_epochs)
        if args.max_steps > 0:
            batches = args.max_steps * args.gradient_accumulation_steps
            passes = math.ceil(batches / len(make(passes=1)))
        return make(passes=passes)
    size = batch_examples(args)
    sides = sorted_by(args, source), sorted_by(args, target)
    return PairedBatchSampler(*sides, batch_size=size, seed=seed)


def source_examples(args: RowTrainingArguments, source: np.ndarray, target: np.ndarray) -> float:
    """Mean number of source examples in a batch of `two_sides`."""
    if args.tokens_per_batch:
        return len(source) / len(two_sides(args, source, target))
    return batch_examples(args)


def round_batching(args: RowTrainingArguments) -> Batching:
    """How large the batches of a round of self-training are."""
    if args.tokens_per_batch:
        return ByTokens(batch_tokens(args), args.pad_to_multiple_of)
    return ByExamples(batch_examples(args))


def batch_examples(args: RowTrainingArguments) -> int:
    """Examples (of each side, where there are two) in a batch of all processes together."""
    return int(args.per_device_train_batch_size * args.world_size)


def batch_tokens(args: RowTrainingArguments) -> int:
    """The budget of tokens of a batch of all processes together; 0 where there is none."""
    return int(args.tokens_per_batch * args.world_size)


def sorted_by(args: RowTrainingArguments, lengths: np.ndarray) -> np.ndarray:
    """What batches are sorted by: (n,) lengths, or zeros where `bucket_by_length` is off."""
    return lengths if args.bucket_by_length else np.zeros_like(lengths)
