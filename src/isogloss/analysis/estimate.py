"""A measured feature shift: values, intervals, what no shift would show, by class and overall."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from isogloss.analysis.distances import (
    NORMS,
    mean_distances,
    noise_floors,
    resampled_distances,
    spread,
)
from isogloss.analysis.kernel import KernelSums
from isogloss.analysis.resampling import centred_interval, draw_blocks
from isogloss.analysis.sampling import SampledRows
from isogloss.analysis.similarity import class_mean_cka
from isogloss.analysis.sums import ClassSums
from isogloss.labelshift.checks import Floats

MMD, CLASS_CKA = "mmd2", "class_mean_cka"
MEASURES = (*NORMS, MMD, CLASS_CKA)

# A class counts from this many rows on, expected ones for soft labels.
_LEAST_ROWS = 1.0
# Replicates at a time: each takes as much memory as the class means.
_AT_ONCE = 32


@dataclass(frozen=True)
class Measure:
    """One number about two sides.

    Attributes:
        value: as measured; NaN where it does not exist.
        low: lower end of its interval, NaN where there is none.
        high: upper end.
        floor: what to expect of it without any shift, at these numbers of rows; NaN where that is
            not known. For `mmd2` it is 0, as the estimate is unbiased.
        scaled: of L1 and L2, value / spread of the source's classes, so that layers and models
            with features of another size can be compared; NaN for other measures.
        by_class: (k,) values of the classes; empty for what has none. NaN for a class left out.
    """

    value: float
    low: float
    high: float
    floor: float = float("nan")
    scaled: float = float("nan")
    by_class: Floats = field(default_factory=lambda: np.zeros(0))


@dataclass(frozen=True)
class FeatureShift:
    """What lies between two sides' features.

    Attributes:
        conditional: by measure (`l1`, `l2`, `mmd2`, `class_mean_cka`), the mean over classes
            that both sides have; the similarity is of all their class means.
        unconditioned: by measure (`l1`, `l2`, `mmd2`), of all rows whatever their class: class
            balance and conditional shift together.
        left_out: classes with less than one (expected) row on a side.
        source_rows: (k,) rows of each class, expected ones for soft labels.
        target_rows: (k,).
        spread: by norm, how far source features lie from the mean of their class.
        bandwidth: of the kernel, the median distance of two sampled rows.
        level: coverage of the intervals.
    """

    conditional: dict[str, Measure]
    unconditioned: dict[str, Measure]
    left_out: tuple[int, ...]
    source_rows: Floats
    target_rows: Floats
    spread: dict[str, float]
    bandwidth: float
    level: float


def describe(
    sums: tuple[ClassSums, ClassSums],
    samples: tuple[SampledRows, SampledRows],
    *,
    replicates: int,
    level: float,
    seed: int,
) -> FeatureShift:
    """Measure two sides by their sums and samples.

    Args:
        sums: of source and target.
        samples: of source and target.
        replicates: of the bootstrap.
        level: of the intervals.
        seed: of the bootstrap.
    """
    source, target = sums
    counts = np.minimum(source.counts(), target.counts())
    both = counts >= _LEAST_ROWS
    draws = [
        draw_blocks(side.present, len(side.totals), replicates=replicates, seed=seed + place)
        for place, side in enumerate(sums)
    ]
    if min(map(len, draws)) == 0:
        draws = [each[:0] for each in draws]
    resampled = _resample(sums, (draws[0], draws[1]), both)
    conditional, unconditioned = {}, {}
    for norm in NORMS:
        conditional[norm], unconditioned[norm] = _distance(sums, resampled[norm], norm, both, level)
    kernel = KernelSums(*samples, num_blocks=len(source.totals))
    conditional[MMD], unconditioned[MMD] = _discrepancy(kernel, (draws[0], draws[1]), both, level)
    similarity = float(class_mean_cka(source.means()[both], target.means()[both]))
    conditional[CLASS_CKA] = Measure(
        similarity,
        *centred_interval(similarity, resampled[CLASS_CKA][0], level=level, least=0.0, most=1.0),
    )
    return FeatureShift(
        conditional=conditional,
        unconditioned=unconditioned,
        left_out=tuple(np.flatnonzero(~both).tolist()),
        source_rows=source.counts(),
        target_rows=target.counts(),
        spread={norm: spread(source, norm) for norm in NORMS},
        bandwidth=kernel.bandwidth,
        level=level,
    )


# By measure, replicates of the mean over classes and of all rows.
_Replicates = dict[str, tuple[Floats, Floats]]


def _resample(
    sums: tuple[ClassSums, ClassSums], draws: tuple[Floats, Floats], both: np.ndarray
) -> _Replicates:
    parts: dict[str, list[tuple[Floats, Floats]]] = {name: [] for name in (*NORMS, CLASS_CKA)}
    for start in range(0, len(draws[0]), _AT_ONCE):
        own, other = (
            side.resampled(drawn[start : start + _AT_ONCE])
            for side, drawn in zip(sums, draws, strict=True)
        )
        for norm in NORMS:
            found = resampled_distances((own, other), norm)
            parts[norm].append((_class_mean(found.by_class, both), found.overall))
        similar = class_mean_cka(own[0][:, both], other[0][:, both])
        parts[CLASS_CKA].append((similar, similar))
    none = np.zeros(0)
    return {
        name: (
            np.concatenate([none, *(p[0] for p in found)]),
            np.concatenate([none, *(p[1] for p in found)]),
        )
        for name, found in parts.items()
    }


def _distance(
    sums: tuple[ClassSums, ClassSums],
    replicates: tuple[Floats, Floats],
    norm: str,
    both: np.ndarray,
    level: float,
) -> tuple[Measure, Measure]:
    """One norm's conditional and unconditioned shift."""
    found, floors = mean_distances(*sums, norm), noise_floors(*sums, norm)
    unit = spread(sums[0], norm) or float("nan")
    value, overall = float(_class_mean(found.by_class, both)), float(found.overall)
    conditional = Measure(
        value,
        *centred_interval(value, replicates[0], level=level, least=0.0),
        floor=float(_class_mean(floors.by_class, both)),
        scaled=value / unit,
        by_class=np.where(both, found.by_class, np.nan),
    )
    unconditioned = Measure(
        overall,
        *centred_interval(overall, replicates[1], level=level, least=0.0),
        floor=float(floors.overall),
        scaled=overall / unit,
    )
    return conditional, unconditioned


def _discrepancy(
    kernel: KernelSums, draws: tuple[Floats, Floats], both: np.ndarray, level: float
) -> tuple[Measure, Measure]:
    """The kernel's conditional and unconditioned discrepancy."""
    once = np.ones((1, draws[0].shape[1]))
    values, replicates = kernel.mmd_squared(once, once)[0], kernel.mmd_squared(*draws)
    usable = both & np.isfinite(values[:-1])
    value, overall = float(_class_mean(values[:-1], usable)), float(values[-1])
    interval = centred_interval(value, _class_mean(replicates[:, :-1], usable), level=level)
    conditional = Measure(
        value, *interval, floor=0.0, by_class=np.where(usable, values[:-1], np.nan)
    )
    around = centred_interval(overall, replicates[:, -1], level=level)
    return conditional, Measure(overall, *around, floor=0.0)


def _class_mean(by_class: Floats, both: np.ndarray) -> Floats:
    """Mean over the classes of both sides; a replicate in which one is missing has the others'."""
    chosen = by_class[..., both]
    known = np.isfinite(chosen)
    count = known.sum(axis=-1)
    total = np.where(known, chosen, 0.0).sum(axis=-1)
    mean: Floats = np.asarray(total / np.where(count > 0, count, np.nan))
    return mean
