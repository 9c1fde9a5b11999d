"""A model's tokenizer and limits, without its weights."""

from __future__ import annotations

import torch
from transformers import AutoModel, PreTrainedTokenizerFast

from isogloss.models.loading import check_vocabulary, max_length_of
from isogloss.models.sources import coded, locate, read_config, read_tokenizer


def load_tokenizer(
    name: str, *, trust_remote_code: bool = False
) -> tuple[PreTrainedTokenizerFast, int]:
    """The tokenizer of a model and the longest input that both allow.

    Args:
        name: `"offline"`, a folder, or the id of a model on the Hugging Face hub.
        trust_remote_code: run code that comes with the model.

    Returns:
        A fast tokenizer, and a length in word pieces, special ones counted.

    Raises:
        IsoglossError: E310 to E316, E319 to E322, E325.
    """
    source = locate(name, remote_code=trust_remote_code)
    config = read_config(source)
    tokenizer = read_tokenizer(source)
    # On the meta device a model has shapes but no weights.
    kinds = (ValueError, TypeError, KeyError, AttributeError, RuntimeError, ArithmeticError)
    with torch.device("meta"), coded("E321", *kinds, name=source.name):
        model = AutoModel.from_config(config, trust_remote_code=trust_remote_code)
    check_vocabulary(model, tokenizer, name=source.name)
    return tokenizer, max_length_of(model, tokenizer)
