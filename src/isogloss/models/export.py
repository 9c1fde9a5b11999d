"""Write a classifier as a plain Hugging Face folder that needs nothing of isogloss."""

from __future__ import annotations

import copy
import os
from pathlib import Path

from safetensors import SafetensorError
from torch import Tensor
from transformers import PreTrainedConfig, PreTrainedModel, PreTrainedTokenizerFast

from isogloss.data.atomic import share, unfinished_folder
from isogloss.errors import IsoglossError
from isogloss.models import pooling as pool
from isogloss.models.features import FeatureClassifier
from isogloss.models.heads import embedding_table
from isogloss.models.loading import RECORDED_POOLING
from isogloss.models.sources import coded, quiet_library


def export(
    model: FeatureClassifier,
    tokenizer: PreTrainedTokenizerFast,
    folder: str | Path,
    *,
    card: str | None,
    full_embedding: Tensor | None,
) -> Path:
    """Write configuration, weights, tokenizer and card; the folder appears whole or not at all.

    Mean pooling becomes one more encoder layer (see `isogloss.models.pooling`), so that the plain
    `AutoModelForSequenceClassification` gives the same logits. An earlier export at the same place
    is replaced, and nothing else ever is.

    Args:
        model: the classifier; it is not changed.
        tokenizer: its tokenizer.
        folder: where to write; its parents are made.
        card: the text of README.md; None writes none.
        full_embedding: for a model with trimmed vocabulary the full table, (V, d), with the
            trained rows in their places; None for any other model.

    Returns:
        The folder.

    Raises:
        IsoglossError: E323 where the embedding does not cover the tokenizer, E324 where the place
            is taken, E329 where it cannot be written.
    """
    place = Path(folder)
    _check_place(place)
    state = _plain_state(model, tokenizer, full_embedding)
    config = _plain_config(model, full_embedding)
    with (
        coded("E329", OSError, SafetensorError, folder=str(place)),
        unfinished_folder(place) as holder,
    ):
        written = holder / "new"
        _write(model, tokenizer, written, state=state, config=config, card=card)
        _swap(written, place, holder / "old")
    return place


def _check_place(place: Path) -> None:
    if not place.exists() or (place.is_dir() and not any(place.iterdir())):
        return
    config = place / "config.json"
    if config.is_file() and RECORDED_POOLING in config.read_text(
        encoding="utf-8", errors="replace"
    ):
        return
    raise IsoglossError("E324", folder=str(place))


def _plain_state(
    model: FeatureClassifier, tokenizer: PreTrainedTokenizerFast, full_embedding: Tensor | None
) -> dict[str, Tensor]:
    """The tensors of the plain model, the full embedding and the pooling layer among them."""
    own = embedding_table(model.model)
    table = own if full_embedding is None else full_embedding
    width = own.shape[1]
    if table.shape[0] < len(tokenizer) or table.shape[1] != width:
        rows, found = table.shape
        raise IsoglossError("E323", rows=rows, width=found, pieces=len(tokenizer), wanted=width)
    prefix = _embedding_name(model.model) + "."
    state = model.model.state_dict()
    state = {key: tensor for key, tensor in state.items() if not key.startswith(prefix)}
    state[prefix + "weight"] = table.detach()
    if _is_folded(model):
        state |= pool.pooling_layer(model.model)
    return {key: tensor.contiguous() for key, tensor in state.items()}


def _embedding_name(model: PreTrainedModel) -> str:
    embedding = model.get_input_embeddings()
    return next(name for name, part in model.named_modules() if part is embedding)


def _plain_config(model: FeatureClassifier, full_embedding: Tensor | None) -> PreTrainedConfig:
    config = copy.deepcopy(model.model.config)
    setattr(config, RECORDED_POOLING, model.pooling)
    config.architectures = [type(model.model).__name__]
    config.dtype = str(model.model.dtype).removeprefix("torch.")
    if full_embedding is not None:
        config.vocab_size = full_embedding.shape[0]
    if _is_folded(model):
        config.num_hidden_layers += 1
    return config


def _is_folded(model: FeatureClassifier) -> bool:
    return model.pooling == "mean" and pool.is_folded(model.model)


def _write(
    model: FeatureClassifier,
    tokenizer: PreTrainedTokenizerFast,
    folder: Path,
    *,
    state: dict[str, Tensor],
    config: PreTrainedConfig,
    card: str | None,
) -> None:
    with quiet_library():
        model.model.save_pretrained(folder, state_dict=state)
        for weights in folder.glob("*.safetensors"):
            share(weights)
        # Over the one just written, which describes the live model instead of the plain one.
        config.save_pretrained(folder)
        tokenizer.save_pretrained(folder)
    if card is not None:
        (folder / "README.md").write_text(card, encoding="utf-8")


def _swap(written: Path, place: Path, aside: Path) -> None:
    """Put the finished folder in its place, an older one aside to be removed with its holder."""
    if place.exists():
        os.replace(place, aside)
    os.replace(written, place)
