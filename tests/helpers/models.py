"""Tiny random models and a tiny tokenizer, one per supported architecture."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
from transformers import (
    AutoModel,
    AutoModelForSequenceClassification,
    AutoModelForTokenClassification,
    BertConfig,
    DebertaV2Config,
    DistilBertConfig,
    ModernBertConfig,
    PreTrainedConfig,
    PreTrainedModel,
    PreTrainedTokenizerFast,
    XLMRobertaConfig,
)

from isogloss.models.features import FeatureClassifier
from tests.helpers.variations import variation

ARCHITECTURES = ("bert", "xlm-roberta", "distilbert", "deberta-v2", "modernbert")
WITH_TOKEN_TYPES = ("bert", "deberta-v2")

SPECIAL = ["<pad>", "[UNK]", "[CLS]", "[SEP]"]
_SENTENCES = (
    "good bad fine poor great awful book film food the a an is was not very and or but so "
    "gut schlecht fein arm buch essen der die das ein eine ist war nicht sehr und oder aber "
    "bon mauvais livre repas le la les un une est pas et ou mais "
    "anna berlin paris london acme lives in works at for from to near . , ! ?"
)
WORDS = _SENTENCES.split()
PIECES = ["##s", "##en", "##er", "##ly", "##e"]
LETTERS = [chr(code) for code in range(ord("a"), ord("z") + 1)]
VOCABULARY = [
    *SPECIAL,
    *dict.fromkeys([*WORDS, *PIECES, *LETTERS, *("##" + letter for letter in LETTERS)]),
]
VOCAB_SIZE = len(VOCABULARY)
HIDDEN = 32


def tiny_config(architecture: str, *, num_labels: int = 3, **changes: Any) -> PreTrainedConfig:
    """A configuration of 2 layers, hidden size 32, that fits `tiny_tokenizer`."""
    common: dict[str, Any] = {
        "vocab_size": VOCAB_SIZE,
        "num_labels": num_labels,
        "pad_token_id": 0,
        "bos_token_id": 2,
        "eos_token_id": 3,
        "max_position_embeddings": 66,
        # Larger than usual, so that tiny random models give inputs that differ visibly.
        "initializer_range": 0.2,
    }
    common |= changes
    shape = {"num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 64}
    if architecture == "bert":
        return BertConfig(**{"hidden_size": HIDDEN, **shape, **common})
    if architecture == "xlm-roberta":
        return XLMRobertaConfig(
            **{
                "hidden_size": HIDDEN,
                **shape,
                "type_vocab_size": 1,
                "layer_norm_eps": 1e-5,
                **common,
            }
        )
    if architecture == "distilbert":
        return DistilBertConfig(
            **{"dim": HIDDEN, "n_layers": 2, "n_heads": 4, "hidden_dim": 64, **common}
        )
    if architecture == "deberta-v2":
        return DebertaV2Config(
            **{
                "hidden_size": HIDDEN,
                **shape,
                "type_vocab_size": 0,
                "relative_attention": True,
                "position_buckets": 8,
                "norm_rel_ebd": "layer_norm",
                "share_att_key": True,
                "pos_att_type": "p2c|c2p",
                "position_biased_input": False,
                **common,
            }
        )
    assert architecture == "modernbert", architecture
    return ModernBertConfig(
        **{
            "hidden_size": HIDDEN,
            **shape,
            "cls_token_id": 2,
            "sep_token_id": 3,
            "local_attention": 8,
            "classifier_dropout": 0.1,
            **common,
        }
    )


def tiny_model(
    architecture: str, task: str = "sequence", *, num_labels: int = 3, seed: int = 0, **changes: Any
) -> PreTrainedModel:
    """A random model in eval mode.

    Args:
        architecture: one of `ARCHITECTURES`.
        task: `"sequence"`, `"token"`, or `"base"` for the encoder with no head.
        num_labels: number of classes.
        seed: of the random weights; the global generator is left alone.
        changes: configuration fields.
    """
    auto = {
        "sequence": AutoModelForSequenceClassification,
        "token": AutoModelForTokenClassification,
        "base": AutoModel,
    }[task]
    config = tiny_config(architecture, num_labels=num_labels, **changes)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = auto.from_config(config).eval()
    order = variation().order
    if order is not None and task != "base":
        with torch.no_grad():
            for parameter in FeatureClassifier(model).final_linear.parameters():
                parameter[list(order)] = parameter.clone()
    return model


def tiny_tokenizer(architecture: str = "bert") -> PreTrainedTokenizerFast:
    """A fast word-piece tokenizer over `VOCABULARY`; token types only where the model has them."""
    ids = {piece: index for index, piece in enumerate(VOCABULARY)}
    backend = Tokenizer(models.WordPiece(ids, unk_token="[UNK]", continuing_subword_prefix="##"))
    backend.normalizer = normalizers.Lowercase()
    backend.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    backend.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]",
        pair="[CLS] $A [SEP] $B:1 [SEP]:1",
        special_tokens=[("[CLS]", 2), ("[SEP]", 3)],
    )
    names = ["input_ids", "attention_mask"]
    if architecture in WITH_TOKEN_TYPES:
        names.insert(1, "token_type_ids")
    return PreTrainedTokenizerFast(
        tokenizer_object=backend,
        pad_token="<pad>",
        unk_token="[UNK]",
        cls_token="[CLS]",
        sep_token="[SEP]",
        model_input_names=names,
        model_max_length=64,
    )


def save_tiny(folder: Path, architecture: str, task: str = "base", **options: Any) -> Path:
    """Write a tiny model with its tokenizer as a Hugging Face folder, and return the folder."""
    tiny_model(architecture, task, **options).save_pretrained(folder)
    tiny_tokenizer(architecture).save_pretrained(folder)
    return folder


def random_batch(
    *, rows: int = 5, length: int = 11, seed: int = 0, pad_id: int = 0
) -> dict[str, torch.Tensor]:
    """Random ids with padding at the end: input_ids and attention_mask, both (rows, length)."""
    generator = torch.Generator().manual_seed(seed)
    ids = torch.randint(len(SPECIAL), VOCAB_SIZE, (rows, length), generator=generator)
    lengths = torch.randint(4, length + 1, (rows,), generator=generator)
    lengths[0] = length
    mask = (torch.arange(length)[None] < lengths[:, None]).long()
    ids[:, 0] = 2
    return {"input_ids": torch.where(mask.bool(), ids, pad_id), "attention_mask": mask}
