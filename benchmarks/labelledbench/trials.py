"""Labelled rows drawn from a case's test rows again and again, and what they say of candidates."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from isogloss.labelshift.measures import total_variation
from isogloss.labelshift.prior_estimation import PriorEstimator
from isogloss.labelshift.sampled import labelled_facts
from isogloss.selection import (
    CandidateRows,
    ExpectedScore,
    LabelledEvidence,
    LabelledRows,
    Standing,
    expected_score,
    weigh_candidates,
    weigh_labelled,
    weighed,
)
from isogloss.selection.anchoring import anchored_score
from isogloss.selection.labelled import see_labelled
from isogloss.selection.opinions import Opinions, entries_of, opinions_of
from isogloss.selection.small_samples import score_of, slope_of, unit_sums
from selectionbench.balances import Kept, kept_rows
from selectionbench.candidates import groups_of, plain_rows, prior_estimates
from selectionbench.cases import ZERO_SHOT, Case
from selectionbench.truth import target_labels

METRIC = "macro_f1"
# Logits of a probability of 0.
_SMALLEST = 1e-30


@dataclass(frozen=True, kw_only=True)
class Setting:
    """What of a case does not depend on which rows are labelled.

    Attributes:
        case: the case.
        rows: of the zero-shot model as it is.
        standings: of all candidates, without labels; the zero-shot model as it is first.
        expected: of each, without labels.
        target: unlabelled rows.
        test: rows that labelled ones are drawn from.
        labels: (t,) of the test rows.
    """

    case: Case
    rows: CandidateRows
    standings: Sequence[Standing]
    expected: Sequence[ExpectedScore]
    target: Opinions
    test: Opinions
    labels: np.ndarray


@dataclass(frozen=True, kw_only=True)
class Trial:
    """One draw of labelled rows.

    Attributes:
        setting: of the case.
        count: of labelled examples, 0 for none.
        evidence: of each candidate; empty without labelled rows.
        truths: (c,) scores of the candidates on rows that are in no draw of this trial.
        noise: (c,) standard errors of those.
    """

    setting: Setting
    count: int
    evidence: Sequence[LabelledEvidence]
    truths: np.ndarray
    noise: np.ndarray


def prepare(case: Case) -> Setting:
    """Read a case, and do all that is done without labels."""
    kept = None
    if case.draw is not None:
        kept = kept_rows(case, target_labels(case, groups_of(case))[0])
    rows = [plain_rows(case, method, kept) for method in case.methods]
    estimates = prior_estimates(rows, case.seed, jury=case.jury)
    labelled = test_rows(case, kept)
    entries = [entry for each in rows for entry in entries_of(each, estimates[each.name])]
    standings = weigh_candidates(
        rows, estimates, zero_shot=ZERO_SHOT, metric=METRIC, jury=case.jury, seed=case.seed
    )
    base = expected_score(rows[0], estimates[ZERO_SHOT], metric=METRIC, seed=case.seed)
    return Setting(
        case=case,
        rows=rows[0],
        standings=standings,
        expected=[anchored_score(base, weighed(each), zero_shot=ZERO_SHOT) for each in standings],
        target=opinions_of(entries, jury=case.jury, seed=case.seed),
        test=see_labelled(entries, labelled, jury=case.jury, seed=case.seed),
        labels=labelled.labels,
    )


def test_rows(case: Case, kept: Kept | None) -> LabelledRows:
    """The test rows as every model sees them."""
    logits, labels, groups = {}, np.zeros(0), np.zeros(0)
    some = slice(None) if kept is None else kept.test
    for method in case.methods:
        with np.load(case.files(method)[1]) as file:
            probabilities = file["probabilities"][some].astype(np.float64)
            labels, groups = file["labels"][some], file["examples"][some]
        logits[method] = np.log(np.maximum(probabilities, _SMALLEST))
    return LabelledRows(labels=labels, logits=logits, groups=groups)


def trials(
    setting: Setting, counts: Sequence[int], *, times: int, seed: int = 0
) -> Iterator[Trial]:
    """Draw labelled examples many times; larger draws hold the smaller ones.

    Args:
        setting: of a case.
        counts: of labelled examples, ascending; those that leave less than half of the test rows
            to score on are left out.
        times: how often.
        seed: of the draws.
    """
    examples = np.unique(setting.test.units)
    counts = [count for count in counts if count <= len(examples) / 2]
    rng = np.random.default_rng(seed)
    for _ in range(times):
        order = rng.permutation(examples)
        rest = np.flatnonzero(np.isin(setting.test.units, order[max(counts) :]))
        truths, noise = scores(setting.test.of(rest), setting.labels[rest])
        for count in counts:
            some = np.flatnonzero(np.isin(setting.test.units, order[:count]))
            evidence = weigh(setting, some) if count else []
            yield Trial(setting=setting, count=count, evidence=evidence, truths=truths, noise=noise)


def weigh(setting: Setting, some: np.ndarray) -> list[LabelledEvidence]:
    """What some of the test rows say, once labelled."""
    return weigh_labelled(
        setting.target, setting.test.of(some), setting.labels[some], base=0, metric=METRIC
    )


def scores(rows: Opinions, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """True scores (c,) on labelled rows, and their standard errors."""
    truth = np.eye(rows.jury.shape[1])[labels]
    found = []
    for predicted in rows.predicted:
        joint = rows.compared(truth, predicted)
        influence = slope_of(METRIC, joint)[predicted, labels]
        squares = unit_sums(influence - influence.mean(), rows.units) ** 2
        found.append((score_of(METRIC, joint), np.sqrt(squares.sum()) / len(labels)))
    values, errors = np.array(found).T
    return values, errors


def prior_errors(
    setting: Setting, counts: Sequence[int], *, times: int, seed: int = 0
) -> dict[int, tuple[float, float]]:
    """Mean total variation from the test rows' shares, by number of labelled examples.

    Returns:
        By count: of the zero-shot model's estimate with the labelled rows as known facts, and of
        the labelled rows' own shares (1 where there are none).
    """
    rows, labels, size = setting.rows, setting.labels, setting.rows.num_classes
    truth = np.bincount(labels, minlength=size) / len(labels)
    estimator = PriorEstimator(
        rows.served(rows.source_logits),
        rows.source_labels,
        groups=rows.source_groups,
        seed=setting.case.seed,
    )
    target = rows.served(rows.target_logits)
    examples, rng = np.unique(setting.test.units), np.random.default_rng(seed)
    found = {}
    for count in (count for count in counts if count <= len(examples) / 2):
        errors = []
        for _ in range(times if count else 1):
            drawn = rng.permutation(examples)[:count]
            places = np.flatnonzero(np.isin(setting.test.units, drawn))
            groups = setting.test.units[places] if setting.case.tagging else None
            facts = labelled_facts(labels[places], groups, num_classes=size) if count else None
            estimate = estimator.estimate(target, groups=rows.target_groups, facts=facts)
            own = np.bincount(labels[places], minlength=size) / max(1, len(places))
            alone = total_variation(own, truth) if count else 1.0
            errors.append((total_variation(estimate.prior, truth), alone))
        found[count] = tuple(float(value) for value in np.mean(errors, axis=0))
    return found
