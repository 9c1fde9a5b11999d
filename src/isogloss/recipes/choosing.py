"""Which of a run's candidates is served, and changing that afterwards."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

from isogloss.data.atomic import remove_unfinished
from isogloss.data.locking import locked
from isogloss.errors import IsoglossError
from isogloss.labelshift import PriorEstimate
from isogloss.labelshift.matching import VIOLATED
from isogloss.progress import Progress
from isogloss.recipes.candidates import is_settled, read_candidate
from isogloss.recipes.config import RunConfig
from isogloss.recipes.delivery import Chosen, deliver
from isogloss.recipes.expecting import estimate_of, expect, facts_of
from isogloss.recipes.folder import CONFIG, RunFolder
from isogloss.recipes.heldout import read_held_out
from isogloss.recipes.labelled_rows import prior_of, read_labelled
from isogloss.recipes.methods import (
    AUTO,
    AVERAGE,
    GROUP_OF,
    ON_TARGET_LABELS,
    ZERO_SHOT,
    lineages_of,
)
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
    "The rows of another candidate refute label shift, so the class balance that this one "
    "estimates from its own (prior.json) was not relied upon."
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
        guard also `table`, see `isogloss.selection.Choice`. Last, the score to expect of it, see
        `expect`; from the guard as the other candidates judge it.
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
    found = guarded_choice(
        rows, estimates, zero_shot=ZERO_SHOT.name, jury=jury, labelled=labelled, seed=config.seed
    )
    chosen = Chosen(found.model, found.corrected)
    doubted = refuted_elsewhere(folder, chosen.stage, estimates[chosen.stage])
    reasons = [*found.reasons, *[DOUBTED_REASON] * doubted]
    choice = describe(folder, chosen, stages, by="guard", reasons=reasons)
    return chosen, choice | {"table": found.table}, found.expected[found.name].to_dict()


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


def select(run: str | Path, name: str, *, progress: Progress | None = None) -> Path:
    """Have a finished run serve another of its candidates.

    Its model, predictions, card, pictures and `prior.json` are replaced; no stage is touched.

    Args:
        run: folder of the run.
        name: of a stage or of its average ("iwda-average"); with "+prior" behind it, for its
            predictions corrected by the target prior that it estimated; with "+rows", where the
            run refitted its head on labelled target rows.
        progress: hears how it goes.

    Returns:
        The folder of the model that is served now.

    Raises:
        IsoglossError: E524 where there is no such folder, E525 where the run has not finished,
            E540 where it has no such candidate, E541 where its target is no file that is still
            there and no hub data set, E546 or E547 where another process holds the folder.

    Example:
        >>> isogloss.select("runs/de", "zero-shot")
    """
    if not (Path(run) / CONFIG).is_file():
        raise IsoglossError("E524", folder=run)
    with locked(Path(run)):
        return _serve(RunFolder(Path(run)), name, progress or Progress())


def _serve(folder: RunFolder, name: str, progress: Progress) -> Path:
    """`select` in a folder that is held."""
    run, metrics = folder.root, folder.metrics()
    if metrics is None:
        raise IsoglossError("E525", folder=run)
    remove_unfinished(folder.root)
    config = RunConfig.load(folder.root / CONFIG)
    known = candidates(folder, list(metrics["stages"]))
    if name not in known:
        raise IsoglossError("E540", folder=run, name=name, names=", ".join(known))
    if not _is_there(config.target):
        raise IsoglossError("E541", folder=run, target=config.target)
    chosen = Chosen.named(name)
    first = _at_first(metrics)
    reasons = [f"Chosen by hand; the run itself chose {first}."]
    choice = describe(folder, chosen, list(metrics["stages"]), by="you", reasons=reasons)
    choice["at_first"] = first
    changed = {**metrics, "chosen": choice, "expected": expect(folder, config, chosen)}
    deliver(folder, config, chosen, changed, progress=progress)
    return folder.root / "model"


def _is_there(target: str) -> bool:
    """Whether a target can be read again: what was given as a data set cannot."""
    return not target.startswith("a data set given as") and (
        Path(target).is_file() or not Path(target).suffix
    )


def _at_first(metrics: dict[str, Any]) -> str:
    """What a run chose itself; runs of earlier versions served their last stage."""
    chosen = metrics.get("chosen")
    if chosen is None:
        return str(list(metrics["stages"])[-1])
    return str(chosen.get("at_first", chosen["name"]))
