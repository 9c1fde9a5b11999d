"""The candidate that a run serves: its model, predictions, card and picture."""

from __future__ import annotations

import os
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from datasets import Dataset

from isogloss.data.atomic import naming, replacing, temporary_beside, unfinished_folder
from isogloss.data.formats import format_of
from isogloss.models.card import model_card
from isogloss.progress import Progress
from isogloss.recipes.config import RunConfig
from isogloss.recipes.folder import (
    METRICS,
    METRICS_BEFORE,
    RunFolder,
    link_file,
    link_tree,
    write_json,
)
from isogloss.recipes.heldout import HELD_OUT
from isogloss.recipes.labelled_rows import prior_of
from isogloss.recipes.predict import predict_dataset, predict_file
from isogloss.recipes.reporting import find_out, report
from isogloss.recipes.rewriting import fold
from isogloss.recipes.tested import score_model
from isogloss.report.reading import REPORT
from isogloss.report.scores import scored_candidates, scores_on_test, served_on_test
from isogloss.selection.opinions import CORRECTED
from isogloss.selection.refit import REFITTED


@dataclass(frozen=True)
class Chosen:
    """Which candidate a run serves.

    Attributes:
        stage: whose model; one whose head was refitted is kept as a stage, such as "iwda+rows".
        corrected: whether predictions are corrected by that stage's estimate of the prior.
    """

    stage: str
    corrected: bool = False

    @classmethod
    def named(cls, name: str) -> Chosen:
        """The candidate of a name, such as "iwda" or "iwda+prior"."""
        return cls(name.removesuffix(CORRECTED), name.endswith(CORRECTED))

    @property
    def is_refitted(self) -> bool:
        """Whether its head was refitted on labelled target rows."""
        return self.stage.endswith(REFITTED)

    @property
    def name(self) -> str:
        """What it is called."""
        return self.stage + CORRECTED * self.corrected


def deliver(
    folder: RunFolder,
    config: RunConfig,
    chosen: Chosen,
    metrics: Mapping[str, Any],
    *,
    target: Dataset | None = None,
    test: Dataset | None = None,
    progress: Progress,
) -> None:
    """Write the model, its card, held-out rows, the predictions, `prior.json`, `metrics.json`.

    Whatever takes time or room is made beside what is there, which stays as it is until then. The
    last is the mark of a finished run, so an earlier one is put aside when things change. The
    report comes after it, as a run is finished without.

    Args:
        folder: of the run, its stages finished.
        config: of the run.
        chosen: what to serve.
        metrics: what `metrics.json` will hold, but for `served`: the candidate's `name` and its
            `scores`, by set as in `stages`; of a corrected one those on the test rows, if any.
        target: the data set to label where the configuration names no file or hub data set.
        test: labelled rows in canonical columns to score a corrected candidate on, for reports.
        progress: hears how it goes.
    """
    # Not on top: no run should wait for the plotting library before its first step.
    from isogloss.report.charts import draw_run

    prior, model = prior_of(folder, chosen.stage), folder.root / "model"
    with naming(folder.root), unfinished_folder(folder.root / "served") as made:
        make(folder, config, chosen, made, target=target, progress=progress)
        scores = metrics["stages"][chosen.stage]
        if chosen.corrected:
            scores = {} if test is None else {"test": score_model(made / "model", test, config)}
        put_in_place(folder.root, made)
    metrics = {**metrics, "served": {"name": chosen.name, "scores": scores}}
    write_json(folder.root / "prior.json", prior)
    findings, sentences = find_out(folder.root, metrics)
    write_card(config, model, metrics, prior, sentences)
    headline, served = metrics["headline"], served_on_test(metrics)
    draw_run(prior, scores_on_test(metrics), headline, folder.root / "run.png", served=served)
    write_json(folder.root / METRICS, metrics)
    (folder.root / METRICS_BEFORE).unlink(missing_ok=True)
    report(folder.root, findings)


def make(
    folder: RunFolder,
    config: RunConfig,
    chosen: Chosen,
    made: Path,
    *,
    target: Dataset | None,
    progress: Progress,
) -> None:
    """Write the model, the held-out rows and the predictions of a candidate into a folder.

    Args:
        folder: of the run.
        config: of the run.
        chosen: the candidate.
        made: where to.
        target: as for `deliver`.
        progress: hears how it goes.
    """
    link_tree(folder.stage(chosen.stage) / "model", made / "model")
    if chosen.corrected:
        weights = prior_of(folder, chosen.stage)["weights"]
        fold(made / "model", weights, kind=config.task)
    kept = folder.stage(chosen.stage) / HELD_OUT
    # A stage that an earlier version finished has none; a corrected model was asked of none.
    if kept.is_file() and not chosen.corrected:
        link_file(kept, made / HELD_OUT)
    with warnings.catch_warnings():
        # Rows that are cut were warned of when the target was encoded for training.
        warnings.filterwarnings("ignore", message="W522")
        write_predictions(made, config, target, progress)


def put_in_place(root: Path, made: Path) -> None:
    """Move what `make` wrote into the run's folder, over what is there.

    A kill in between leaves a run without its mark, which is finished by the same command.
    """
    if (root / METRICS).is_file():
        os.replace(root / METRICS, root / METRICS_BEFORE)
    (root / REPORT).unlink(missing_ok=True)
    # Of the model that was served before; a corrected one has none.
    (root / HELD_OUT).unlink(missing_ok=True)
    for path in sorted(made.iterdir()):
        if (root / path.name).is_dir():
            os.replace(root / path.name, temporary_beside(made / path.name))
        os.replace(path, root / path.name)


def write_predictions(
    folder: Path, config: RunConfig, target: Dataset | None, progress: Progress
) -> None:
    """Classify the target with the model in a folder, in the target's own format."""
    model = folder / "model"
    options: dict[str, Any] = {"precision": config.precision, "progress": progress}
    path = Path(config.target)
    if target is None and path.is_file():
        kind = format_of(path, format=config.format)
        name = predictions_name(path, config.format)
        predict_file(model, path, folder / name, format=kind, **options)
    else:
        output = folder / "predictions.jsonl"
        predict_dataset(model, target, config.target, output, **options)


def predictions_name(target: Path, format: str | None) -> str:
    """The name of the predictions file: of the target's own format."""
    endings = {"csv": ".csv", "tsv": ".tsv", "jsonl": ".jsonl", "parquet": ".parquet"}
    return "predictions" + endings.get(format_of(target, format=format), ".conll")


def write_card(
    config: RunConfig,
    model: Path,
    metrics: Mapping[str, Any],
    prior: Mapping[str, Any],
    sentences: Sequence[str] = (),
) -> None:
    """Replace the model's README by one that tells of the run."""
    refitted = Chosen.named(metrics["chosen"]["name"]).is_refitted
    facts = {
        "base_model": config.student or config.model,
        "task": config.task,
        "labels": prior["labels"],
        "recipe": config.recipe,
        "preset": config.preset,
        "source": Path(config.source).name,
        "target": Path(config.target).name,
        "metrics": card_scores(metrics),
        "prior": prior,
        "refitted_on": metrics["labelled"]["rows"] if refitted else None,
        "notes": [*notes(metrics), *sentences, *about_data(metrics)],
    }
    readme = model / "README.md"
    with naming(readme), replacing(readme) as temporary:
        temporary.write_text(model_card(facts), "utf-8")


def card_scores(metrics: Mapping[str, Any]) -> dict[str, dict[str, Mapping[str, float]]]:
    """Scores of the candidates for a card, by set and measure, the expected ones among them."""
    found: dict[str, dict[str, Mapping[str, float]]] = {}
    for each in scored_candidates(metrics):
        sets = dict(each.sets)
        if each.expected is not None:
            name = each.expected["metric"] + ", of words' tags" * bool(each.expected.get("words"))
            sets["target, expected"] = {name: each.expected["value"]}
        found[each.label] = sets
    return found


def about_data(metrics: Mapping[str, Any]) -> list[str]:
    """The data checks and what was warned of, as sentences."""
    from isogloss.report.wording import data_sentence, warning_text

    warned = [warning_text(text)[0] for text in metrics.get("warnings", ())]
    return [data_sentence(metrics["data"]), *warned]


def notes(metrics: Mapping[str, Any]) -> list[str]:
    """What labelled target rows say, why this candidate, and what to expect of it: sentences."""
    found = [*metrics.get("labelled", {}).get("sentences", ()), *metrics["chosen"]["reasons"]]
    if metrics["expected"] is not None:
        found.append(metrics["expected"]["sentence"])
    return found
