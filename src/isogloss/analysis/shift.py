"""Feature shift between two languages, measured while features stream by."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from isogloss.analysis.estimate import FeatureShift, describe
from isogloss.analysis.hashing import draw, row_keys
from isogloss.analysis.sampling import RowSample, SampledRows
from isogloss.analysis.sums import ClassSums
from isogloss.errors import IsoglossError, warn
from isogloss.labelshift.checks import (
    Floats,
    Integers,
    check_labels,
    check_probabilities,
    check_range,
    check_shape,
    finite_array,
)

NAMES = ("the source features", "the target features")


@dataclass
class _Side:
    sums: ClassSums
    sample: RowSample
    hard: bool


class ShiftAccumulator:
    """Measures feature shift over any number of rows, at memory that does not depend on it.

    Sums are kept by class and by block: every example falls, by a hash of its number, into one of
    `blocks` blocks, and the bootstrap resamples blocks. Kernel discrepancies, which need pairs of
    rows, come from a random sample; it takes as many rows of each class where classes are known, so
    rare classes are not lost, and rows count for those they stand for.

    Args:
        num_classes: k, at least 1.
        blocks: into how many blocks each side's examples are dealt, at least 2. With fewer
            examples than that the bootstrap nearly resamples examples.
        sample: rows a side, at most, from which kernel discrepancies are estimated; an equal
            part for each class, but at least 4.
        seed: of blocks, sample and bootstrap.

    Raises:
        IsoglossError: E407 for a number outside its range.

    References:
        Xian, Ji & Zhao, ICLR 2022, section 2.1, eqs. 1 and 2.

    Example:
        >>> shift = ShiftAccumulator(num_classes=3)
        >>> for features, labels, groups in source_batches:
        ...     shift.update(features, labels, is_target=False, groups=groups)
        >>> for features, probabilities, groups in target_batches:
        ...     shift.update(features, probabilities, is_target=True, groups=groups)
        >>> shift.result().conditional["l1"].value
    """

    def __init__(
        self, num_classes: int, *, blocks: int = 32, sample: int = 1_000, seed: int = 0
    ) -> None:
        check_range(num_classes, 1, 1_000_000, name="num_classes")
        check_range(blocks, 2, 10_000, name="blocks")
        check_range(sample, 4, 100_000, name="sample")
        check_range(seed, 0, 2**32 - 1, name="seed")
        self.num_classes = num_classes
        self.blocks = blocks
        self.sample = sample
        self.seed = seed
        self._sides: list[_Side | None] = [None, None]
        self._next = [0, 0]

    def update(
        self,
        features: npt.ArrayLike,
        classes: npt.ArrayLike,
        *,
        is_target: bool,
        groups: npt.ArrayLike | None = None,
    ) -> None:
        """Add n rows of one side.

        Args:
            features: (n, d).
            classes: (n,) class ids, or (n, k) probabilities, whose rows sum to 1. One side has
                always the same kind.
            is_target: which side.
            groups: (n,) integers, the example each row belongs to, such as the number of the
                sentence of a word; all rows of an example belong into one update. Only with
                them does the order of rows not matter for interval and sample. By default rows
                are numbered as they come.

        Raises:
            IsoglossError: E400, E403, E405, E406 for unusable arrays; E701 where class ids follow
                probabilities or the other way round.
        """
        rows = finite_array(features, name=NAMES[is_target])
        kept = np.asarray(features)
        check_shape(rows, (-1, -1), name=NAMES[is_target])
        if len(rows) == 0:
            return
        memberships, strata = self._memberships(classes, len(rows), is_target=is_target)
        numbers = self._numbers(groups, len(rows), is_target=is_target)
        side = self._side(rows.shape[1], hard=strata is not None, is_target=is_target)
        check_shape(rows, (-1, side.sums.sums.shape[2]), name=NAMES[is_target])
        seed = 2 * self.seed + is_target
        places = (draw(numbers, seed=seed) % np.uint64(self.blocks)).astype(np.int64)
        side.sums.add(rows, memberships, places)
        side.sample.add(
            kept if kept.dtype == np.float32 else rows,
            memberships,
            np.zeros(len(rows), dtype=np.int64) if strata is None else strata,
            keys=row_keys(numbers, seed=seed + 2**33),
            groups=numbers,
            blocks=places,
        )

    def sampled(self, *, is_target: bool) -> SampledRows:
        """The sample of one side: the same rows, in the same order, for the same stream and seed.

        Raises:
            IsoglossError: E404 where the side has no rows.
        """
        return self._filled(is_target=is_target).sample.rows()

    def result(self, *, replicates: int = 200, level: float = 0.95) -> FeatureShift:
        """Measure what has been added so far; more may be added afterwards.

        Args:
            replicates: of the bootstrap, at least 2.
            level: coverage of the intervals, in 0..1.

        Raises:
            IsoglossError: E404 for a side without rows, E405 where the sides' widths differ, E407
                for a number outside its range.
        """
        check_range(replicates, 2, 100_000, name="replicates")
        check_range(level, 0.0, 1.0, name="level")
        source, target = (self._filled(is_target=side) for side in (False, True))
        check_shape(target.sums.sums, (-1, -1, source.sums.sums.shape[2]), name=NAMES[True])
        return describe(
            (source.sums, target.sums),
            (source.sample.rows(), target.sample.rows()),
            replicates=replicates,
            level=level,
            seed=self.seed,
        )

    def _memberships(
        self, classes: npt.ArrayLike, rows: int, *, is_target: bool
    ) -> tuple[Floats, Integers | None]:
        """Memberships (n, k), and the strata of class ids."""
        name = f"the {'target' if is_target else 'source'} classes"
        if np.ndim(classes) == 2:
            soft = check_probabilities(classes, name=name, num_classes=self.num_classes)
            check_shape(soft, (rows, -1), name=name)
            return soft, None
        labels = check_labels(classes, self.num_classes, name=name)
        check_shape(labels, (rows,), name=name)
        return np.eye(self.num_classes)[labels], labels

    def _numbers(self, groups: npt.ArrayLike | None, rows: int, *, is_target: bool) -> Integers:
        if groups is None:
            numbers = np.arange(self._next[is_target], self._next[is_target] + rows)
        else:
            numbers = np.asarray(groups, dtype=np.int64)
            check_shape(numbers, (rows,), name="the groups")
        self._next[is_target] += rows
        return numbers

    def _side(self, width: int, *, hard: bool, is_target: bool) -> _Side:
        side = self._sides[is_target]
        if side is None:
            strata = self.num_classes if hard else 1
            side = _Side(
                ClassSums(self.blocks, self.num_classes, width),
                RowSample(max(4, self.sample // strata), strata),
                hard,
            )
            self._sides[is_target] = side
        if side.hard != hard:
            raise IsoglossError("E701", side="target" if is_target else "source")
        return side

    def _filled(self, *, is_target: bool) -> _Side:
        side = self._sides[is_target]
        if side is None:
            raise IsoglossError("E404", name=NAMES[is_target])
        return side


def feature_shift(
    source: npt.ArrayLike,
    source_classes: npt.ArrayLike,
    target: npt.ArrayLike,
    target_classes: npt.ArrayLike,
    *,
    num_classes: int,
    source_groups: npt.ArrayLike | None = None,
    target_groups: npt.ArrayLike | None = None,
    replicates: int = 200,
    level: float = 0.95,
    sample: int = 1_000,
    seed: int = 0,
) -> FeatureShift:
    """Measure the feature shift between rows that are all in memory.

    Args:
        source: (n, d) features.
        source_classes: (n,) class ids or (n, k) probabilities.
        target: (m, d) features.
        target_classes: (m,) class ids or (m, k) probabilities; with these the conditional shift is
            an estimate.
        num_classes: k.
        source_groups: (n,) the example of each row; rows are resampled whole examples at a time.
        target_groups: (m,).
        replicates: of the bootstrap.
        level: coverage of the intervals, in 0..1.
        sample: as `ShiftAccumulator`.
        seed: as `ShiftAccumulator`.

    Returns:
        The shift. Classes with rows on one side only are left out, with the warning W700.

    Raises:
        IsoglossError: as `ShiftAccumulator`.

    References:
        Xian, Ji & Zhao, ICLR 2022, section 2.1, eqs. 1 and 2.
    """
    shift = ShiftAccumulator(num_classes, sample=sample, seed=seed)
    shift.update(source, source_classes, is_target=False, groups=source_groups)
    shift.update(target, target_classes, is_target=True, groups=target_groups)
    found = shift.result(replicates=replicates, level=level)
    if found.left_out:
        warn("W700", names=", ".join(map(str, found.left_out)))
    return found
