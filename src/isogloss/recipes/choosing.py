"""Which of a run's candidates is served."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

import numpy as np

from isogloss.labelshift import PriorEstimate
from isogloss.labelshift.matching import VIOLATED
from isogloss.recipes.candidates import is_settled, read_candidate
from isogloss.recipes.config import RunConfig
from isogloss.recipes.delivery import Chosen
from isogloss.recipes.expecting import estimate_of, expect, facts_of
from isogloss.recipes.folder import RunFolder, write_json
from isogloss.recipes.heldout import read_held_out
from isogloss.recipes.labelled_rows import PRIOR, prior_of, read_labelled
from isogloss.recipes.methods import (
    AUTO,
    AVERAGE,
    GROUP_OF,
    JUDGED_BY,
    ON_TARGET_LABELS,
    ZERO_SHOT,
    lineages_of,
)
from isogloss.recipes.prior_report import describe_prior
from isogloss.recipes.refit_report import Refit
from isogloss.selection.consensus import agreed_estimates
from isogloss.selection.guard import choose as guarded_choice
from isogloss.selection.labelled import LabelledRows
from isogloss.selection.opinions import CORRECTED
from isogloss.selection.refit import REFITTED
from isogloss.selection.rows import CandidateRows

BALANCED_REASON = (
    "It was trained on balanced batches, so its predictions are corrected for the class balance of "
    "the target that it estimated."
)
DOUBTED_REASON = (
    "The rows of another candidate refute label shift, which this one's own do not: prior.json "
    "takes it for refuted."
)


def finished_stages(folder: RunFolder, config: RunConfig) -> dict[str, dict[str, Any]]:
    """The results of a run's finished stages by name, in order, each before its average."""
    names = [stage.name + end for stage in config.stages() for end in ("", AVERAGE)]
    return {name: found for name in names if (found := folder.stage_result(name)) is not None}


def choose(
    folder: RunFolder, config: RunConfig, stages: Sequence[str]
) -> tuple[Chosen, dict[str, Any], dict[str, Any] | None]:
    """What a run serves: its recipe's last stage; for `auto`, what the guard takes.

    A last stage that was trained on balanced batches is served with its predictions corrected for
    the target's class balance, where it found that to have shifted.

    The guard has the recipe's stages, their averages and the averages of seeds to choose from. Its
    jury are the recipe's stages alone, as averages are too like them to be voices of their own, and
    those that go on from one another's weights have one voice.

    Args:
        folder: of the run.
        config: of the run.
        stages: the finished ones, averages among them, in order.

    Returns:
        The choice, and what `metrics.json` says of it: `name`, `by` ("recipe", "guard" or "you"),
        `reasons` as sentences, and `candidates`, the names there are to choose from; from the
        guard also `table`, see `isogloss.selection.Choice`, and `left_out`, the stages that the
        budget left untrained. Last, the score to expect of it, see `expect`; from the guard as the
        other candidates judge it.
    """
    trained = [
        stage.name for stage in config.stages() if stage.name in stages and not stage.members
    ]
    if config.recipe != AUTO:
        last = trained[-1]
        names = candidates(folder, stages)
        chosen = Chosen(last, is_balanced(config, last) and last + CORRECTED in names)
        reasons = [BALANCED_REASON] if chosen.corrected else []
        choice = describe(folder, chosen, stages, by="recipe", reasons=reasons)
        return chosen, choice, expect(folder, config, chosen)
    again = {stage.name for stage in config.stages() if stage.repeats}
    open_to = [stage for stage in stages if stage not in again]
    voices = lineages_of(stage for stage in config.stages() if not stage.members)
    jury = {stage: voices[stage] for stage in trained if stage not in again}
    rows = [read_candidate(folder.stage(stage), name=stage) for stage in open_to]
    labelled = read_labelled(folder, stages)
    estimates = estimates_of(folder, config, rows, jury=jury, labelled=labelled)
    left_out = left_untrained(config, stages)
    found = guarded_choice(
        rows,
        estimates,
        zero_shot=ZERO_SHOT.name,
        metric=JUDGED_BY,
        jury=jury,
        labelled=labelled,
        words=config.task == "token",
        left_out=left_out,
        seed=config.seed,
    )
    doubted = [name for name in open_to if refuted_elsewhere(folder, name, estimates[name])]
    for name in doubted:
        keep_agreed(folder, name, estimates[name])
    chosen = Chosen(found.model, found.corrected)
    reasons = [*found.reasons, *[DOUBTED_REASON] * (chosen.stage in doubted)]
    choice = describe(folder, chosen, stages, by="guard", reasons=reasons)
    choice |= {"table": found.table, "left_out": left_out}
    return chosen, choice, found.expected[found.name].to_dict()


def left_untrained(config: RunConfig, stages: Collection[str]) -> list[str]:
    """The stages to train that are not among the finished ones: the budget had no time for them."""
    return [
        stage.name for stage in config.stages() if not stage.members and stage.name not in stages
    ]


def estimates_of(
    folder: RunFolder,
    config: RunConfig,
    rows: Sequence[CandidateRows],
    *,
    jury: Collection[str],
    labelled: LabelledRows | None,
) -> dict[str, PriorEstimate]:
    """The target's prior as each candidate's rows tell it, see `agreed_estimates`.

    Args:
        folder: of the run.
        config: of the run.
        rows: of the candidates, named after their stages.
        jury: names of those whose tests of label shift count.
        labelled: target rows whose labels are known, or None.
    """
    tagging = config.task == "token"
    by_name, facts = {each.name: each for each in rows}, facts_of(labelled, tagging=tagging)

    def estimate(name: str, before: float) -> PriorEstimate:
        own = read_held_out(folder.stage(name)).p_value_before
        return estimate_of(
            by_name[name],
            tagging=tagging,
            seed=config.seed,
            facts=facts,
            p_value_before=min(own, before),
        )

    return agreed_estimates(list(by_name), estimate, jury=jury)


def refuted_elsewhere(folder: RunFolder, stage: str, agreed: PriorEstimate) -> bool:
    """Whether a stage's own rows pass the test of label shift, and another's do not.

    Args:
        folder: of the run.
        stage: a finished one.
        agreed: its estimate among those of all candidates.
    """
    found = folder.stage_result(stage)
    assert found is not None
    passed = found["prior"]["assumption_p_value"] >= VIOLATED
    return bool(passed) and not agreed.assumption_holds


def keep_agreed(folder: RunFolder, stage: str, agreed: PriorEstimate) -> None:
    """Have a stage's report of the target's prior say what it was judged by.

    Whatever serves or corrects its model reads that report (`prior_of`), so what is delivered is
    what the guard judged. `result.json` keeps what the stage's own rows say.

    Args:
        folder: of the run.
        stage: a finished one.
        agreed: its estimate among those of all candidates.

    Raises:
        IsoglossError: E121 where it cannot be written.
    """
    own = prior_of(folder, stage)
    report = describe_prior(
        agreed,
        labels=own["labels"],
        predicted=np.asarray(own["predicted"]),
        source=np.asarray(own["source"]),
    )
    write_json(folder.stage(stage) / PRIOR, report)


def serve_refitted(
    folder: RunFolder,
    config: RunConfig,
    stages: Sequence[str],
    choice: dict[str, Any],
    refit: Refit,
) -> tuple[Chosen, dict[str, Any], dict[str, Any] | None]:
    """The refitted model in place of what a run chose.

    Args:
        folder: of the run.
        config: of the run.
        stages: the finished ones, the refitted one among them.
        choice: what `choose` says of what was chosen.
        refit: one that was not refused.

    Returns:
        As `choose`; `reasons` go on to say so.
    """
    chosen = Chosen(refit.name)
    reason = (
        f"{chosen.name} is served in place of {refit.before}: the head of {refit.stage}, refitted "
        "on the labelled target rows."
    )
    reasons = [*choice["reasons"], reason]
    changed = describe(folder, chosen, stages, by=choice["by"], reasons=reasons)
    return chosen, choice | changed, expect(folder, config, chosen)


def is_balanced(config: RunConfig, stage: str) -> bool:
    """Whether a stage trains on balanced batches and leaves the target's balance to correction.

    One that learns target labels has that balance from them.
    """
    if stage in ON_TARGET_LABELS:
        return False
    method = next(each.method for each in config.stages() if each.name == stage)
    settings = getattr(config, GROUP_OF[method])
    return settings.get("sampling") == "balanced" and not settings.get("correct_prior")


def candidates(folder: RunFolder, stages: Sequence[str]) -> list[str]:
    """The names that a run can serve: each stage, and its correction where it found a shift.

    A head that was refitted on labelled target rows has seen their balance and gets no correction,
    nor does a student of a teacher that was corrected.
    """
    names = []
    for stage in stages:
        names.append(stage)
        if stage.endswith(REFITTED) or is_settled(folder.stage(stage)):
            continue
        if folder.stage_result(stage) is not None and prior_of(folder, stage)["significant"]:
            names.append(stage + CORRECTED)
    return names


def describe(
    folder: RunFolder, chosen: Chosen, stages: Sequence[str], *, by: str, reasons: Sequence[str]
) -> dict[str, Any]:
    """What `metrics.json` says of a choice; see `choose`."""
    return {
        "name": chosen.name,
        "by": by,
        "reasons": list(reasons),
        "candidates": candidates(folder, stages),
    }
