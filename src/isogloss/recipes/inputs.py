"""From the user's data to encoded rows: loading, checks, one label map, encoding, the hold-out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from datasets import Dataset, concatenate_datasets

from isogloss.data import scans
from isogloss.data.loading import check_different_files, content_digest, load, name_of
from isogloss.data.overlap import input_digests, repeats_among, shared_among
from isogloss.data.preparing import prepare
from isogloss.errors import IsoglossError, warn
from isogloss.recipes.config import RunConfig
from isogloss.recipes.labelled import check_labelled_rows
from isogloss.recipes.methods import NEEDS_TARGET_LABELS
from isogloss.recipes.predict import check_columns
from isogloss.tasks import Task, make_task

UNNAMED = {
    "source": "the source",
    "target": "the target",
    "test": "the test set",
    "labelled_target": "the labelled target rows",
}


@dataclass(frozen=True, kw_only=True)
class CanonicalData:
    """Checked rows under canonical column names, before any model is known.

    Attributes:
        task: knows its labels.
        source: labelled.
        target: without labels, unless the recipe is defined by them.
        test: labelled, or None.
        labelled: a few labelled target rows, which no stage sees, or None.
        facts: sizes and duplicates, for the record.
        fingerprints: content hash of each side.
    """

    task: Task
    source: Dataset
    target: Dataset
    test: Dataset | None
    labelled: Dataset | None
    facts: dict[str, Any]
    fingerprints: dict[str, str]


@dataclass(frozen=True, kw_only=True)
class EncodedData:
    """Encoded rows as trainers take them.

    Attributes:
        train: labelled rows that a classifier is fitted to.
        held_out: labelled source rows for statistics; `train` where nothing is held out.
        target: unlabelled target rows.
        test: labelled rows, or None.
    """

    train: Dataset
    held_out: Dataset
    target: Dataset
    test: Dataset | None

    def used_ids(self) -> np.ndarray:
        """All token ids that occur, sorted."""
        sets = [self.train, self.held_out, self.target] + ([self.test] if self.test else [])
        return np.unique(np.concatenate([np.flatnonzero(_seen_ids(s)) for s in sets]))


def read(config: RunConfig, given: Mapping[str, Dataset]) -> CanonicalData:
    """Load and check what a run works on; nothing is written but the cache.

    Args:
        config: the settings.
        given: data sets by side, which take the place of the files that `config` names.

    Raises:
        IsoglossError: any E1xx or E2xx; E660 to E662 for labelled target rows.
    """
    sides = {side: given.get(side, getattr(config, side)) for side in UNNAMED}
    sides = {side: where for side, where in sides.items() if where is not None}
    names = {side: name_of(where, default=UNNAMED[side]) for side, where in sides.items()}
    loaded = _load(sides, names, config)
    columns = {"text": config.text, "text_pair": config.text_pair, "label": config.label}
    task = make_task(config.task, **columns, orphan_tags=config.orphan_tags)

    def checked(side: str, labels: Any) -> Dataset:
        kind: Any = side.replace("_", " ")
        rows = prepare(loaded[side], task.columns, side=kind, name=names[side], labels=labels)
        return task.conform(rows, name=names[side])

    source = checked("source", "required")
    target = checked("target", "required" if config.recipe in NEEDS_TARGET_LABELS else "drop")
    task = task.with_labels_from(source, name=names["source"])
    task.check_labels(target, name=names["target"])

    def labelled(side: str) -> Dataset | None:
        if side not in loaded:
            return None
        rows = checked(side, "required")
        task.check_labels(rows, name=names[side])
        return rows

    test, few = labelled("test"), labelled("labelled_target")
    facts = _facts(task, source, target, test)
    if few is not None:
        name = names["labelled_target"]
        facts |= check_labelled_rows(few, name=name, source=source, target=target, test=test)
    return CanonicalData(
        task=task,
        source=source,
        target=target,
        test=test,
        labelled=few,
        facts=facts,
        fingerprints={side: content_digest(sides[side], rows) for side, rows in loaded.items()},
    )


def _load(sides: dict[str, Any], names: dict[str, str], config: RunConfig) -> dict[str, Dataset]:
    check_different_files(sides["source"], sides["target"])
    # Before a long source is read: predictions are written beside the target's own columns.
    target = load(sides["target"], format=config.format)
    check_columns(config.task, target.column_names, name=names["target"])
    others = {side: where for side, where in sides.items() if side != "target"}
    loaded = {side: load(where, format=config.format) for side, where in others.items()}
    return {**loaded, "target": target}


def _facts(task: Task, source: Dataset, target: Dataset, test: Dataset | None) -> dict[str, Any]:
    own, other = input_digests(source), input_digests(target)
    facts: dict[str, Any] = {
        "source_rows": len(source),
        "target_rows": len(target),
        "source_rows_repeated": repeats_among(own),
        "target_rows_repeated": repeats_among(other),
        "target_rows_also_in_source": shared_among(own, other),
    }
    if test is not None:
        facts["test_rows"] = len(test)
        held = input_digests(test)
        facts["test_rows_also_in_target"] = shared_among(other, held)
        facts["test_rows_also_in_source"] = shared_among(own, held)
        facts["test_shares"] = np.asarray(task.prior(test)).tolist()
        if facts["test_rows_also_in_target"]:
            warn("W521", count=facts["test_rows_also_in_target"], of=len(test))
        if facts["test_rows_also_in_source"]:
            warn("W525", count=facts["test_rows_also_in_source"], of=len(test))
    return facts


def encode(
    data: CanonicalData,
    config: RunConfig,
    tokenizer: Any,
    *,
    max_length: int,
    cache: Path | None = None,
) -> EncodedData:
    """Encode every side and set the hold-out apart.

    Args:
        data: from `read`.
        config: the resolved settings.
        tokenizer: of the encoder.
        max_length: tokens a text is cut to.
        cache: a folder to keep encoded rows in, and to take them from where an earlier run with
            the same data and tokenizer left them; else they stay in memory.

    Raises:
        IsoglossError: any E2xx; E523 where the hold-out would leave a side empty.
    """

    def encoded(rows: Dataset, name: str, *, with_labels: bool) -> Dataset:
        result = data.task.encode(
            rows, tokenizer, max_length=max_length, with_labels=with_labels, cache=cache
        )
        if result.truncated:
            named = f"the {name}"
            warn("W522", name=named, count=result.truncated, of=len(rows), length=max_length)
        return result.dataset

    source = encoded(data.source, "source", with_labels=True)
    train, held_out = split_held_out(source, share=config.holdout or 0.0, seed=config.seed)
    target = encoded(data.target, "target", with_labels=config.recipe in NEEDS_TARGET_LABELS)
    if config.recipe == "supervised":
        train = target
    elif config.recipe == "bilingual":
        train = concatenate_datasets([train, target])
    test = None if data.test is None else encoded(data.test, "test", with_labels=True)
    return EncodedData(train=train, held_out=held_out, target=target, test=test)


def split_held_out(dataset: Dataset, *, share: float, seed: int) -> tuple[Dataset, Dataset]:
    """Two parts of an encoded data set in which every kind of labelling is fairly shared.

    The examples are shuffled, ordered by their labels, and each 1/share-th is held out, so that a
    class with few examples is on both sides where it can be.

    Args:
        dataset: encoded examples with labels.
        share: of the examples to hold out, 0 to 0.5; at 0 both parts are the whole set.
        seed: of the shuffling.

    Returns:
        The rows to train on and the rows held out, each in the order of the data.

    Raises:
        IsoglossError: E523 where fewer examples than two would be held out.
    """
    if share == 0.0:
        return dataset, dataset
    count = len(dataset)
    wanted = round(count * share)
    if wanted < 2:
        raise IsoglossError("E523", share=share, rows=count)
    shuffled = np.random.default_rng((seed, 2)).permutation(count)
    # A stable sort keeps equal labellings in their random order.
    ordered = shuffled[np.argsort(scans.ranks(dataset, "labels")[shuffled], kind="stable")]
    places = ((np.arange(wanted) + 0.5) * count / wanted).astype(int)
    held_out = np.zeros(count, dtype=bool)
    held_out[ordered[places]] = True
    return dataset.select(np.flatnonzero(~held_out)), dataset.select(np.flatnonzero(held_out))


def _seen_ids(dataset: Dataset) -> np.ndarray:
    """Which ids, from 0 to the largest, occur."""
    seen = np.zeros(0, dtype=bool)
    for ids in scans.items(dataset, "input_ids"):
        missing = int(ids.max(initial=-1)) + 1 - len(seen)
        seen = np.pad(seen, (0, max(0, missing)))
        seen[ids] = True
    return seen
