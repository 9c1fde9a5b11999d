"""The main job: from a labelled source and an unlabelled target to a classifier for the target."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from datasets import Dataset
from transformers import set_seed

from isogloss.data.cache import cache_folder
from isogloss.data.locking import check_free, locked
from isogloss.errors import IsoglossError, noted_warnings
from isogloss.models.precision import choose_precision
from isogloss.models.reading import load_tokenizer
from isogloss.progress import Progress
from isogloss.recipes import inputs
from isogloss.recipes.budget import is_spent, why_left_out
from isogloss.recipes.config import RunConfig
from isogloss.recipes.folder import RunFolder, check, read_json
from isogloss.recipes.methods import NEEDS_TARGET_LABELS
from isogloss.recipes.outcome import finish
from isogloss.recipes.planning import announce, announce_times
from isogloss.recipes.reporting import report_again
from isogloss.recipes.settings import check_settings
from isogloss.recipes.stages import METHODS
from isogloss.recipes.stages.averaging import average_seeds
from isogloss.recipes.starting import can_take_over, check_start, take_over
from isogloss.recipes.teaching import check_teaching
from isogloss.recipes.workshop import Workshop

RECORDED_PACKAGES = ("isogloss", "torch", "transformers", "datasets", "tokenizers", "numpy")


@dataclass(frozen=True, kw_only=True)
class AdaptResult:
    """Where a finished run keeps what it made.

    Attributes:
        folder: the run folder.
        model: a plain Hugging Face model folder.
        predictions: the target's rows with their predicted labels.
        metrics: `headline`, the name of the main score, `stages`: name -> set -> scores, and
            `served`: the `name` of the candidate that is served and its `scores`, set -> scores.
        prior: the target prior's estimate; see `isogloss.recipes.results.prior_report`.
        seconds: of work in this call.
    """

    folder: Path
    model: Path
    predictions: Path
    metrics: dict[str, Any]
    prior: dict[str, Any]
    seconds: float


def adapt(
    source: str | Path | Dataset,
    target: str | Path | Dataset,
    *,
    output: str | Path,
    test: str | Path | Dataset | None = None,
    labelled_target: str | Path | Dataset | None = None,
    progress: Progress | None = None,
    **settings: Any,
) -> AdaptResult:
    """Take a classifier from a language with labels to one without.

    Args:
        source: labelled rows: a file, `owner/name[:config][@split]` on the hub, or a data set.
        target: rows of the target language; a label column, if there, is left out of training.
        output: the run folder; the same call goes on where an interrupted one stopped.
        test: labelled target rows, for evaluation only.
        labelled_target: a few labelled rows drawn at random from the target (5 or more), to check
            and choose candidates by and for the class balance. No stage is trained on them; the
            head of the model that is served may be refitted on 200 or more, see
            `isogloss.recipes.refitting`.
        progress: hears how the run goes.
        **settings: any other field of `RunConfig`, such as `task="token"` or `recipe="zero-shot"`.

    Returns:
        An `AdaptResult`.

    Raises:
        IsoglossError: any code; nothing is written where the data or the settings are wrong.

    Example:
        >>> result = isogloss.adapt("reviews.en.csv", "reviews.de.csv", output="runs/de")
        >>> transformers.pipeline("text-classification", str(result.model))("Sehr gut!")
    """
    sides = {"source": source, "target": target, "test": test}
    sides["labelled_target"] = labelled_target
    given = {side: data for side, data in sides.items() if isinstance(data, Dataset)}
    named = {
        side: f"a data set given as {side}" if side in given else str(data)
        for side, data in sides.items()
        if data is not None
    }
    config = RunConfig.from_dict({**named, **settings})
    return run(config, Path(output), progress=progress, given=given)


def run(
    config: RunConfig,
    output: Path,
    *,
    progress: Progress | None = None,
    given: Mapping[str, Dataset] | None = None,
    course: int = 0,
) -> AdaptResult:
    """Carry out a run, or the rest of it.

    Args:
        config: the settings.
        output: the run folder.
        progress: hears how the run goes.
        given: data sets by side, in place of the files that `config` names.
        course: how many times the test rows, which there are then, are scored while a stage trains,
            at even steps. It is not a setting of the run: models and all else come out the same.
            The points are in `stages/<stage>/result.json` as `course`.

    Raises:
        IsoglossError: as `adapt`.
    """
    began = time.monotonic()
    with noted_warnings() as said:
        folder = _carry_out(
            config.resolved(), output, progress or Progress(), given or {}, said, course
        )
    return result(folder, time.monotonic() - began)


def _carry_out(
    config: RunConfig,
    output: Path,
    progress: Progress,
    given: Mapping[str, Dataset],
    said: Sequence[str],
    course: int,
) -> RunFolder:
    """`run` with resolved settings; `said` is what it has warned of so far."""
    check_alone()
    check(output, config)
    check_free(output)
    check_settings(config)
    check_start(config)
    check_teaching(config)
    set_seed(config.seed)
    data = inputs.read(config, given)
    tokenizer, longest = load_tokenizer(config.model, trust_remote_code=config.trust_remote_code)
    max_length = min(config.max_length, longest)
    encoded = inputs.encode(data, config, tokenizer, max_length=max_length, cache=cache_folder())
    pad = tokenizer.pad_token_id
    # A large one takes a third of a training run's memory, and only the exports need it again.
    del tokenizer
    with locked(output):
        folder = RunFolder.open(output, config, record(data))
        if folder.is_done():
            report_again(folder.root)
            return folder
        with folder.removed_if_in_vain():
            shop = make_workshop(config, folder, data, encoded, pad, max_length, progress)
            shop.course = course
            run_stages(shop)
            finish(shop, data, given, said)
    return folder


def check_alone() -> None:
    """Refuse to be one of several processes, which would all write the same folder.

    Raises:
        IsoglossError: E556.
    """
    count = int(os.environ.get("WORLD_SIZE") or 1)
    if count > 1:
        raise IsoglossError("E556", count=count)


def make_workshop(
    config: RunConfig,
    folder: RunFolder,
    data: inputs.CanonicalData,
    encoded: inputs.EncodedData,
    pad_token_id: int,
    max_length: int,
    progress: Progress,
) -> Workshop:
    """Put together what the stages share."""
    task = data.task
    knows_target = config.recipe in NEEDS_TARGET_LABELS
    return Workshop(
        config=config,
        folder=folder,
        task=task,
        canonical=data,
        data=encoded,
        test_references=None if data.test is None else task.references(data.test),
        target_prior=np.asarray(task.prior(data.target)) if knows_target else None,
        pad_token_id=pad_token_id,
        max_length=max_length,
        precision=choose_precision(config.precision),  # type: ignore[arg-type]
        progress=progress,
    )


def run_stages(shop: Workshop) -> None:
    """Carry out the stages that are not finished yet, as far as the budget goes."""
    shop.progress.plan([stage.name for stage in shop.config.stages()])
    announce(shop)
    for number, stage in enumerate(shop.config.stages()):
        if number == 1 and not is_spent(shop):
            announce_times(shop)
        if shop.folder.stage_result(stage.name) is not None:
            shop.progress.skip(stage.name, "finished before")
        elif stage.members:
            if not average_seeds(shop, stage):
                shop.progress.skip(stage.name, "left out, there is only one seed")
        elif (why := why_left_out(shop, stage)) is not None:
            shop.progress.skip(stage.name, why)
        elif can_take_over(shop, stage.name):
            take_over(shop, Path(str(shop.config.start)), stage.name)
        else:
            with noted_warnings() as said:
                found = METHODS[stage.method](shop, stage)
            shop.folder.finish_stage(stage.name, {**found, "warnings": said})


def record(data: inputs.CanonicalData) -> dict[str, Any]:
    """What makes a run repeatable beside its settings: content hashes and versions."""
    return {
        "data": data.fingerprints,
        "versions": {name: version(name) for name in RECORDED_PACKAGES},
    }


def result(folder: RunFolder, seconds: float) -> AdaptResult:
    """Read a finished run back.

    Raises:
        IsoglossError: E532 where a part of it was taken away.
    """
    predictions = sorted(folder.root.glob("predictions.*"))
    missing = [folder.root / "model"] * (not (folder.root / "model").is_dir())
    missing += [folder.root / "predictions"] * (not predictions)
    if missing:
        raise IsoglossError("E532", path=missing[0], reason="it is not there any more")
    return AdaptResult(
        folder=folder.root,
        model=folder.root / "model",
        predictions=predictions[0],
        metrics=read_json(folder.root / "metrics.json"),
        prior=read_json(folder.root / "prior.json"),
        seconds=seconds,
    )
