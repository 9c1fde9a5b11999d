"""What finished stages say of a few labelled target rows: asked when all training is over."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from datasets import Dataset

from isogloss.data.arrays import save_arrays
from isogloss.recipes.candidates import CANDIDATE, read_candidate
from isogloss.recipes.expecting import estimate_of, facts_of
from isogloss.recipes.folder import write_json
from isogloss.recipes.heldout import read_held_out
from isogloss.recipes.labelled_rows import LABELLED, PRIOR, read_labelled
from isogloss.recipes.prior_report import class_shares_of, describe_prior
from isogloss.recipes.serving import ServedModel, open_served
from isogloss.recipes.workshop import Workshop
from isogloss.trainers.rows import CollectedRows, collect_rows


@dataclass(frozen=True, kw_only=True)
class Seen:
    """Labelled target rows as a stage's model sees them.

    Attributes:
        served: the model.
        dataset: the rows, in canonical columns.
        encoded: the same for that model.
        rows: what it says of them.
    """

    served: ServedModel
    dataset: Dataset
    encoded: Dataset
    rows: CollectedRows


def ask_stages(shop: Workshop, rows: Dataset, stages: Sequence[str]) -> None:
    """Ask every stage's exported model about the labelled rows, and refine its prior by them.

    Only finished stages are asked, so no label can have reached a weight. What is there already
    stays.

    Args:
        shop: the run.
        rows: labelled, in canonical columns.
        stages: finished ones.

    Raises:
        IsoglossError: E121 where it cannot be written.
    """
    shop.progress.start("asking about the labelled rows", len(stages), "stages")
    for stage in stages:
        folder = shop.folder.stage(stage)
        if not (folder / LABELLED).is_file():
            seen = look_at(shop, rows, folder)
            keep_labelled(shop, seen, seen.rows.logits, folder)
        if not (folder / PRIOR).is_file() and (folder / CANDIDATE).is_file():
            refine_prior(shop, stage)
        shop.progress.advance(1)
    shop.progress.finish()


def look_at(shop: Workshop, rows: Dataset, folder: Path, *, features: bool = False) -> Seen:
    """Run the exported model of a stage over labelled rows.

    Args:
        shop: the run.
        rows: labelled, in canonical columns.
        folder: of the stage.
        features: whether to keep what the head receives, too.
    """
    served = open_served(
        folder,
        precision=shop.config.precision or "auto",  # type: ignore[arg-type]
        trust_remote_code=shop.config.trust_remote_code,
    )
    tokenizer = served.backbone.tokenizer
    # Kept out of the cache, and of the embeddings that a run trains.
    encoded = served.task.encode(
        rows, tokenizer, max_length=served.max_length, with_labels=True
    ).dataset
    found = collect_rows(
        served.classifier,
        encoded,
        pad_token_id=tokenizer.pad_token_id,
        precision=served.precision,
        features=features,
    )
    return Seen(served=served, dataset=rows, encoded=encoded, rows=found)


def keep_labelled(shop: Workshop, seen: Seen, logits: np.ndarray, folder: Path) -> None:
    """Write what is said of labelled rows into the folder of a stage, with the task's scores.

    Args:
        shop: the run.
        seen: the rows.
        logits: (r, k) of them: the model's own, or of heads that were not fitted to the row.
        folder: of the stage.

    Raises:
        IsoglossError: E121 where it cannot be written.
    """
    predicted = seen.served.task.decode(logits.argmax(axis=1), seen.encoded)
    metrics = seen.served.task.metrics(shop.task.references(seen.dataset), predicted)
    arrays = {"logits": logits, "labels": seen.rows.labels, "groups": seen.rows.examples}
    save_arrays(folder / LABELLED, arrays, {"metrics": metrics, "version": 1})


def refine_prior(shop: Workshop, stage: str) -> None:
    """Keep a stage's report of the target's prior as labelled rows refine it.

    Args:
        shop: the run.
        stage: one that has kept its rows and what it says of the labelled ones.

    Raises:
        IsoglossError: E121 where it cannot be written.
    """
    folder, tagging = shop.folder.stage(stage), shop.task.kind == "token"
    rows = read_candidate(folder, name=stage)
    facts = facts_of(read_labelled(shop.folder, [stage]), tagging=tagging)
    before = read_held_out(folder).p_value_before
    estimate = estimate_of(
        rows, tagging=tagging, seed=shop.config.seed, facts=facts, p_value_before=before
    )
    predicted = rows.target_logits.argmax(axis=1)
    report = describe_prior(
        estimate,
        labels=shop.labels.names,
        predicted=class_shares_of(predicted, len(shop.labels)),
        source=shop.source_prior,
    )
    write_json(folder / PRIOR, report)
