"""What to expect of a stage's model on the target, where nobody has labels."""

from __future__ import annotations

from typing import Any

from isogloss.labelshift.facts import KnownFacts
from isogloss.labelshift.prior_estimation import PriorEstimate, PriorEstimator
from isogloss.labelshift.sampled import labelled_facts
from isogloss.recipes.candidates import CANDIDATE, read_candidate
from isogloss.recipes.config import RunConfig
from isogloss.recipes.delivery import Chosen
from isogloss.recipes.folder import RunFolder
from isogloss.recipes.heldout import HELD_OUT, read_held_out
from isogloss.recipes.labelled_report import told_by_labels
from isogloss.recipes.labelled_rows import read_labelled
from isogloss.recipes.methods import JUDGED_BY
from isogloss.selection.expectation import expected_score
from isogloss.selection.labelled import LabelledRows
from isogloss.selection.rows import CandidateRows
from isogloss.selection.sharpening import sharpened_score

NOTHING_HELD_OUT = (
    "What to expect on the target cannot be told: no source rows were held out from training."
)
# Why labelled rows are all that tells it.
UNTOLD_BY_SOURCE = ": no source rows were held out from training"
REFITTED_ALONE = ", each as heads refitted on others of them take it"


def expect(folder: RunFolder, config: RunConfig, chosen: Chosen) -> dict[str, Any] | None:
    """The score to expect on the target.

    Args:
        folder: of the run.
        config: of the run.
        chosen: of a finished stage.

    Returns:
        What `ExpectedScore.to_dict` gives, of `JUDGED_BY`, from the candidate's own rows alone;
        sharpened by labelled target rows where the run has some; of those rows alone where the head
        was refitted on them (by heads that had not seen the row) or all source rows were trained
        on; without any to tell it `sentence` alone; None where the stage is of an earlier version,
        which kept no rows.
    """
    place = folder.stage(chosen.stage)
    if not all((place / name).is_file() for name in (CANDIDATE, HELD_OUT)):
        return None
    tagging = config.task == "token"
    labelled = read_labelled(folder, [chosen.stage])
    if labelled is not None and chosen.is_refitted:
        # Its source rows say little of a head for the target, which its own rows flatter.
        return told_by_labels(labelled, chosen.stage, tagging=tagging, because=REFITTED_ALONE)
    held_out = read_held_out(place)
    if held_out.trained_on:
        if labelled is not None and not chosen.corrected:
            return told_by_labels(labelled, chosen.stage, tagging=tagging, because=UNTOLD_BY_SOURCE)
        return {"sentence": NOTHING_HELD_OUT}
    rows = read_candidate(folder.stage(chosen.stage), name=chosen.stage)
    facts = facts_of(labelled, tagging=tagging)
    before = held_out.p_value_before
    estimate = estimate_of(
        rows, tagging=tagging, seed=config.seed, facts=facts, p_value_before=before
    )
    if chosen.corrected:
        rows = rows.corrected(estimate.weights, name=chosen.name)
    options: dict[str, Any] = {"metric": JUDGED_BY, "words": tagging, "seed": config.seed}
    if labelled is None:
        return expected_score(rows, estimate, **options).to_dict()
    found = sharpened_score(rows, estimate, labelled, model=chosen.stage, **options)
    return found[0].to_dict()


def facts_of(labelled: LabelledRows | None, *, tagging: bool) -> KnownFacts | None:
    """What labelled target rows say of the class shares there; None without any."""
    if labelled is None:
        return None
    size = next(iter(labelled.logits.values())).shape[1]
    groups = labelled.groups if tagging else None
    return labelled_facts(labelled.labels, groups, num_classes=size)


def estimate_of(
    rows: CandidateRows,
    *,
    tagging: bool,
    seed: int,
    facts: KnownFacts | None = None,
    p_value_before: float = 1.0,
) -> PriorEstimate:
    """The target's prior as a candidate's rows tell it.

    Args:
        rows: of the candidate.
        tagging: whether the rows of a group (the words of a sentence) are not independent.
        seed: of the estimate's random choices.
        facts: what is known of the prior beforehand.
        p_value_before: as for `PriorEstimator.estimate`.
    """
    groups = (rows.source_groups, rows.target_groups) if tagging else (None, None)
    estimator = PriorEstimator(
        rows.served(rows.source_logits), rows.source_labels, groups=groups[0], seed=seed
    )
    return estimator.estimate(
        rows.served(rows.target_logits),
        groups=groups[1],
        facts=facts,
        p_value_before=p_value_before,
    )
