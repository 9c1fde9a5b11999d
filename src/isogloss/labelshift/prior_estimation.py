"""The target's class prior from predictions on both sides: the whole estimate in one call."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from isogloss.labelshift.auto import auto_fit
from isogloss.labelshift.checks import Floats, check_choice, check_probabilities, check_range
from isogloss.labelshift.classical import bbse_fit, kernel_fit, rlls_fit
from isogloss.labelshift.edges import holding, within_bounds
from isogloss.labelshift.facts import KnownFacts
from isogloss.labelshift.fit import Fit, shift_p_value, shrunk
from isogloss.labelshift.likelihood import likelihood_prior
from isogloss.labelshift.matching import VIOLATED
from isogloss.labelshift.priors import importance_weights
from isogloss.labelshift.projection import project_simplex
from isogloss.labelshift.rows import (
    SourceRows,
    TargetRows,
    restrict,
    source_rows,
    target_rows,
)
from isogloss.labelshift.sentences import describe

METHODS = ("auto", "bbse", "bbse-hard", "rlls", "mlls", "matching")


@dataclass(frozen=True, kw_only=True)
class PriorEstimate:
    """An estimated target prior and how sure it is.

    Attributes:
        method: how it was estimated.
        prior: (k,) the estimate, on the simplex.
        weights: (k,) `prior / source_prior`, with `source_prior @ weights == 1`; 1 for a class that
            the source lacks.
        interval: (k, 2) lower and upper bound of each class's share in the target. It belongs to
            the estimate before shrinkage, but holds the one after it, and is wider where the
            assumption is violated.
        level: coverage of the interval, in 0..1.
        shift_is_significant: whether the measured shift exceeds its own uncertainty.
        assumption_p_value: of the test that some prior explains the target's predictions, in 0..1;
            small where label shift does not hold, 1 where nothing can be tested. The smaller of
            this model's and of `p_value_before`.
        raw_prior: (k,) before shrinkage and known facts.
        source_prior: (k,) class shares of the source rows.
        shrinkage: share of the measured shift that is kept, in 0..1.
        diagnostics: plain values: `calibration`, `predicted` (shares of the predicted classes),
            `source_rows`, `target_rows`, `shift_p_value`, `facts` (whether any were known), and a
            method's own: `misfit` (standard deviation of a violation, in logits) and `doubt` (what
            it multiplies the variance by), `likelihood_share`, `width`.
    """

    method: str
    prior: Floats
    weights: Floats
    interval: Floats
    level: float
    shift_is_significant: bool
    assumption_p_value: float
    raw_prior: Floats
    source_prior: Floats
    shrinkage: float
    diagnostics: dict[str, Any]

    @property
    def assumption_holds(self) -> bool:
        """Whether label shift is compatible with the rows, at the 5 % level."""
        return self.assumption_p_value >= VIOLATED

    def sentences(self) -> list[str]:
        """Say plainly whether the balance shifted, what was made of it, and how safe it is."""
        return describe(
            shift_is_significant=self.shift_is_significant,
            assumption_p_value=self.assumption_p_value,
            shrinkage=self.shrinkage,
            level=self.level,
            facts_heard=bool(self.diagnostics["facts"]),
        )

    def to_dict(self) -> dict[str, Any]:
        """The estimate as JSON values."""
        found = {
            name: value.tolist() if isinstance(value, np.ndarray) else value
            for name, value in asdict(self).items()
        }
        return found | {"sentences": self.sentences()}


class PriorEstimator:
    """The source's side prepared once, for any number of targets."""

    def __init__(
        self,
        source_probabilities: npt.ArrayLike,
        source_labels: npt.ArrayLike,
        *,
        method: str = "auto",
        calibration: str = "bcts",
        groups: npt.ArrayLike | None = None,
        features: npt.ArrayLike | None = None,
        seed: int = 0,
    ) -> None:
        """Check the labelled rows and fit the calibration.

        Args:
            source_probabilities: (n, k) predicted on labelled source rows that the classifier was
                not trained on; `cross_fit` makes them where no rows can be spared.
            source_labels: (n,) their classes in 0..k-1.
            method: "auto" (see `isogloss.labelshift.auto`), "bbse" and "bbse-hard" (the quadratic
                program on probabilities or predicted classes), "rlls", "mlls" (greatest
                likelihood), "matching" (kernel mean matching).
            calibration: "none", "temperature", "bcts" or "vector".
            groups: (n,) integers; rows of one group (the words of a sentence) are not independent.
            features: (n, d) of the rows, for "matching".
            seed: of every random choice.

        Raises:
            IsoglossError: E400, E401, E403, E404, E405, E406 for unusable rows, E409 for another
                method or calibration.
        """
        check_choice(method, METHODS, name="method")
        self.method = method
        self.seed = seed
        self.source = source_rows(
            source_probabilities,
            source_labels,
            calibration=calibration,
            groups=groups,
            features=features,
            seed=seed,
        )

    def calibrated(self, probabilities: npt.ArrayLike) -> Floats:
        """Rows (n, k) of any side under the source's calibration, 0 for a class it lacks.

        Raises:
            IsoglossError: E400, E401, E404, E405, E406 for unusable rows.
        """
        size = len(self.source.seen)
        rows = check_probabilities(probabilities, name="the probabilities", num_classes=size)
        return self.source.spread(self.source.calibration(restrict(rows, self.source.seen)))

    def estimate(
        self,
        target_probabilities: npt.ArrayLike,
        *,
        groups: npt.ArrayLike | None = None,
        features: npt.ArrayLike | None = None,
        facts: KnownFacts | None = None,
        level: float = 0.95,
        shrink: bool | None = None,
        p_value_before: float = 1.0,
    ) -> PriorEstimate:
        """Estimate the prior of a target.

        Args:
            target_probabilities: (m, k) predicted on target rows.
            groups: (m,) integers, as for the source.
            features: (m, d), as for the source.
            facts: what is known of the target's prior beforehand.
            level: coverage of the interval, and confidence of the significance, in 0..1.
            shrink: draw the estimate towards the source prior by its own uncertainty, and to it
                where no shift is significant; for "auto" alone by default.
            p_value_before: where the model has been adapted to this very target, the
                `assumption_p_value` of the model before that, in 0..1. What refuted label shift
                there is still so, though the adapted model's predictions may fit some prior, and
                well: it was trained until they did.

        Returns:
            The estimate. A class without source rows has prior 0 and weight 1 unless a fact says
            otherwise. A target of one row is answered, with an interval that says how little.

        Raises:
            IsoglossError: E400, E401, E404, E405, E406 for unusable rows, E407 for the level, and
                the codes of `KnownFacts` for facts that cannot be.
        """
        check_range(level, 0.0, 1.0, name="level")
        check_range(p_value_before, 0.0, 1.0, name="p_value_before")
        source = self.source
        facts = facts or KnownFacts()
        facts.check(len(source.seen))
        target = target_rows(
            source, target_probabilities, groups=groups, features=features, seed=self.seed
        )
        tested, test = auto_fit(
            source, target, seed=self.seed, p_value_before=float(p_value_before)
        )
        fit = tested if self.method == "auto" else _fit(self.method, source, target, self.seed)
        doubted = fit.widened(fit.diagnostics.get("doubt", 1.0))
        p_value = shift_p_value(doubted, source.prior)
        significant = p_value < 1.0 - level
        prior, kept = fit.prior, 1.0
        if shrink if shrink is not None else self.method == "auto":
            prior, kept = shrunk(fit, source.prior) if significant else (source.prior, 0.0)
        final, interval = _with_facts(source, doubted, prior, facts, level=level, seed=self.seed)
        source_prior = source.spread(source.prior)
        return PriorEstimate(
            method=self.method,
            prior=final,
            weights=importance_weights(final, source_prior),
            interval=interval,
            level=level,
            shift_is_significant=significant,
            assumption_p_value=min(test.p_value, float(p_value_before)),
            raw_prior=source.spread(fit.prior),
            source_prior=source_prior,
            shrinkage=kept,
            diagnostics={
                "calibration": source.kind,
                "predicted": _predicted(target_probabilities, len(source.seen)),
                "source_rows": len(source.labels),
                "target_rows": len(target.calibrated),
                "shift_p_value": p_value,
                "facts": not facts.empty,
                **fit.diagnostics,
            },
        )


def estimate_prior(
    source_probabilities: npt.ArrayLike,
    source_labels: npt.ArrayLike,
    target_probabilities: npt.ArrayLike,
    *,
    method: str = "auto",
    calibration: str = "bcts",
    level: float = 0.95,
    source_groups: npt.ArrayLike | None = None,
    target_groups: npt.ArrayLike | None = None,
    source_features: npt.ArrayLike | None = None,
    target_features: npt.ArrayLike | None = None,
    facts: KnownFacts | None = None,
    shrink: bool | None = None,
    p_value_before: float = 1.0,
    seed: int = 0,
) -> PriorEstimate:
    """Estimate the class prior of rows without labels.

    Args:
        source_probabilities: (n, k) predicted on labelled source rows, held out from training.
        source_labels: (n,) their classes in 0..k-1.
        target_probabilities: (m, k) predicted on target rows.
        method: as for `PriorEstimator`.
        calibration: as for `PriorEstimator`.
        level: as for `PriorEstimator.estimate`.
        source_groups: (n,) integers; rows of one group (the words of a sentence) are not
            independent.
        target_groups: (m,) integers, likewise.
        source_features: (n, d), for "matching".
        target_features: (m, d), likewise.
        facts: what is known of the target's prior beforehand.
        shrink: as for `PriorEstimator.estimate`.
        p_value_before: as for `PriorEstimator.estimate`.
        seed: of every random choice.

    Returns:
        The estimate.

    Raises:
        IsoglossError: as `PriorEstimator` and its `estimate`.

    Example:
        >>> estimate = estimate_prior(held_out_probabilities, held_out_labels, probabilities)
        >>> estimate.prior, estimate.interval, estimate.sentences()
    """
    estimator = PriorEstimator(
        source_probabilities,
        source_labels,
        method=method,
        calibration=calibration,
        groups=source_groups,
        features=source_features,
        seed=seed,
    )
    return estimator.estimate(
        target_probabilities,
        groups=target_groups,
        features=target_features,
        facts=facts,
        level=level,
        shrink=shrink,
        p_value_before=p_value_before,
    )


def _fit(method: str, source: SourceRows, target: TargetRows, seed: int) -> Fit:
    if method == "mlls":
        return _likelihood_fit(source, target)
    if method == "rlls":
        return rlls_fit(source, target)
    if method == "matching":
        return kernel_fit(source, target, seed=seed)
    return bbse_fit(source, target, hard=method == "bbse-hard")


def _likelihood_fit(source: SourceRows, target: TargetRows) -> Fit:
    found = likelihood_prior(source, target)
    return Fit(
        prior=found.prior,
        free=found.prior,
        source_influence=found.source_influence,
        target_influence=found.target_influence,
        extra=found.stand_in,
        unknown=np.zeros_like(found.stand_in),
    )


def _with_facts(
    source: SourceRows, fit: Fit, prior: Floats, facts: KnownFacts, *, level: float, seed: int
) -> tuple[Floats, Floats]:
    """The prior (K,) and interval (K, 2) over all classes, once the facts are heard."""
    draws = fit.resampled(seed=seed)
    covariance = np.eye(len(source.seen))
    covariance[np.ix_(source.seen, source.seen)] = fit.covariance + fit.unknown
    final, ends = source.spread(prior), [0.5 - level / 2, 0.5 + level / 2]
    if facts.empty:
        bounds = np.quantile(source.spread(draws), ends, axis=0).T
        return final, holding(within_bounds(source.spread(fit.free), bounds, level=level), final)
    # The facts correct the estimate that is given, so its noise is laid around that.
    final = facts.apply(final, covariance)
    draws = np.asarray(project_simplex(source.spread(draws - fit.free + prior)))
    draws = facts.apply_many(draws, covariance, redraw=seed)
    return final, holding(np.quantile(draws, ends, axis=0).T.clip(0.0, 1.0), final)


def _predicted(probabilities: npt.ArrayLike, num_classes: int) -> list[float]:
    classes = np.asarray(probabilities).argmax(axis=1)
    shares: list[float] = (np.bincount(classes, minlength=num_classes) / len(classes)).tolist()
    return shares
