"""What the stages of one run share."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from isogloss.data import scans
from isogloss.data.sampling import sampled_places
from isogloss.labels import LabelMap
from isogloss.progress import Progress
from isogloss.recipes.config import RunConfig
from isogloss.recipes.folder import RunFolder
from isogloss.recipes.inputs import CanonicalData, EncodedData
from isogloss.recipes.methods import AVERAGE, ON_TARGET_LABELS, ZERO_SHOT
from isogloss.selection.refit import REFITTED
from isogloss.tasks import Task
from isogloss.trainers.estimation import RowEstimator


@dataclass(kw_only=True)
class Workshop:
    """What every stage of one run has at hand.

    `course` says how often the test rows are scored while a stage trains; nothing but a report may
    depend on what comes out.
    """

    config: RunConfig
    folder: RunFolder
    task: Task
    canonical: CanonicalData
    data: EncodedData
    test_references: list[Any] | None
    target_prior: np.ndarray | None
    pad_token_id: int
    max_length: int
    precision: Literal["bf16", "fp32"]
    progress: Progress
    course: int = 0

    @property
    def labels(self) -> LabelMap:
        """The classes."""
        return self.task.known_labels

    def model_of(self, stage: str | None) -> Path:
        """The model folder of an earlier stage."""
        assert stage is not None
        return self.folder.stage(stage) / "model"

    def p_value_before(self, stage: str) -> float:
        """Of the test of label shift before a stage adapts a model to the target; else 1.

        It is that of the run's first model, where that was fine-tuned on labelled texts alone. It
        counts for the stage that starts from that model, too: an estimate within a stage asks
        fewer rows, and a test of fewer rows misses more.
        """
        stages = {one.name: one for one in self.config.stages()}
        first = self.config.stages()[0]
        name = stage.removesuffix(REFITTED)
        own = stages.get(name.removesuffix(AVERAGE), first)
        own = stages[own.members[0]] if own.members else own
        # A head that was refitted on target rows is adapted, whatever it was before.
        is_first = own.method == first.method and name == stage
        if is_first or first.method != ZERO_SHOT.method:
            return 1.0
        found = self.folder.stage_result(first.name)
        return 1.0 if found is None else float(found["prior"]["assumption_p_value"])

    def served_settings(self) -> dict[str, Any]:
        """What the exported model's configuration says for whoever loads it with isogloss."""
        columns = self.task.columns
        return {
            "task": self.task.kind,
            "text": columns.text,
            "text_pair": columns.text_pair,
            "label": columns.label,
            "labels": list(self.labels.names),
            "max_length": self.max_length,
            "pooling": self.config.pooling,
            "orphan_tags": self.config.orphan_tags,
        }

    @property
    def source_rows(self) -> Any:
        """The source's encoded rows that are trained on.

        Where the target's are in their place or among them, those held out.
        """
        learns_target = self.config.recipe in ON_TARGET_LABELS
        return self.data.held_out if learns_target else self.data.train

    @property
    def source_prior(self) -> np.ndarray:
        """(k,) class shares of `source_rows`."""
        return class_shares(self.source_rows, len(self.labels))


def sample(dataset: Any, most: int, seed: int) -> Any:
    """At most `most` examples of a data set, drawn without replacement, in their order."""
    if len(dataset) <= most:
        return dataset
    return dataset.select(sampled_places(len(dataset), most, seed))


def row_estimator(
    shop: Workshop, stage: str, most: int, *, method: str = "auto", calibration: str = "bcts"
) -> RowEstimator:
    """Who estimates the target's prior for this run, from held-out source rows and target rows.

    Args:
        shop: the run.
        stage: that asks; what was refuted before it stays so, see `Workshop.p_value_before`.
        most: examples a side, at most.
        method: as for `PriorEstimator`.
        calibration: as for `PriorEstimator`.
    """
    seed = shop.config.seed
    return RowEstimator(
        source=sample(shop.data.held_out, most, seed),
        target=sample(shop.data.target, most, seed),
        pad_token_id=shop.pad_token_id,
        precision=shop.precision,
        method=method,
        calibration=calibration,
        seed=seed,
        p_value_before=shop.p_value_before(stage),
    )


def true_weights(shop: Workshop) -> np.ndarray:
    """p_T / p_S from the target's own labels; 1 for a class the source lacks."""
    assert shop.target_prior is not None
    source = shop.source_prior
    ratio = np.ones_like(source)
    np.divide(shop.target_prior, source, out=ratio, where=source > 0)
    return ratio


def class_shares(dataset: Any, num_classes: int) -> np.ndarray:
    """(k,) shares of the classes among the rows of encoded, labelled examples."""
    counts = np.zeros(num_classes)
    for labels in scans.items(dataset, "labels"):
        counts += np.bincount(labels, minlength=num_classes)
    shares: np.ndarray = counts / counts.sum()
    return shares


def rows_per_example(dataset: Any) -> float:
    """Mean number of active positions of an encoded example."""
    return scans.mean_length(dataset, "active")
