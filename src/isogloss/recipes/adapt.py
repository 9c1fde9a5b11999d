"""The main job: from a labelled source and an unlabelled target to a classifier for the target."""

from __future__ import annotations

import time
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from datasets import Dataset
from transformers import set_seed

from isogloss.data.formats import format_of
from isogloss.errors import IsoglossError
from isogloss.models.card import model_card
from isogloss.models.precision import choose_precision
from isogloss.models.reading import load_tokenizer
from isogloss.progress import Progress
from isogloss.recipes import inputs, stages
from isogloss.recipes.config import RunConfig
from isogloss.recipes.folder import RunFolder, check, link_tree, read_json, write_json
from isogloss.recipes.predict import predict_dataset, predict_file
from isogloss.recipes.settings import check_settings
from isogloss.recipes.workshop import Workshop
from isogloss.report.charts import draw_run

RECORDED_PACKAGES = ("isogloss", "torch", "transformers", "datasets", "tokenizers", "numpy")


@dataclass(frozen=True, kw_only=True)
class AdaptResult:
    """Where a finished run keeps what it made.

    Attributes:
        folder: the run folder.
        model: a plain Hugging Face model folder.
        predictions: the target's rows with their predicted labels.
        metrics: `headline`, the name of the main score, and `stages`: name -> set -> scores.
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
    progress: Progress | None = None,
    **settings: Any,
) -> AdaptResult:
    """Take a classifier from a language with labels to one without.

    Args:
        source: labelled rows: a file, `owner/name[:config][@split]` on the hub, or a data set.
        target: rows of the target language; a label column, if there, is left out of training.
        output: the run folder; the same call goes on where an interrupted one stopped.
        test: labelled target rows, for evaluation only.
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
) -> AdaptResult:
    """Carry out a run, or the rest of it.

    Args:
        config: the settings.
        output: the run folder.
        progress: hears how the run goes.
        given: data sets by side, in place of the files that `config` names.

    Raises:
        IsoglossError: as `adapt`.
    """
    began = time.monotonic()
    progress = progress or Progress()
    config = config.resolved()
    check(output, config)
    check_settings(config)
    check_start(config)
    set_seed(config.seed)
    data = inputs.read(config, given or {})
    tokenizer, longest = load_tokenizer(config.model, trust_remote_code=config.trust_remote_code)
    max_length = min(config.max_length, longest)
    encoded = inputs.encode(data, config, tokenizer, max_length=max_length)
    pad = tokenizer.pad_token_id
    # A large one takes a third of a training run's memory, and only the exports need it again.
    del tokenizer
    folder = RunFolder.open(output, config, record(data))
    if not folder.is_done():
        with folder.removed_if_in_vain():
            shop = make_workshop(config, folder, data, encoded, pad, max_length, progress)
            run_stages(shop)
            finish(shop, data, given or {})
    return result(folder, time.monotonic() - began)


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
    knows_target = config.recipe in inputs.NEEDS_TARGET_LABELS
    return Workshop(
        config=config,
        folder=folder,
        task=task,
        data=encoded,
        facts=data.facts,
        test_references=None if data.test is None else task.references(data.test),
        target_prior=np.asarray(task.prior(data.target)) if knows_target else None,
        pad_token_id=pad_token_id,
        max_length=max_length,
        precision=choose_precision(config.precision),  # type: ignore[arg-type]
        progress=progress,
    )


def stage_names(recipe: str) -> list[str]:
    """The stages of a recipe, in order."""
    return ["zero-shot", recipe] if recipe.startswith("iwda") else [recipe]


def run_stages(shop: Workshop) -> None:
    """Carry out the stages that are not finished yet."""
    for name in stage_names(shop.config.recipe):
        if shop.folder.stage_result(name) is not None:
            shop.progress.say(f"{name}: finished before")
        elif name == "zero-shot" and shop.config.start is not None:
            take_over(shop, Path(shop.config.start))
        elif name.startswith("iwda"):
            start = shop.folder.stage("zero-shot") / "model"
            shop.folder.finish_stage(name, stages.align(shop, stage=name, start=start))
        else:
            shop.folder.finish_stage(name, stages.finetune(shop, stage=name))


# What decides how a zero-shot stage comes out; a stage is taken over only where all of it agrees.
ZERO_SHOT_SETTINGS = (
    "source", "task", "text", "text_pair", "label", "model", "preset", "seed", "epochs",
    "max_steps", "max_length", "pooling", "holdout", "precision", "dropout", "trim", "finetune",
)  # fmt: skip


def check_start(config: RunConfig) -> None:
    """Require that `start` names a run whose zero-shot stage is the one this run would train.

    Raises:
        IsoglossError: E527 where it has no finished zero-shot stage, E528 where settings differ.
    """
    if config.start is None:
        return
    earlier = RunFolder(Path(config.start))
    if earlier.stage_result("zero-shot") is None:
        raise IsoglossError("E527", folder=config.start)
    before = RunConfig.load(earlier.root / "config.yaml").as_dict()
    now = config.as_dict()
    differing = [name for name in ZERO_SHOT_SETTINGS if before[name] != now[name]]
    if differing:
        raise IsoglossError("E528", folder=config.start, names=", ".join(differing))


def take_over(shop: Workshop, start: Path) -> None:
    """Link the zero-shot stage of an earlier run into this one."""
    earlier = RunFolder(start)
    shop.progress.say(f"zero-shot: taken over from {start}")
    shop.folder.stage("zero-shot").mkdir(parents=True, exist_ok=True)
    link_tree(earlier.stage("zero-shot") / "model", shop.folder.stage("zero-shot") / "model")
    stage_result = earlier.stage_result("zero-shot")
    assert stage_result is not None
    shop.folder.finish_stage("zero-shot", stage_result)


def finish(shop: Workshop, data: inputs.CanonicalData, given: Mapping[str, Dataset]) -> None:
    """Write the model, its card, the predictions, `prior.json` and, last, `metrics.json`."""
    config, folder = shop.config, shop.folder
    names = stage_names(config.recipe)
    results = {name: folder.stage_result(name) or {} for name in names}
    model = folder.root / "model"
    link_tree(folder.stage(names[-1]) / "model", model)
    with warnings.catch_warnings():
        # Rows that are cut were warned of when the target was encoded for training.
        warnings.filterwarnings("ignore", message="W522")
        write_predictions(shop, given.get("target"))
    prior = results[names[-1]]["prior"]
    write_json(folder.root / "prior.json", prior)
    metrics = {
        "headline": shop.task.headline,
        "stages": {name: result["metrics"] for name, result in results.items()},
        "steps": {name: result["steps"] for name, result in results.items()},
        "data": data.facts,
    }
    write_card(shop, model, metrics, prior)
    draw_run(prior, scores_on_test(metrics), shop.task.headline, folder.root / "run.png")
    write_json(folder.root / "metrics.json", metrics)


def write_predictions(shop: Workshop, target: Dataset | None) -> None:
    """Classify the target with the exported model, in the target's own format."""
    root, config = shop.folder.root, shop.config
    model = root / "model"
    options: dict[str, Any] = {"precision": config.precision, "progress": shop.progress}
    path = Path(config.target)
    if target is None and path.is_file():
        kind = format_of(path, format=config.format)
        name = predictions_name(path, config.format)
        predict_file(model, path, root / name, format=kind, **options)
    else:
        predict_dataset(model, target, config.target, root / "predictions.jsonl", **options)


def predictions_name(target: Path, format: str | None) -> str:
    """The name of the predictions file: of the target's own format."""
    endings = {"csv": ".csv", "tsv": ".tsv", "jsonl": ".jsonl", "parquet": ".parquet"}
    return "predictions" + endings.get(format_of(target, format=format), ".conll")


def scores_on_test(metrics: Mapping[str, Any]) -> dict[str, float]:
    """The headline score on the test file by stage; empty where there was no such file."""
    stages = metrics["stages"].items()
    return {name: sets["test"][metrics["headline"]] for name, sets in stages if "test" in sets}


def write_card(
    shop: Workshop, model: Path, metrics: Mapping[str, Any], prior: Mapping[str, Any]
) -> None:
    """Replace the model's README by one that tells of the run."""
    config = shop.config
    facts = {
        "base_model": config.model,
        "task": config.task,
        "labels": list(shop.labels.names),
        "recipe": config.recipe,
        "preset": config.preset,
        "source": Path(config.source).name,
        "target": Path(config.target).name,
        "metrics": metrics["stages"],
        "prior": prior,
    }
    readme = model / "README.md"
    temporary = model / ".README.md"
    temporary.write_text(model_card(facts), "utf-8")
    temporary.replace(readme)


def record(data: inputs.CanonicalData) -> dict[str, Any]:
    """What makes a run repeatable beside its settings: content hashes and versions."""
    return {
        "data": data.fingerprints,
        "versions": {name: version(name) for name in RECORDED_PACKAGES},
    }


def result(folder: RunFolder, seconds: float) -> AdaptResult:
    """Read a finished run back."""
    predictions = sorted(folder.root.glob("predictions.*"))
    return AdaptResult(
        folder=folder.root,
        model=folder.root / "model",
        predictions=predictions[0],
        metrics=read_json(folder.root / "metrics.json"),
        prior=read_json(folder.root / "prior.json"),
        seconds=seconds,
    )
