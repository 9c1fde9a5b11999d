"""What finished stages say of a few labelled target rows: asked when all training is over."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from datasets import Dataset

from isogloss.data.arrays import save_arrays
from isogloss.recipes.candidates import CANDIDATE, read_candidate
from isogloss.recipes.expecting import estimate_of, facts_of
from isogloss.recipes.folder import write_json
from isogloss.recipes.heldout import read_held_out
from isogloss.recipes.labelled_rows import LABELLED, PRIOR, read_labelled
from isogloss.recipes.prior_report import class_shares_of, describe_prior
from isogloss.recipes.serving import open_served
from isogloss.recipes.workshop import Workshop
from isogloss.trainers.rows import collect_rows


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
            _ask(shop, rows, folder)
        if not (folder / PRIOR).is_file() and (folder / CANDIDATE).is_file():
            _refine_prior(shop, stage)
        shop.progress.advance(1)
    shop.progress.finish()


def _ask(shop: Workshop, rows: Dataset, folder: Path) -> None:
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
    )
    predicted = served.task.decode(found.predictions, encoded)
    metrics = served.task.metrics(shop.task.references(rows), predicted)
    arrays = {"logits": found.logits, "labels": found.labels, "groups": found.examples}
    save_arrays(folder / LABELLED, arrays, {"metrics": metrics, "version": 1})


def _refine_prior(shop: Workshop, stage: str) -> None:
    """Keep the stage's report of the target's prior as labelled rows refine it."""
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
