"""The two sides of an estimate, checked: labelled source rows and target rows, in bundles."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
import scipy.sparse

from isogloss.labelshift.calibration import Calibration, fit_calibration
from isogloss.labelshift.checks import (
    Floats,
    Integers,
    check_labels,
    check_probabilities,
    check_shape,
    finite_array,
)

# More bundles than this say nothing more about the spread of a mean.
MOST_BUNDLES = 4_000
_EVERY = slice(None)


@dataclass(frozen=True, kw_only=True)
class Bundles:
    """Rows that vary together, or stand together to bound the work.

    Attributes:
        of_row: (n,) the bundle of each row, in 0..count-1.
        count: number of bundles.
    """

    of_row: Integers
    count: int

    def sums(self, values: Floats, rows: slice = _EVERY) -> Floats:
        """Sum the values (n, d) of some rows, all by default, by bundle: (count, d)."""
        places = self.of_row[rows]
        matrix = scipy.sparse.csr_array(
            (np.ones(len(places)), (places, np.arange(len(places)))),
            shape=(self.count, len(places)),
        )
        return np.asarray(matrix @ values)


def make_bundles(rows: int, groups: npt.ArrayLike | None, *, seed: int, name: str) -> Bundles:
    """Bundle rows by group, and groups at random where there are very many.

    Args:
        rows: n.
        groups: (n,) integers, rows of one group (the words of a sentence) are not independent;
            `None` where all are.
        seed: of the bundling of very many groups.
        name: what to call the groups in a message.

    Raises:
        IsoglossError: E405 for groups of another shape.
    """
    of_row = np.arange(rows)
    if groups is not None:
        array = np.asarray(groups)
        check_shape(array, (rows,), name=name)
        of_row = np.unique(array, return_inverse=True)[1]
    count = int(of_row.max()) + 1
    if count > MOST_BUNDLES:
        order = np.random.default_rng(seed).permutation(count) % MOST_BUNDLES
        of_row, count = order[of_row], MOST_BUNDLES
    return Bundles(of_row=of_row.astype(np.int64), count=count)


@dataclass(frozen=True, kw_only=True)
class SourceRows:
    """Labelled rows, restricted to the classes that they have.

    Attributes:
        probabilities: (n, k) predicted, over the seen classes.
        labels: (n,) in 0..k-1.
        bundles: of the rows.
        calibration: fitted to them.
        kind: of the calibration.
        seen: (K,) which of all classes occur.
        features: (n, d) of the classifier, where they were given.
    """

    probabilities: Floats
    labels: Integers
    bundles: Bundles
    calibration: Calibration
    kind: str
    seen: npt.NDArray[np.bool_]
    features: Floats | None = None

    @cached_property
    def prior(self) -> Floats:
        """(k,) class shares, all above 0."""
        counts = np.bincount(self.labels, minlength=self.probabilities.shape[1])
        return counts / len(self.labels)

    @cached_property
    def calibrated(self) -> Floats:
        """(n, k) calibrated probabilities."""
        return self.calibration(self.probabilities)

    def spread(self, shares: Floats) -> Floats:
        """Shares (..., k) of the seen classes as shares (..., K) of all."""
        out = np.zeros((*shares.shape[:-1], len(self.seen)))
        out[..., self.seen] = shares
        return out


@dataclass(frozen=True, kw_only=True)
class TargetRows:
    """Rows without labels, over the classes that the source has.

    Attributes:
        probabilities: (m, k) predicted.
        calibrated: (m, k) under the source's calibration.
        bundles: of the rows.
        features: (m, d), where they were given.
    """

    probabilities: Floats
    calibrated: Floats
    bundles: Bundles
    features: Floats | None = None


def source_rows(
    probabilities: npt.ArrayLike,
    labels: npt.ArrayLike,
    *,
    calibration: str,
    groups: npt.ArrayLike | None,
    features: npt.ArrayLike | None,
    seed: int,
) -> SourceRows:
    """Check labelled rows and fit their calibration.

    Args:
        probabilities: (n, K).
        labels: (n,).
        calibration: a kind of `fit_calibration`.
        groups: (n,) or None.
        features: (n, d) or None.
        seed: of the bundling.

    Raises:
        IsoglossError: E400, E401, E403, E404, E405, E406 for unusable rows, E409 for the kind.
    """
    rows = check_probabilities(probabilities, name="the source probabilities")
    classes = check_labels(labels, rows.shape[1], name="the source labels")
    check_shape(classes, (len(rows),), name="the source labels")
    bundles = make_bundles(len(rows), groups, seed=seed, name="the source groups")
    seen = np.bincount(classes, minlength=rows.shape[1]) > 0
    rows, classes = restrict(rows, seen), (np.cumsum(seen) - 1)[classes]
    return SourceRows(
        probabilities=rows,
        labels=classes,
        bundles=bundles,
        calibration=fit_calibration(rows, classes, kind=calibration),
        kind=calibration,
        seen=seen,
        features=check_features(features, len(rows), name="the source features"),
    )


def target_rows(
    source: SourceRows,
    probabilities: npt.ArrayLike,
    *,
    groups: npt.ArrayLike | None,
    features: npt.ArrayLike | None,
    seed: int,
) -> TargetRows:
    """Check target rows against the source's classes and calibrate them.

    Raises:
        IsoglossError: E400, E401, E404, E405, E406 for unusable rows.
    """
    name = "the target probabilities"
    checked = check_probabilities(probabilities, name=name, num_classes=len(source.seen))
    rows = restrict(checked, source.seen)
    width = -1 if source.features is None else source.features.shape[1]
    return TargetRows(
        probabilities=rows,
        calibrated=source.calibration(rows),
        bundles=make_bundles(len(rows), groups, seed=seed, name="the target groups"),
        features=check_features(features, len(rows), name="the target features", width=width),
    )


def restrict(probabilities: Floats, seen: npt.NDArray[np.bool_]) -> Floats:
    """Rows (n, K) over some classes alone; even where a row has none of them."""
    if seen.all():
        return probabilities
    kept = probabilities[:, seen]
    totals = kept.sum(axis=1, keepdims=True)
    even = np.full_like(kept, 1.0 / kept.shape[1])
    return np.where(totals > 0, kept / np.where(totals > 0, totals, 1.0), even)


def check_features(
    features: npt.ArrayLike | None, rows: int, *, name: str, width: int = -1
) -> Floats | None:
    """Features (n, d) as float64, if there are any; d is `width` where that is known.

    Raises:
        IsoglossError: E400 for NaN or infinity, E405 for another shape.
    """
    if features is None:
        return None
    array = finite_array(features, name=name)
    check_shape(array, (rows, width), name=name)
    return array
