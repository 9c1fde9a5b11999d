"""Heads refitted to a few labelled target rows, and scored on all others."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from isogloss.selection.refit import RefitGain, out_of_fold_logits, refit_gain, refit_head
from isogloss.selection.small_samples import score_of
from labelledbench.trials import METRIC
from selectionbench.balances import kept_rows
from selectionbench.candidates import groups_of, plain_rows
from selectionbench.cases import ZERO_SHOT, Case
from selectionbench.outcomes import HARM
from selectionbench.tables import markdown, signed
from selectionbench.truth import target_labels

# Standard errors that the gain on rows held out has to exceed; None for every refit.
FACTORS = (None, 0.0, 1.0, 1.645)
HEADS = ("model", "labelled", "accepted if above", "accepted", "gain", "harmed", "worst case")
FEWEST = 7


@dataclass(frozen=True, kw_only=True)
class Refit:
    """One draw of labelled rows.

    Attributes:
        case: the key of the case.
        method: whose head is refitted.
        count: of labelled examples.
        told: the gain on the labelled rows, none of them fitted to.
        gain: the true one, on the rows that are not labelled.
        drawn: whether the balance is redrawn.
    """

    case: str
    method: str
    count: int
    told: RefitGain
    gain: float
    drawn: bool

    def accepted(self, factor: float | None) -> bool:
        """Whether the refit is taken; with None, always."""
        return factor is None or self.told.holds(factor)


def refits(
    case: Case, counts: Sequence[int], *, times: int, most: int = 4_000, seed: int = 0
) -> Iterator[Refit]:
    """Refit the zero-shot model and the last one to labelled target rows drawn many times.

    Rows are the target's, which models saw without labels.

    Args:
        case: of the quality benchmark.
        counts: of labelled examples; those that leave less than half of the rows are left out.
        times: how often each.
        most: rows to score on; more are sampled.
        seed: of the draws.
    """
    labels, examples = target_labels(case, groups_of(case))
    kept = kept_rows(case, labels)
    if kept is not None:
        labels, examples = labels[kept.target], examples[kept.target]
    known = np.flatnonzero(labels >= 0)
    names = np.unique(examples[known])
    fitting = [count for count in counts if FEWEST <= count <= len(names) / 2]
    for method in dict.fromkeys((ZERO_SHOT, case.methods[-1])):
        rows = plain_rows(case, method, kept)
        assert rows.target_features is not None
        rng = np.random.default_rng(seed)
        for _, count in itertools.product(range(times), fitting):
            chosen = np.isin(examples[known], rng.choice(names, count, replace=False))
            some, rest = known[chosen], rng.permutation(known[~chosen])[:most]
            inputs, before = rows.target_features[some], rows.target_logits[some]
            groups = examples[some] if case.tagging else None
            change = refit_head(inputs, before, labels[some], groups=groups, seed=seed)
            after = out_of_fold_logits(inputs, before, labels[some], groups=groups, seed=seed)
            told = refit_gain(before, after, labels[some], groups=groups, metric=METRIC)
            old = rows.target_logits[rest]
            new = change.changed(rows.target_features[rest], old)
            gain = _score(new, labels[rest]) - _score(old, labels[rest])
            yield Refit(
                case=case.key,
                method="zero-shot" if method == ZERO_SHOT else "last",
                count=count,
                told=told,
                gain=gain,
                drawn=case.draw is not None,
            )


def _score(logits: np.ndarray, labels: np.ndarray) -> float:
    size = logits.shape[1]
    cells = np.bincount(logits.argmax(axis=1) * size + labels, minlength=size**2)
    return score_of(METRIC, cells.reshape(size, size) / len(labels))


def refits_table(found: Sequence[Refit], factors: Sequence[float | None] = FACTORS) -> str:
    """Share accepted, mean gain and harm by model, number of labelled examples and rule."""
    lines = []
    kinds = sorted({(each.method, each.count) for each in found}, key=lambda k: (k[0] == "last", k))
    for (method, count), factor in itertools.product(kinds, factors):
        some = [each for each in found if (each.method, each.count) == (method, count)]
        taken = np.array([each.accepted(factor) for each in some])
        gains = np.where(taken, [each.gain for each in some], 0.0)
        cases = np.array([each.case for each in some])
        worst = min(gains[cases == case].mean() for case in np.unique(cases))
        rule = "always" if factor is None else f"{factor:g} errors"
        shares = [f"{100 * float(share.mean()):.0f} %" for share in (taken, gains < -HARM)]
        cells = [method, str(count), rule, shares[0], signed(gains.mean()), shares[1]]
        lines.append([*cells, signed(worst)])
    return markdown(HEADS, lines)
