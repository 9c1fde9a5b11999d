"""What a report finds out beyond what the run wrote down: each part, or why it is not there."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import TypeVar

import numpy as np

from isogloss.errors import IsoglossError, warn
from isogloss.labelshift.checks import Floats
from isogloss.report import wording
from isogloss.report.disagreement import Disagreement, compare
from isogloss.report.reading import RunFacts, StageRows, read_stage
from isogloss.report.shift import FeatureShift, feature_shift
from isogloss.selection.refit import REFITTED

Found = TypeVar("Found")


@dataclass(kw_only=True)
class Findings:
    """What was found in the rows that the stages kept.

    Attributes:
        rows: stage -> its rows, for the first stage, the served one and those between.
        weights: (k,) of the served stage's estimate of the target's balance.
        before: name of the candidate that the served one is compared with.
        after: name of the served candidate, or of the one that stands for it where the first stage
            itself is served.
        disagreement: between the two; None where there is nothing to compare.
        shifts: of the stages' features, in their order.
        missing: what could not be found out, and why, as sentences.
    """

    rows: dict[str, StageRows] = field(default_factory=dict)
    weights: Floats
    before: str
    after: str
    disagreement: Disagreement | None = None
    shifts: list[FeatureShift] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)

    @property
    def corrects(self) -> bool:
        """Whether correcting by the weights changes anything, and can be asked for."""
        kept = self.rows.get(self.after)
        settled = self.after.endswith(REFITTED) or (kept is not None and kept.rows.settled)
        return not settled and bool(np.ptp(self.weights) > 1e-9)

    def attempt(self, part: str, work: Callable[[], Found]) -> Found | None:
        """What `work` returns; where it fails, W708 and None: one part must not cost the rest.

        Args:
            part: what it makes, for the warning.
            work: no arguments.
        """
        try:
            return work()
        except Exception as error:
            reason = " ".join(str(error).split()) or type(error).__name__
            # An error of ours is a whole sentence with a code of its own.
            reason = reason.rstrip(".") if isinstance(error, IsoglossError) else repr(error)
            self.missing.append(f"{part[0].upper()}{part[1:]}: left out ({reason}).")
            warn("W708", part=part, reason=reason, stacklevel=3)
            return None

    def sentences(self, run: RunFacts) -> list[str]:
        """The findings for a model card."""
        found = wording.shift_sentences(self.shifts, run.stage)
        if self.disagreement is not None:
            found.append(
                wording.disagreement_sentence(
                    self.disagreement, self.before, self.after, words=run.is_tagging
                )
            )
        return found


def look(run: RunFacts) -> Findings:
    """Read the stages' rows, compare their predictions and measure their features.

    Args:
        run: a run whose stages are finished and whose predictions are written.
    """
    first, name, weights = _compared(run)
    found = Findings(weights=np.asarray(run.prior["weights"]), before=first, after=name)
    for stage in run.stages:
        rows = found.attempt(f"what {stage} kept", partial(read_stage, run, stage))
        if rows is not None:
            found.rows[stage] = rows
    before, after = (found.rows.get(n.removesuffix("+prior")) for n in (first, name))
    if before is not None and after is not None and first != name:
        found.disagreement = found.attempt(
            "where the models disagree", partial(compare, run, before, after, weights)
        )
    found.shifts = found.attempt("the feature shift", lambda: _shifts(run, found)) or []
    return found


def _shifts(run: RunFacts, found: Findings) -> list[FeatureShift]:
    seed = int(run.config["seed"])
    measured = (feature_shift(rows, found.weights, seed=seed) for rows in found.rows.values())
    return [each for each in measured if each is not None]


def _compared(run: RunFacts) -> tuple[str, str, Floats | None]:
    """The first stage, the candidate to hold against it, and the weights that this one applies."""
    names = list(run.stages)
    if run.is_corrected:
        return names[0], str(run.chosen["name"]), np.asarray(run.prior["weights"])
    if run.stage == names[0]:
        return names[0], names[-1], None
    return names[0], run.stage, None
