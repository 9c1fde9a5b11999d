"""The candidates of a case: every model as it is, and corrected for its estimated prior."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from functools import cache

import numpy as np

from isogloss.labelshift.calibration import softmax
from isogloss.labelshift.correction import correct
from isogloss.labelshift.prior_estimation import PriorEstimate, estimate_prior
from isogloss.recipes.candidates import read_candidate
from isogloss.selection import CORRECTED, CandidateRows, agreed_estimates
from selectionbench.balances import Kept, kept_rows
from selectionbench.cases import Case, trained
from selectionbench.truth import Labelled, join, target_labels, target_rows


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """What can be known of a candidate, and what cannot.

    Attributes:
        method: of the quality benchmark.
        rows: without target labels.
        estimate: of the target's prior from these rows.
        test: for the truth alone: the test rows.
        both: likewise with the target rows, as far as their labels are there.
    """

    method: str
    rows: CandidateRows
    estimate: PriorEstimate
    test: Labelled
    both: Labelled

    @property
    def name(self) -> str:
        """Of the method, and whether it is corrected."""
        return self.rows.name


def candidates_of(case: Case) -> list[Candidate]:
    """All candidates of a case, the zero-shot model as it is first.

    Predictions are corrected as they are, without calibration, as a run corrects its own. A
    correction that changes no probability is no candidate of its own.
    """
    known = target_labels(case, groups_of(case))
    kept = kept_rows(case, known[0])
    if kept is not None:
        known = known[0][kept.target], known[1][kept.target]
    found = []
    all_rows = [plain_rows(case, method, kept) for method in case.methods]
    estimates = prior_estimates(all_rows, case.seed, jury=case.jury)
    for plain in all_rows:
        method, estimate = plain.name, estimates[plain.name]
        used = [plain]
        if not np.allclose(estimate.weights, 1.0):
            used.append(plain.corrected(estimate.weights, name=method + CORRECTED))
        for rows in used:
            test = _test_rows(case, method, kept, rows.correction)
            both = join(test, target_rows(rows, *known))
            found.append(
                Candidate(method=method, rows=rows, estimate=estimate, test=test, both=both)
            )
    return found


def groups_of(case: Case) -> np.ndarray | None:
    """The sentence of each target row, for tagging."""
    if not case.tagging:
        return None
    return read_candidate(case.stage(case.methods[0]), name=case.methods[0]).target_groups


def plain_rows(case: Case, method: str, kept: Kept | None) -> CandidateRows:
    """What a method's model says of both sides; groups only where rows are words."""
    rows = read_candidate(case.stage(method), name=method)
    if not case.tagging:
        rows = replace(rows, source_groups=None, target_groups=None)
    return rows if kept is None else kept.of_target(rows)


def prior_estimates(
    rows: Sequence[CandidateRows], seed: int, *, jury: Collection[str]
) -> dict[str, PriorEstimate]:
    """Of the target, from each model's own rows, by name; as a run of `auto` makes them.

    Args:
        rows: the zero-shot model's first; all others but its average have been adapted to the
            target.
        seed: of the estimates' random choices.
        jury: names of those whose tests of label shift count.
    """
    by_name, unadapted = {each.name: each for each in rows}, rows[0].name

    @cache
    def estimate(name: str, before: float) -> PriorEstimate:
        own = 1.0 if trained(name) == unadapted else estimate(unadapted, 1.0).assumption_p_value
        return prior_estimate(by_name[name], seed, min(own, before))

    return agreed_estimates(list(by_name), estimate, jury=jury)


def prior_estimate(rows: CandidateRows, seed: int, p_value_before: float = 1.0) -> PriorEstimate:
    """Of the target, from a candidate's own rows."""
    return estimate_prior(
        softmax(rows.source_logits.astype(np.float64)),
        rows.source_labels,
        softmax(rows.target_logits.astype(np.float64)),
        source_groups=rows.source_groups,
        target_groups=rows.target_groups,
        p_value_before=p_value_before,
        seed=seed,
    )


def _test_rows(case: Case, method: str, kept: Kept | None, weights: np.ndarray | None) -> Labelled:
    """The test rows as a model predicts them in use."""
    with np.load(case.files(method)[1]) as file:
        some = slice(None) if kept is None else kept.test
        probabilities = file["probabilities"][some].astype(np.float64)
        probabilities /= probabilities.sum(axis=1, keepdims=True)
        served = probabilities if weights is None else correct(probabilities, weights)
        return Labelled(
            predicted=served.argmax(axis=1),
            labels=file["labels"][some],
            examples=file["examples"][some],
            num_classes=probabilities.shape[1],
        )
