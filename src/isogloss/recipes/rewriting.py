"""Changing the last layer of a model folder, and no more of it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from transformers import (
    AutoModelForSequenceClassification,
    AutoModelForTokenClassification,
    PreTrainedModel,
)

from isogloss.data.atomic import share, unfinished_folder
from isogloss.models.bias import fold_into_bias
from isogloss.models.sources import quiet_library

WEIGHTS = "model.safetensors"


def rewrite(model: Path, change: Callable[[PreTrainedModel], None], *, kind: str) -> None:
    """Replace the weights of a model folder by changed ones, whole or not at all.

    The file that it may share with a stage's folder is left as it was.

    Args:
        model: the folder.
        change: alters the plain model in place.
        kind: of the task.
    """
    auto = (
        AutoModelForTokenClassification if kind == "token" else AutoModelForSequenceClassification
    )
    with quiet_library():
        plain = auto.from_pretrained(model)
        change(plain)
        with unfinished_folder(model) as folder:
            plain.save_pretrained(folder, max_shard_size="1TB")
            share(folder / WEIGHTS)
            (folder / WEIGHTS).replace(model / WEIGHTS)


def fold(model: Path, weights: list[float], *, kind: str) -> None:
    """Correct every prediction of a model folder by importance weights.

    Args:
        model: the folder.
        weights: (k,) at least 0.
        kind: of the task.
    """
    rewrite(model, lambda plain: fold_into_bias(plain, weights), kind=kind)
