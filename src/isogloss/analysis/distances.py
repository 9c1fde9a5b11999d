"""Distances between the two sides' mean features: of each class, of all rows, and of replicates."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from isogloss.analysis.sums import ClassSums
from isogloss.labelshift.checks import Floats

# Norm -> of (..., d) differences.
NORMS = ("l1", "l2")


@dataclass(frozen=True)
class Distances:
    """One distance by class and overall.

    Attributes:
        by_class: (..., k); NaN where a side has no rows of a class.
        overall: (...), of all rows whatever their class.
    """

    by_class: Floats
    overall: Floats


def mean_distances(source: ClassSums, target: ClassSums, norm: str) -> Distances:
    """Distances of the mean features as they were summed up."""
    by_class = source.means() - target.means()
    return Distances(_norm(by_class, norm), _norm(source.mean() - target.mean(), norm))


def resampled_distances(
    means: tuple[tuple[Floats, Floats], tuple[Floats, Floats]], norm: str
) -> Distances:
    """The same of resampled sides, each as `ClassSums.resampled` gives it."""
    (source, source_all), (target, target_all) = means
    return Distances(_norm(source - target, norm), _norm(source_all - target_all, norm))


def noise_floors(source: ClassSums, target: ClassSums, norm: str) -> Distances:
    """The distances to expect of these numbers of rows where there is no shift at all.

    With a sampling error of sd s_i in coordinate i, no shift shows as about `√(2/π) Σ_i s_i` (L1)
    or `√(Σ_i s_i²)` (L2).
    """
    own, other = source.mean_variances(), target.mean_variances()
    return Distances(*(_norm_of_noise(a + b, norm) for a, b in zip(own, other, strict=True)))


def spread(sums: ClassSums, norm: str) -> float:
    """How far features lie from the mean of their class: `Σ_i s_i` (L1) or `√(Σ_i s_i²)` (L2).

    s_i is the standard deviation of coordinate i within classes.
    """
    variances = sums.within_variance()
    total = np.sqrt(variances).sum() if norm == "l1" else np.sqrt(variances.sum())
    return float(total)


def _norm(differences: Floats, norm: str) -> Floats:
    found: Floats = np.asarray(
        np.abs(differences).sum(axis=-1)
        if norm == "l1"
        else np.sqrt(np.square(differences).sum(axis=-1))
    )
    return found


def _norm_of_noise(variances: Floats, norm: str) -> Floats:
    found: Floats = np.asarray(
        np.sqrt(2.0 / np.pi) * np.sqrt(variances).sum(axis=-1)
        if norm == "l1"
        else np.sqrt(variances.sum(axis=-1))
    )
    return found
