"""What each candidate is expected to gain over a baseline, as all models together judge it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from isogloss.labelshift.checks import Floats, Integers, check_choice, check_range
from isogloss.labelshift.prior_estimation import PriorEstimate
from isogloss.labelshift.rows import Bundles
from isogloss.selection.estimates import Measure
from isogloss.selection.evidence import Comparison
from isogloss.selection.expectation import METRICS, measure_of
from isogloss.selection.labelled import (
    LabelledEvidence,
    LabelledRows,
    see_labelled,
    share_of_labelled,
    weigh_labelled,
)
from isogloss.selection.opinions import Entry, Jury, Opinions, entries_of, opinions_of
from isogloss.selection.resampling import bundle_rows, draw_bundles, joint_counts
from isogloss.selection.rows import CandidateRows

_DRAWS = 200


@dataclass(frozen=True, kw_only=True)
class Standing:
    """What speaks for a candidate and against it, beside a baseline.

    Attributes:
        name: of the candidate.
        model: the name of the model that predicts.
        corrected: whether its predictions are corrected for the prior that it estimates.
        significant: whether the shift in that estimate is.
        p_value: of that estimate's test of label shift.
        changed: share of the target rows that it predicts otherwise than the baseline does.
        gain: that all models together expect on the target, in -1..1; 0 for the baseline. After
            `joined` what both sides say, after `heard` labelled rows too.
        spread: its standard deviation over resampled rows (or sentences).
        source_gain: on held-out source rows that weigh as the target.
        source_spread: its standard deviation over resampled source rows (or sentences).
        labelled: what labelled target rows say, or None without any.
        error: standard deviation of what `gain` misses, `spread` among it; known after `joined`.
        source_share: what the source rows count in `gain` and `spread`, in 0..1; see `joined`.
        labelled_share: what labelled target rows count likewise; see `heard`.
    """

    name: str
    model: str
    corrected: bool
    significant: bool
    p_value: float
    changed: float
    gain: float
    spread: float
    source_gain: float
    source_spread: float
    labelled: LabelledEvidence | None = None
    error: float = 0.0
    source_share: float = 0.0
    labelled_share: float = 0.0

    def joined(self, *, jury_error: float, source_error: float) -> Standing:
        """The same with what the source rows say in `gain` and `spread`.

        Two estimates of one gain are averaged by the inverse of their variances: that of all models
        together, which know the target's texts and no labels, and that of source rows, which
        have labels and other texts. Each has an error of its own beside its spread, which grows
        with the rows that the candidate predicts otherwise than the baseline: where nothing
        changes nothing can be gained or missed.

        Args:
            jury_error: standard deviation of what the models together miss of a gain, for every 1
                of the share of changed rows.
            source_error: likewise of what the source rows miss of it.

        References:
            Graybill & Deal, Biometrics 15 (1959).
        """
        by_jury = float(np.hypot(self.spread, jury_error * self.changed))
        by_source = float(np.hypot(self.source_spread, source_error * self.changed))
        if by_jury == 0.0:
            return self
        share = by_jury**2 / (by_jury**2 + by_source**2)
        return replace(
            self,
            gain=(1.0 - share) * self.gain + share * self.source_gain,
            spread=float(np.hypot((1.0 - share) * self.spread, share * self.source_spread)),
            error=float(np.sqrt(1.0 - share)) * by_jury,
            source_share=share,
        )

    def heard(self, free_error: float) -> Standing:
        """The same with what labelled rows say in `gain` and `spread`.

        Args:
            free_error: standard deviation, beside `spread`, of what the models together miss of a
                gain.
        """
        if self.labelled is None or self.labelled.gain_error == 0.0:
            return self
        error = self.labelled.gain_error
        share = share_of_labelled(float(np.hypot(self.spread, free_error)), error)
        return replace(
            self,
            gain=(1.0 - share) * self.gain + share * self.labelled.gain,
            spread=float(np.hypot(self.spread, share * error)),
            labelled_share=share,
        )


def weigh_candidates(
    candidates: Sequence[CandidateRows],
    estimates: Mapping[str, PriorEstimate],
    *,
    zero_shot: str,
    metric: str = "macro_f1",
    jury: Jury | None = None,
    labelled: LabelledRows | None = None,
    level: float = 0.9,
    draws: int = _DRAWS,
    seed: int = 0,
) -> list[Standing]:
    """Compare candidates, each as it is and corrected, with the zero-shot model as it is.

    The models are a jury: the mean of their probabilities, each calibrated on the source and
    corrected for the prior that it estimates, says what every target row may be, and so what
    each candidate's predictions are worth there.

    Args:
        candidates: as for `score_candidates`, none of them corrected.
        estimates: of the target's prior, from each candidate's own rows, by its name.
        zero_shot: name of the baseline.
        metric: "accuracy" or "macro_f1".
        jury: names of the candidates whose opinions count, at least one, or by these names the
            lineages that have a voice (`opinions_of`); None: all, each its own. What is nearly the
            same as another, such as an average of its weights, should have no voice at all.
        labelled: target rows with labels, seen by every candidate, or None.
        level: of the intervals of the scores on them.
        draws: samples behind the spreads, at least 2.
        seed: of the draws.

    Returns:
        The candidates in their order, each followed by its corrected one unless the correction
        would change nothing. Labelled rows are in `labelled` alone.

    Raises:
        IsoglossError: as `score_candidates`; E404 for an empty jury, E407 for `draws`, E409 for
            an unknown metric, baseline or member of the jury, or a candidate without an estimate.

    References:
        Hu et al., NeurIPS 2024 (agreement with the ensemble of the candidates), here with
        calibrated and corrected probabilities and in units of the metric.
    """
    check_choice(metric, METRICS, name="metric")
    check_range(draws, 2, np.inf, name="draws")
    for candidate in candidates:
        check_choice(candidate.name, estimates, name="the candidate")
    known = [candidate.name for candidate in candidates]
    for name in jury or ():
        check_choice(name, known, name="the jury")
    jurors = [rows for rows in candidates if jury is None or rows.name in jury]
    weights = mean_weights([estimates[each.name] for each in jurors]) if jurors else None
    shared = Comparison(candidates=candidates, weights=weights, zero_shot=zero_shot, seed=seed)
    entries = [each for rows in candidates for each in entries_of(rows, estimates[rows.name])]
    base = [each.rows.name for each in entries].index(zero_shot)
    seen = opinions_of(entries, jury=jury, seed=seed)
    on_target = _on_target(shared, seen, metric, draws)
    on_source = _on_source(shared, entries, metric, draws)
    changed = (seen.predicted != seen.predicted[base]).mean(axis=1)
    found = [
        _standing(entry, float(share), target - on_target[base], source - on_source[base])
        for entry, share, target, source in zip(entries, changed, on_target, on_source, strict=True)
    ]
    if labelled is None:
        return found
    told = see_labelled(entries, labelled, jury=jury, seed=seed)
    evidence = weigh_labelled(seen, told, labelled.labels, base=base, metric=metric, level=level)
    return [replace(each, labelled=some) for each, some in zip(found, evidence, strict=True)]


def mean_weights(estimates: Sequence[PriorEstimate]) -> Floats:
    """The importance weights (k,) of the mean of the estimated priors.

    Args:
        estimates: of the same target from the same source rows, at least one.
    """
    found: Floats = np.mean([estimate.weights for estimate in estimates], axis=0)
    return found


@dataclass(frozen=True, kw_only=True)
class _Side:
    """Rows that all candidates are compared on.

    Attributes:
        bundles: of the rows.
        times: (draws, bundles) how often each is drawn.
        measure: from joint shares to scores.
    """

    bundles: Bundles
    times: Floats
    measure: Measure

    def scores(self, predicted: Integers, truth: np.ndarray, weights: Floats) -> Floats:
        """A score on the rows as they are, then on the draws: (1 + draws,).

        Args:
            predicted: (r,) classes.
            truth: (r,) classes, or (r, k) probabilities of them.
            weights: (k,) what a row counts by its true class.
        """
        counts = joint_counts(predicted, truth, self.bundles, num_classes=len(weights))
        joint = np.concatenate([counts.total[None], counts.resampled(self.times)]) * weights
        return self.measure(joint / np.maximum(joint.sum(axis=(1, 2), keepdims=True), 1e-300))


def _on_target(shared: Comparison, seen: Opinions, metric: str, draws: int) -> Floats:
    """Every candidate's scores (c, 1 + draws) as the jury expects them."""
    first = shared.candidates[0]
    side = _side(shared, first.num_target_rows, first.target_groups, metric, draws)
    even = np.ones(first.num_classes)
    return np.stack([side.scores(classes, seen.jury, even) for classes in seen.predicted])


def _on_source(shared: Comparison, entries: Sequence[Entry], metric: str, draws: int) -> Floats:
    """Every candidate's scores (c, 1 + draws) on source rows that weigh as the target."""
    known = shared.reference
    side = _side(shared, len(known.labels), known.rows.source_groups, metric, draws)
    predicted = [each.rows.served(each.rows.source_logits).argmax(axis=1) for each in entries]
    return np.stack([side.scores(classes, known.labels, known.weights) for classes in predicted])


def _side(
    shared: Comparison, rows: int, groups: np.ndarray | None, metric: str, draws: int
) -> _Side:
    size = shared.candidates[0].num_classes
    bundles = bundle_rows(rows, groups, num_classes=size, seed=shared.seed)
    times = draw_bundles(bundles.count, draws, np.random.default_rng(shared.seed))
    return _Side(bundles=bundles, times=times, measure=measure_of(metric, rows))


def _standing(entry: Entry, changed: float, target: Floats, source: Floats) -> Standing:
    return Standing(
        name=entry.rows.name,
        model=entry.model,
        corrected=entry.rows.correction is not None,
        significant=entry.estimate.shift_is_significant,
        p_value=entry.estimate.assumption_p_value,
        changed=changed,
        gain=float(target[0]),
        spread=float(target[1:].std()),
        source_gain=float(source[0]),
        source_spread=float(source[1:].std()),
    )
