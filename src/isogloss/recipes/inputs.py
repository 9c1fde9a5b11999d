"""From the user's data to encoded rows: loading, checks, one label map, encoding, the hold-out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from datasets import Dataset, concatenate_datasets

from isogloss.data.fingerprints import fingerprint
from isogloss.data.loading import check_different_files, load, name_of
from isogloss.data.overlap import count_duplicates
from isogloss.data.preparing import prepare
from isogloss.errors import IsoglossError, warn
from isogloss.recipes.config import RunConfig
from isogloss.recipes.predict import check_columns
from isogloss.tasks import Task, make_task

# Recipes that look at target labels, each by its definition: to train on them, or for their shares.
NEEDS_TARGET_LABELS = ("supervised", "bilingual", "iwda-oracle")


@dataclass(frozen=True, kw_only=True)
class CanonicalData:
    """Checked rows under canonical column names, before any model is known.

    Attributes:
        task: knows its labels.
        source: labelled.
        target: without labels, unless the recipe is defined by them.
        test: labelled, or None.
        facts: sizes and duplicates, for the record.
        fingerprints: content hash of each side.
    """

    task: Task
    source: Dataset
    target: Dataset
    test: Dataset | None
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
        return np.unique(np.concatenate([_unique_ids(s) for s in sets]))


def read(config: RunConfig, given: Mapping[str, Dataset]) -> CanonicalData:
    """Load and check what a run works on; nothing is written but the cache.

    Args:
        config: the settings.
        given: data sets by side, which take the place of the files that `config` names.

    Raises:
        IsoglossError: any E1xx or E2xx.
    """
    sides = {side: given.get(side, getattr(config, side)) for side in ("source", "target", "test")}
    check_different_files(sides["source"], sides["target"])
    target_columns = load(sides["target"], format=config.format).column_names
    check_columns(config.task, target_columns, name=name_of(sides["target"], default="the target"))
    task = make_task(config.task, text=config.text, text_pair=config.text_pair, label=config.label)
    need_target = "required" if config.recipe in NEEDS_TARGET_LABELS else "drop"
    source = _read_side(task, sides["source"], config, side="source", labels="required")
    target = _read_side(task, sides["target"], config, side="target", labels=need_target)
    task = task.with_labels_from(source, name=name_of(sides["source"], default="the source"))
    task.check_labels(target, name=name_of(sides["target"], default="the target"))
    test = None
    if sides["test"] is not None:
        test = _read_side(task, sides["test"], config, side="test", labels="required")
        task.check_labels(test, name=name_of(sides["test"], default="the test set"))
    return CanonicalData(
        task=task,
        source=source,
        target=target,
        test=test,
        facts=_facts(source, target, test),
        fingerprints={s: fingerprint(where) for s, where in sides.items() if where is not None},
    )


def _read_side(task: Task, where: Any, config: RunConfig, *, side: Any, labels: Any) -> Dataset:
    name = name_of(where, default=f"the {side}")
    rows = prepare(
        load(where, format=config.format), task.columns, side=side, name=name, labels=labels
    )
    return task.conform(rows, name=name)


def _facts(source: Dataset, target: Dataset, test: Dataset | None) -> dict[str, Any]:
    facts: dict[str, Any] = {"source_rows": len(source), "target_rows": len(target)}
    if test is not None:
        facts["test_rows"] = len(test)
        facts["test_rows_also_in_target"] = count_duplicates(target, test)
        if facts["test_rows_also_in_target"]:
            warn("W521", count=facts["test_rows_also_in_target"], of=len(test))
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
        cache: a folder for the encoded rows, else they stay in memory.

    Raises:
        IsoglossError: any E2xx; E523 where the hold-out would leave a side empty.
    """

    def encoded(rows: Dataset, name: str, *, with_labels: bool) -> Dataset:
        file = None if cache is None else cache / f"{name}.arrow"
        result = data.task.encode(
            rows, tokenizer, max_length=max_length, with_labels=with_labels, cache_file=file
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
        train = concatenate_datasets([train, target.cast(train.features)])
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
    labels = dataset["labels"]
    ordered = sorted(shuffled.tolist(), key=lambda i: tuple(labels[i]))
    places = ((np.arange(wanted) + 0.5) * count / wanted).astype(int)
    held_out = np.zeros(count, dtype=bool)
    held_out[np.asarray(ordered)[places]] = True
    return dataset.select(np.flatnonzero(~held_out)), dataset.select(np.flatnonzero(held_out))


def _unique_ids(dataset: Dataset) -> np.ndarray:
    chunks = [np.zeros(0, dtype=np.int64)]
    for batch in dataset.with_format("arrow").iter(10_000):
        chunks.append(np.unique(batch.column("input_ids").combine_chunks().flatten().to_numpy()))
    return np.unique(np.concatenate(chunks))
