"""Folders of models as `adapt` exports them; nothing is trained."""

from __future__ import annotations

from pathlib import Path

from isogloss.labels import LabelMap
from isogloss.models.export import export
from isogloss.models.loading import load_backbone
from tests.helpers.models import save_tiny

LABELS = ("bad", "fair", "good")


def served_model(folder: Path, *, seed: int = 0) -> Path:
    """Write a tiny random classifier of texts with the labels `LABELS`; returns its folder."""
    encoder = save_tiny(folder / "encoder", "bert", seed=seed)
    labels = LabelMap(LABELS)
    backbone = load_backbone(str(encoder), kind="sequence", labels=labels, pooling="cls", seed=seed)
    backbone.model.model.config.isogloss = {
        "task": "sequence",
        "text": "text",
        "text_pair": None,
        "label": "label",
        "labels": list(LABELS),
        "max_length": 64,
        "pooling": "cls",
    }
    export(backbone.model, backbone.tokenizer, folder / "model", card=None, full_embedding=None)
    return folder / "model"
