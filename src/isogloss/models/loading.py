"""Load an encoder, from the hub, a folder or the offline package, as a classifier to train."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import torch
from transformers import PreTrainedConfig, PreTrainedModel, PreTrainedTokenizerFast

from isogloss.errors import IsoglossError, warn
from isogloss.models import pooling as pool
from isogloss.models.features import FeatureClassifier, Pooling, check_pooling
from isogloss.models.heads import embedding_table, head_of
from isogloss.models.sources import locate, read_config, read_model, read_tokenizer
from isogloss.models.starting import check_encoder, settle_labels, start_as_identity

if TYPE_CHECKING:
    from isogloss.labels import LabelMap

RECORDED_POOLING = "isogloss_pooling"
_NO_LIMIT = 512


@dataclass(frozen=True, kw_only=True)
class Backbone:
    """A classifier ready to train, with what belongs to it.

    Attributes:
        model: the classifier, in fp32 and eval mode.
        tokenizer: its fast tokenizer.
        name: the name it was asked for by.
        max_length: the longest input in word pieces, special ones counted.
    """

    model: FeatureClassifier
    tokenizer: PreTrainedTokenizerFast
    name: str
    max_length: int


def load_backbone(
    name: str | Path,
    *,
    kind: Literal["sequence", "pair", "token"],
    labels: LabelMap,
    pooling: Pooling | None = None,
    seed: int,
    attn_implementation: str | None = None,
    trust_remote_code: bool = False,
) -> Backbone:
    """Load an encoder with a classification head, and its tokenizer.

    Args:
        name: `"offline"`, a folder, or the id of a model on the Hugging Face hub.
        kind: the kind of task.
        labels: the label map; its order is that of the logits.
        pooling: as `load_classifier`.
        seed: as `load_classifier`.
        attn_implementation: as `load_classifier`.
        trust_remote_code: as `load_classifier`.

    Returns:
        The backbone. Its model's configuration carries `id2label` and `label2id`.

    Raises:
        IsoglossError: E310 to E322, E325 to E328.
    """
    source = locate(name, remote_code=trust_remote_code)
    classifier = load_classifier(
        name,
        kind=kind,
        labels=labels,
        pooling=pooling,
        seed=seed,
        attn_implementation=attn_implementation,
        trust_remote_code=trust_remote_code,
    )
    tokenizer = read_tokenizer(source)
    check_vocabulary(classifier.model, tokenizer, name=source.name)
    length = max_length_of(classifier.model, tokenizer)
    return Backbone(model=classifier, tokenizer=tokenizer, name=source.name, max_length=length)


def load_classifier(
    name: str | Path,
    *,
    kind: Literal["sequence", "pair", "token"],
    labels: LabelMap,
    pooling: Pooling | None = None,
    seed: int,
    attn_implementation: str | None = None,
    trust_remote_code: bool = False,
) -> FeatureClassifier:
    """Load an encoder with a classification head, without its tokenizer.

    New weights of the head are drawn from `seed`; the global random state is left alone. A head
    that the checkpoint was already trained with, for the same labels, is kept. A folder written
    by `isogloss.models.export` keeps the pooling it was trained with.

    Args:
        name: `"offline"`, a folder, or the id of a model on the Hugging Face hub.
        kind: the kind of task.
        labels: the label map; its order is that of the logits.
        pooling: `"cls"` or `"mean"`; None takes the model's own, else `"cls"`. Token tasks
            ignore it.
        seed: of new weights, 0 or more.
        attn_implementation: transformers' attention implementation; None leaves it to transformers.
        trust_remote_code: run code that comes with the model. Off unless asked for.

    Returns:
        The classifier, in fp32 and eval mode. Its model's configuration carries `id2label` and
        `label2id`.

    Raises:
        IsoglossError: E310 to E313, E316 to E321, E326 to E328.
    """
    if pooling is not None:
        check_pooling(pooling)
    source = locate(name, remote_code=trust_remote_code)
    config = read_config(source)
    recorded = {int(index): label for index, label in (config.id2label or {}).items()}
    recorded_pooling = _take_recorded_pooling(config)
    _set_labels(config, labels)
    # Forked, so that new weights depend on the seed alone and nothing else depends on them.
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model, report = read_model(
            source, config, token=kind == "token", attention=attn_implementation
        )
    check_encoder(model, report, name=source.name)
    wanted = None if kind == "token" else pooling
    chosen = _settle_pooling(model, recorded_pooling, wanted, name=source.name)
    classifier = FeatureClassifier(model, pooling=chosen)
    settle_labels(
        classifier, report, recorded=recorded, names=labels.names, seed=seed, name=source.name
    )
    _start_pooled(classifier, report["missing_keys"])
    return classifier


def max_length_of(model: PreTrainedModel, tokenizer: PreTrainedTokenizerFast) -> int:
    """The longest input that model and tokenizer allow, in word pieces."""
    limits = [tokenizer.model_max_length]
    positions = getattr(model.config, "max_position_embeddings", None)
    if positions:
        table = getattr(getattr(model.base_model, "embeddings", None), "position_embeddings", None)
        # XLM-R numbers its positions from the padding id + 1, and the rows before go unused.
        padding = getattr(table, "padding_idx", None)
        limits.append(positions if padding is None else positions - padding - 1)
    length = min(limits)
    # Tokenizers that know of no limit say so with a huge number.
    return length if length < 1_000_000 else _NO_LIMIT


def _take_recorded_pooling(config: PreTrainedConfig) -> Pooling | None:
    """Remove from the configuration, and return, the pooling that an export noted."""
    recorded = getattr(config, RECORDED_POOLING, None)
    if recorded is None:
        return None
    check_pooling(recorded)
    delattr(config, RECORDED_POOLING)
    return recorded


def _set_labels(config: PreTrainedConfig, labels: LabelMap) -> None:
    config.id2label = dict(enumerate(labels.names))
    config.label2id = {name: index for index, name in enumerate(labels.names)}
    # A checkpoint trained for several labels at once would make pipelines use a sigmoid.
    config.problem_type = "single_label_classification"


def _settle_pooling(
    model: PreTrainedModel, recorded: Pooling | None, wanted: Pooling | None, *, name: str
) -> Pooling:
    """The pooling to use; a layer that an export appended for it is taken off again."""
    if recorded and wanted and recorded != wanted:
        warn("W310", name=name, recorded=recorded, pooling=wanted, stacklevel=4)
    if recorded == "mean" and pool.is_folded(model):
        if not pool.ends_in_pooling_layer(model):
            warn("W312", name=name, stacklevel=4)
            return "cls"
        pool.drop_last_layer(model)
    native = getattr(model.config, "classifier_pooling", None) if pool.is_native(model) else None
    return recorded or wanted or native or "cls"


def _start_pooled(classifier: FeatureClassifier, missing: set[str]) -> None:
    head = head_of(classifier.model)
    dense = head.dense_of(classifier.model) if head else None
    if classifier.pooling == "mean" and head and dense and f"{head.dense}.weight" in missing:
        start_as_identity(dense)


def check_vocabulary(
    model: PreTrainedModel, tokenizer: PreTrainedTokenizerFast, *, name: str
) -> None:
    """Require that the embedding has a row for every piece of the tokenizer; E322 where not.

    E320 where the model embeds no pieces at all.
    """
    if not hasattr(model.get_input_embeddings(), "weight"):
        raise IsoglossError("E320", name=name, model_type=model.config.model_type, kind="text")
    rows = embedding_table(model).shape[0]
    if len(tokenizer) > rows:
        raise IsoglossError("E322", name=name, pieces=len(tokenizer), rows=rows)
