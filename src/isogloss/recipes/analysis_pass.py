"""One model's passes over both sides: every layer's features into accumulators."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
import torch
from datasets import Dataset

from isogloss.analysis.shift import ShiftAccumulator
from isogloss.data.collate import RowCollator
from isogloss.data.pairing import rows_of
from isogloss.errors import warn
from isogloss.labelshift.calibration import softmax
from isogloss.labelshift.correction import correct
from isogloss.models.features import FeatureClassifier
from isogloss.models.inference import inference, tokens_per_batch
from isogloss.models.layers import View, reduce_states, with_layer_states
from isogloss.recipes.serving import ServedModel
from isogloss.trainers.finetune import lengths_of, model_inputs
from isogloss.trainers.rows import length_batches

# Rows that are encoded at a time.
_SLICE = 2048
# What feeds the last linear layer, in place of a layer's number.
FEATURES: Literal["features"] = "features"
Layer: TypeAlias = int | Literal["features"]
# A layer, and what of it.
Place: TypeAlias = tuple[Layer, View]


@dataclass(frozen=True, kw_only=True)
class SideRows:
    """One side's texts.

    Attributes:
        rows: canonical; labels are used where `labelled`.
        name: of the file, for messages.
        labelled: whether classes are its labels; else what the model says.
    """

    rows: Dataset
    name: str
    labelled: bool


def own_view(classifier: FeatureClassifier) -> View:
    """What of the last layer the features are made from."""
    if classifier.is_token:
        return "active"
    return "mean" if classifier.pooling == "mean" else "cls"


def has_classes(place: Place, *, tagging: bool) -> bool:
    """Whether rows of that place have a class: in tagging only words do, not sentences."""
    return not tagging or place[1] == "active"


def run_pass(
    served: ServedModel,
    sides: tuple[SideRows, SideRows],
    accumulators: Mapping[Place, ShiftAccumulator],
    *,
    weights: np.ndarray | None,
    advance: Callable[[int], None],
) -> None:
    """Run the model over both sides once, at memory that does not depend on their size.

    Args:
        served: the model.
        sides: source and target.
        accumulators: by place; filled.
        weights: (k,) importance weights by which predictions stand for classes where a side has
            no labels; None for predictions as they are.
        advance: told the number of texts done.
    """
    tagging = served.task.kind == "token"
    with inference(served.classifier, served.precision):
        for is_target, side in enumerate(sides):
            for batch, examples in _batches(served, side):
                found, logits = _look(served, batch, list(accumulators))
                classes = _classes(batch, logits, side, weights)
                rows = examples[batch["active_rows"].numpy()]
                for place, features in found.items():
                    known = has_classes(place, tagging=tagging)
                    accumulators[place].update(
                        features,
                        classes if known else np.zeros(len(features), dtype=np.int64),
                        is_target=bool(is_target),
                        groups=rows if known else examples,
                    )
                advance(len(examples))


def _batches(
    served: ServedModel, side: SideRows
) -> Iterator[tuple[dict[str, torch.Tensor], np.ndarray]]:
    """Collated batches and the numbers of their examples."""
    tokenizer = served.backbone.tokenizer
    collator = RowCollator(pad_token_id=tokenizer.pad_token_id)
    budget = tokens_per_batch(next(served.classifier.parameters()).device)
    truncated = 0
    for start in range(0, len(side.rows), _SLICE):
        part = side.rows.select(range(start, min(start + _SLICE, len(side.rows))))
        encoded = served.task.encode(
            part, tokenizer, max_length=served.max_length, with_labels=side.labelled
        )
        truncated += encoded.truncated
        lengths = np.asarray(lengths_of(encoded.dataset))
        for indices in length_batches(lengths, budget=budget):
            yield collator(rows_of(encoded.dataset, indices.tolist())), start + indices
    if truncated:
        warn(
            "W522",
            name=side.name,
            count=truncated,
            of=len(side.rows),
            length=served.max_length,
        )


def _look(
    served: ServedModel, batch: dict[str, torch.Tensor], places: Sequence[Place]
) -> tuple[dict[Place, np.ndarray], np.ndarray]:
    """The features of every place, and the logits."""
    device = next(served.classifier.parameters()).device
    inputs = {name: value.to(device) for name, value in model_inputs(batch).items()}
    output, states = with_layer_states(served.classifier, **inputs)
    active = {name: inputs[name] for name in ("attention_mask", "active_rows", "active_positions")}
    found = {}
    for layer, view in places:
        rows = (
            output.features.float()
            if layer == FEATURES
            else reduce_states(states[layer], view, **active)
        )
        found[layer, view] = rows.cpu().numpy()
    return found, output.logits.float().cpu().numpy()


def _classes(
    batch: dict[str, torch.Tensor],
    logits: np.ndarray,
    side: SideRows,
    weights: np.ndarray | None,
) -> np.ndarray:
    if side.labelled:
        labels: np.ndarray = batch["labels"].numpy()
        return labels
    soft = softmax(logits.astype(np.float64))
    return soft if weights is None or len(soft) == 0 else correct(soft, weights)
