"""A few labelled target rows: each candidate's scores on them, and what they make of the others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from isogloss.labelshift.checks import (
    Floats,
    Integers,
    check_choice,
    check_labels,
    check_shape,
    finite_array,
)
from isogloss.selection.accuracy import appearances
from isogloss.selection.expectation import METRICS
from isogloss.selection.opinions import Entry, Jury, Opinions, opinions_of
from isogloss.selection.rows import CandidateRows, sample_rows
from isogloss.selection.small_samples import (
    mean_error,
    score_interval,
    score_of,
    slope_of,
    unit_sums,
)

# Target rows by which the variance of labelled ones is foretold.
_MOST_ROWS = 2_000


@dataclass(frozen=True, kw_only=True)
class LabelledRows:
    """Labelled target rows, drawn at random, that no candidate was trained on.

    Attributes:
        labels: (r,) their classes in 0..k-1.
        logits: by the name of a candidate, (r, k) of these rows, before any correction of its own.
        groups: (r,) integers; rows of one group (the words of a sentence) are not independent.
            `None` where all are.

    Raises:
        IsoglossError: E400, E403, E404, E405 for unusable rows.
    """

    labels: np.ndarray
    logits: Mapping[str, np.ndarray]
    groups: np.ndarray | None = None

    def __post_init__(self) -> None:
        for name, logits in self.logits.items():
            called = f"{name}: the logits of the labelled rows"
            array = finite_array(logits, name=called)
            check_shape(array, (len(self.labels), -1), name=called)
            check_labels(self.labels, array.shape[1], name="the labels of the labelled rows")
        if self.groups is not None:
            check_shape(np.asarray(self.groups), (len(self.labels),), name="the labelled groups")

    def in_place_of_target(self, rows: CandidateRows, *, model: str) -> CandidateRows:
        """A candidate with these rows as its target rows.

        Raises:
            IsoglossError: E409 for a model that has not seen these rows, E405 for one of other
                classes.
        """
        check_choice(model, self.logits, name="the model of the labelled rows")
        return replace(
            rows,
            target_logits=self.logits[model],
            target_groups=self.groups,
            target_features=None,
        )


@dataclass(frozen=True, kw_only=True)
class LabelledScore:
    """A score on the labelled rows.

    Attributes:
        value: in 0..1.
        interval: lower and upper bound, see `score_interval`.
    """

    value: float
    interval: tuple[float, float]


@dataclass(frozen=True, kw_only=True)
class LabelledEvidence:
    """What labelled target rows say of a candidate.

    Attributes:
        rows: how many.
        units: how many of them are independent: rows, or sentences.
        scores: by metric, of these rows alone.
        value: the metric on all of the target, as labelled and unlabelled rows tell it together.
        error: its standard error.
        gain: the same of its difference from the baseline, in -1..1; 0 for the baseline.
        gain_error: its standard error; 0 for the baseline.
    """

    rows: int
    units: int
    scores: dict[str, LabelledScore]
    value: float
    error: float
    gain: float
    gain_error: float


def weigh_labelled(
    target: Opinions,
    labelled: Opinions,
    labels: Integers,
    *,
    base: int,
    metric: str,
    level: float = 0.9,
) -> list[LabelledEvidence]:
    """Ask labelled rows what each candidate is worth on the target.

    Unlabelled rows tell how often each class is predicted, and what the jury takes those rows for;
    labelled rows tell how far the jury is off. So its joint shares of predicted and true classes
    are corrected by the mean of what labelled rows are less what the jury takes them for, and the
    score is read off. That needs no assumption about the jury, whose only part is that the
    correction varies less than the labels do where it is good.

    A score's standard error is that of the correction and of the unlabelled rows, to first order
    around a point halfway between the jury's shares and the corrected ones, where a class that
    either of them lacks does no harm. The variance foretold for the correction, see `mean_error`,
    is the jury's own on target rows.

    A jury gives every class some probability, absent ones too, whose F1 of 0 would take their part
    of a mean over all classes. So macro-F1 is the mean over the classes that count without labels
    (`measure_of`) and those that labelled rows show, see `_counted`.

    Args:
        target: unlabelled rows.
        labelled: the labelled rows, by the same jury and candidates.
        labels: (r,) their classes.
        base: place of the baseline among the candidates.
        metric: "accuracy" or "macro_f1".
        level: of the intervals of the scores on these rows alone.

    Returns:
        One for each candidate.

    References:
        Angelopoulos et al., Science 382 (2023), prediction-powered inference.
    """
    truth = np.eye(labelled.jury.shape[1])[labels]
    surprise = truth - labelled.jury
    before = target.joint
    classes = _counted(before, labels, target_rows=len(target.jury))
    corrected = [
        _corrected(labelled, surprise, *each)
        for each in zip(before, labelled.predicted, strict=True)
    ]
    after = np.stack(corrected)
    slopes = [
        slope_of(metric, joint, classes=own)
        for joint, own in zip((before + after) / 2.0, classes, strict=True)
    ]
    values = [
        score_of(metric, joint, classes=own) for joint, own in zip(after, classes, strict=True)
    ]
    some = sample_rows(len(target.jury), _MOST_ROWS, seed=0)

    def error(of: Sequence[tuple[int, float]]) -> float:
        """Of a sum of candidates' scores, each with a sign."""
        ours, theirs = (
            np.sum([sign * slopes[place][rows.predicted[place]] for place, sign in of], axis=0)
            for rows in (labelled, target)
        )
        foretold = float(_variances(target.jury[some], theirs[some]).mean())
        correction = mean_error((ours * surprise).sum(axis=1), labelled.units, foretold=foretold)
        means = (theirs * target.jury).sum(axis=1)
        sampled = np.sqrt((unit_sums(means - means.mean(), target.units) ** 2).sum()) / len(means)
        return float(np.hypot(correction, sampled))

    return [
        LabelledEvidence(
            rows=len(labels),
            units=len(np.unique(labelled.units)),
            scores=score_labelled(
                labelled.predicted[place],
                labels,
                labelled.units,
                num_classes=truth.shape[1],
                level=level,
            ),
            value=values[place],
            error=error([(place, 1.0)]),
            gain=values[place] - values[base],
            gain_error=0.0 if place == base else error([(place, 1.0), (base, -1.0)]),
        )
        for place in range(len(values))
    ]


def score_labelled(
    predicted: Integers, labels: Integers, units: Integers, *, num_classes: int, level: float = 0.9
) -> dict[str, LabelledScore]:
    """Both metrics on labelled rows alone.

    Args:
        predicted: (r,) classes.
        labels: (r,) true classes.
        units: (r,) integers; rows of a unit are not independent.
        num_classes: k.
        level: of the intervals, see `score_interval`.
    """
    cells = np.bincount(predicted * num_classes + labels, minlength=num_classes**2)
    joint = cells.reshape(num_classes, num_classes) / len(labels)
    found = {}
    for metric in METRICS:
        value = score_of(metric, joint)
        influence = slope_of(metric, joint)[predicted, labels]
        bounds = score_interval(value, influence, units, level=level)
        found[metric] = LabelledScore(value=value, interval=bounds)
    return found


def see_labelled(
    entries: Sequence[Entry],
    labelled: LabelledRows,
    *,
    jury: Jury | None = None,
    seed: int = 0,
) -> Opinions:
    """The labelled rows as `opinions_of` gives the target's; no label plays a part.

    Raises:
        IsoglossError: E409 for a model that has not seen these rows, E405 for one of other
            classes.
    """
    moved = [
        replace(each, rows=labelled.in_place_of_target(each.rows, model=each.model))
        for each in entries
    ]
    return opinions_of(moved, jury=jury, seed=seed)


def share_of_labelled(free_error: float, labelled_error: float) -> float:
    """What labelled rows count beside evidence without labels, by the inverse of the variances.

    Args:
        free_error: standard error of the evidence without labels, above 0.
        labelled_error: that of the labelled rows.

    Returns:
        In 0..1; 1 where labelled rows leave no doubt.

    References:
        Graybill & Deal, Biometrics 15 (1959).
    """
    return free_error**2 / (free_error**2 + labelled_error**2)


def _counted(before: Floats, labels: Integers, *, target_rows: int) -> npt.NDArray[np.bool_]:
    """The classes (c, k) that each candidate's macro-F1 is the mean over.

    Those of labelled rows, and those in more than one target row, as the candidate predicts or as
    the jury expects. What the jury expects is the same for all, so no gain comes of a class that is
    there for one candidate and not for another; what a candidate alone predicts lowers its own
    score, as it does on a test set. That labelled rows lack a class takes none away: few of them
    cannot tell a rare class from an absent one, and a candidate that never predicts it would seem
    to gain.

    Args:
        before: (c, k, k) joint shares by the jury.
        labels: (r,) of the labelled rows.
        target_rows: how many the shares are of.
    """
    shown = np.bincount(labels, minlength=before.shape[-1]) > 0
    found: npt.NDArray[np.bool_] = (appearances(before) > 1.0 / target_rows) | shown
    return found


def _corrected(labelled: Opinions, surprise: Floats, joint: Floats, predicted: Integers) -> Floats:
    """(k, k) joint shares after the correction; none is below 0."""
    found = np.maximum(joint + labelled.compared(surprise, predicted), 0.0)
    total: float = found.sum()
    result: Floats = found / total
    return result


def _variances(jury: Floats, values: Floats) -> Floats:
    """(r,) of a value that is (r, k) where the row is of each class."""
    means = (jury * values).sum(axis=1)
    found: Floats = (jury * values**2).sum(axis=1) - means**2
    return np.maximum(found, 0.0)
