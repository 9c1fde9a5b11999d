"""Rows as all models together see them, and what each candidate predicts there."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from isogloss.labelshift.checks import Floats, Integers
from isogloss.labelshift.prior_estimation import PriorEstimate
from isogloss.selection.agreement import ensemble
from isogloss.selection.evidence import calibrated_target
from isogloss.selection.rows import CandidateRows

# Names of the models whose opinions count, or by these names the lineages that have a voice.
Jury = Collection[str] | Mapping[str, str]

# Ends the name of a candidate whose predictions are corrected by its own estimate of the prior.
CORRECTED = "+prior"


@dataclass(frozen=True, kw_only=True)
class Entry:
    """A candidate as it is used.

    Attributes:
        rows: of the candidate.
        model: the name of the model that predicts.
        estimate: of the target's prior, from that model's own rows.
    """

    rows: CandidateRows
    model: str
    estimate: PriorEstimate


@dataclass(frozen=True, kw_only=True)
class Opinions:
    """Rows as models see them.

    Attributes:
        jury: (r, k) probabilities of what each row is, by all models together.
        predicted: (c, r) what each candidate predicts in use.
        units: (r,) integers; rows of a unit are not independent.
    """

    jury: Floats
    predicted: Integers
    units: Integers

    @property
    def joint(self) -> Floats:
        """(c, k, k) shares of rows predicted i that the jury takes for j."""
        return np.stack([self.compared(self.jury, each) for each in self.predicted])

    def compared(self, truth: Floats, predicted: Integers) -> Floats:
        """(k, k) mean of what rows are, (r, k), by predicted class."""
        found: Floats = np.eye(self.jury.shape[1])[predicted].T @ truth / len(truth)
        return found

    def of(self, places: Integers) -> Opinions:
        """Some of the rows."""
        return Opinions(
            jury=self.jury[places], predicted=self.predicted[:, places], units=self.units[places]
        )


def entries_of(rows: CandidateRows, estimate: PriorEstimate) -> list[Entry]:
    """A candidate as it is, and corrected by its estimate.

    Not where that would change nothing, nor where training has settled the balance.
    """
    plain = Entry(rows=rows, model=rows.name, estimate=estimate)
    if rows.settled or np.allclose(estimate.weights, 1.0):
        return [plain]
    corrected = rows.corrected(estimate.weights, name=rows.name + CORRECTED)
    return [plain, replace(plain, rows=corrected)]


def opinions_of(entries: Sequence[Entry], *, jury: Jury | None = None, seed: int = 0) -> Opinions:
    """What the models together take the target rows for, and what each candidate predicts.

    The jury is the mean of the models' probabilities, each calibrated on the source and corrected
    for the prior that it estimates. Models that were trained on from one another share errors; as
    a lineage they have one voice, the mean of theirs.

    Args:
        entries: at least one, of the same target rows.
        jury: names of the models whose opinions count, at least one, each with a voice of its own,
            or by name the lineage that it belongs to; None: all models, each its own.
        seed: of the choice of source rows to calibrate on, where there are very many.
    """
    models = {entry.model: entry for entry in entries if jury is None or entry.model in jury}
    opinion = ensemble(
        ensemble(_opinion(models[name], seed) for name in names) for names in lineages(models, jury)
    )
    first = entries[0].rows
    groups = first.target_groups
    return Opinions(
        jury=opinion,
        predicted=np.stack(
            [each.rows.served(each.rows.target_logits).argmax(axis=1) for each in entries]
        ),
        units=np.arange(first.num_target_rows) if groups is None else np.asarray(groups),
    )


def lineages(models: Iterable[str], jury: Jury | None) -> list[list[str]]:
    """The models that have a voice together, each lineage's in order.

    Args:
        models: names, all of them in the jury.
        jury: as for `opinions_of`.
    """
    found: dict[str, list[str]] = {}
    for name in models:
        found.setdefault(jury[name] if isinstance(jury, Mapping) else name, []).append(name)
    return list(found.values())


def _opinion(entry: Entry, seed: int) -> Floats:
    """What a model takes the target rows for (m, k)."""
    rows = entry.rows
    return rows.posterior(calibrated_target(rows, seed=seed), entry.estimate.weights)
