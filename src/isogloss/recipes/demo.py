"""A small run on the bundled reviews, where the best possible scores are known."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from datasets import Dataset

from isogloss.data.reviews import LANGUAGES, bayes_predict, sample_reviews
from isogloss.data.writing import RowWriter
from isogloss.errors import IsoglossError
from isogloss.models.reading import load_tokenizer
from isogloss.progress import Progress
from isogloss.recipes.adapt import AdaptResult, run
from isogloss.recipes.config import RunConfig
from isogloss.recipes.folder import CONFIG, check
from isogloss.report.charts import draw_run
from isogloss.tasks.metrics import classification_metrics

SOURCE_LANGUAGE = "en"
SOURCE_PRIOR = (0.10, 0.12, 0.16, 0.24, 0.38)
# The other way round: most English reviews praise, most of the target's complain.
TARGET_PRIOR = SOURCE_PRIOR[::-1]
OPTIMUM = "Bayes optimum"
PICTURE = "demo.png"


@dataclass(frozen=True, kw_only=True)
class DemoSizes:
    """Reviews drawn for each file; the defaults suit five minutes on two cores."""

    source: int = 1000
    target: int = 800
    test: int = 500


@dataclass(frozen=True, kw_only=True)
class DemoResult:
    """A finished demo.

    Attributes:
        run: the run itself.
        scores: of each stage, and of the best classifier there can be, on the test file:
            `accuracy` and `macro_f1`, 0 to 1.
        true_prior: (k,) class shares that the target was drawn with, in the run's label order.
    """

    run: AdaptResult
    scores: dict[str, dict[str, float]]
    true_prior: list[float]


def run_demo(
    output: Path,
    *,
    to: str = "de",
    seed: int = 0,
    model: str = "offline",
    max_steps: int | None = None,
    sizes: DemoSizes | None = None,
    progress: Progress | None = None,
) -> DemoResult:
    """Adapt English reviews to another language under a strong prior shift.

    Args:
        output: gets `data/` with the three CSV files, `run/`, the run folder, and `demo.png`.
        to: language of the target, one of `target_languages()`.
        seed: of the reviews and of the training.
        model: the encoder, as `RunConfig.model`.
        max_steps: steps, at most, in each stage.
        sizes: numbers of reviews.
        progress: hears how the run goes.

    Raises:
        IsoglossError: E600 for a language that is not there, E520 for a folder that holds something
            else, and whatever `adapt` raises.
    """
    if to not in target_languages():
        raise IsoglossError("E600", language=to, known=", ".join(target_languages()))
    files = data_files(output / "data", to)
    config = RunConfig(
        source=str(files["source"]),
        target=str(files["target"]),
        test=str(files["test"]),
        recipe="iwda",
        model=model,
        seed=seed,
        max_steps=max_steps,
        # Five classes in 1,000 rows need more than the default share to count errors on.
        holdout=0.25,
        finetune={"num_train_epochs": 3.0},
        iwda={"num_train_epochs": 2.0, "weight_refreshes": 4},
    )
    # Asked before the data are written, which an earlier demo in the same place rests on.
    check(output / "run", config.resolved())
    check_place(output, files)
    # A model that is not to be had is named before anything is written.
    load_tokenizer(model)
    test = write_data(files, to, seed=seed, sizes=sizes or DemoSizes())
    try:
        result = run(config, output / "run", progress=progress)
    except BaseException:
        if not (output / "run").exists():
            shutil.rmtree(output / "data")
        raise
    order = [int(name) - 1 for name in result.prior["labels"]]
    true_prior = [float(TARGET_PRIOR[index]) for index in order]
    scores, best = scores_on_test(result), optimum(test, to)
    draw_run(
        {**result.prior, "true": true_prior},
        {stage: found["accuracy"] for stage, found in scores.items()},
        "accuracy",
        output / PICTURE,
        optimum=best["accuracy"],
    )
    return DemoResult(run=result, scores={**scores, OPTIMUM: best}, true_prior=true_prior)


def check_place(output: Path, files: Mapping[str, Path]) -> None:
    """Refuse a folder that holds something else than a demo.

    Raises:
        IsoglossError: E520.
    """
    begun = (output / "run" / CONFIG).is_file()
    ours = {"run", "data", PICTURE} if begun else {"run"}
    others = {path.name for path in output.iterdir()} - ours if output.is_dir() else set()
    if (output / "data").is_dir():
        known = {path.name for path in files.values()} if begun else set()
        names = {path.name for path in (output / "data").iterdir() if path.name[0] != "."}
        others = (others - {"data"}) | (names - known)
    if others:
        raise IsoglossError("E520", folder=output)


def target_languages() -> tuple[str, ...]:
    """Languages that the demo can adapt to."""
    return tuple(name for name in LANGUAGES if name != SOURCE_LANGUAGE)


def data_files(folder: Path, to: str) -> dict[str, Path]:
    """Paths of the demo's files by side."""
    languages = {"source": SOURCE_LANGUAGE, "target": to, "test": to}
    return {side: folder / f"{side}.{language}.csv" for side, language in languages.items()}


def write_data(files: dict[str, Path], to: str, *, seed: int, sizes: DemoSizes) -> Dataset:
    """Draw the reviews and write them as CSV.

    Returns:
        The test rows: labelled, drawn like the target, none of them in it.
    """
    source = sample_reviews(SOURCE_LANGUAGE, sizes.source, prior=SOURCE_PRIOR, seed=seed)
    drawn = sample_reviews(to, sizes.target + sizes.test, prior=TARGET_PRIOR, seed=seed)
    target = drawn.select(range(sizes.target)).remove_columns("label")
    seen = set(target["text"])
    rest = enumerate(drawn["text"][sizes.target :], start=sizes.target)
    test = drawn.select([index for index, text in rest if text not in seen])
    for side, rows in (("source", source), ("target", target), ("test", test)):
        with RowWriter(files[side]) as writer:
            writer.write(rows.to_dict())
    return test


def scores_on_test(result: AdaptResult) -> dict[str, dict[str, float]]:
    """Scores of each stage on the test file."""
    stages: dict[str, dict[str, Any]] = result.metrics["stages"]
    return {name: measured["test"] for name, measured in stages.items()}


def optimum(test: Dataset, language: str) -> dict[str, float]:
    """Scores of the classifier that knows how the reviews were made, on the same rows."""
    best: Sequence[str] = np.asarray(bayes_predict(test["text"], language, TARGET_PRIOR)).tolist()
    return classification_metrics(list(test["label"]), best)
