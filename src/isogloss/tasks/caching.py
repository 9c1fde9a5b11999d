"""Where encoded rows are kept between runs: in a file named after what they are made of."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

from datasets import Dataset
from transformers import PreTrainedTokenizerFast

from isogloss.data.fingerprints import rows_digest

# Raised with every change of how rows are encoded, so that old copies are not used.
ENCODING_VERSION = 1


def encoded_file(
    folder: Path,
    rows: Dataset,
    tokenizer: PreTrainedTokenizerFast,
    *,
    kind: str,
    names: Sequence[str] | None,
    max_length: int,
) -> Path:
    """The file for the encoding of some rows; another one for whatever would encode otherwise.

    Args:
        folder: that holds the files.
        rows: the canonical columns that are encoded.
        tokenizer: what encodes them; all of it counts, down to the last piece.
        kind: of the task.
        names: of the classes in order of their ids, `None` where no labels are encoded.
        max_length: the longest sequence in tokens.
    """
    made_of = {
        "version": ENCODING_VERSION,
        "tokenizers": version("tokenizers"),
        "kind": kind,
        "names": names,
        "max_length": max_length,
        "tokenizer": tokenizer_digest(tokenizer),
        "rows": rows_digest(rows),
    }
    key = hashlib.sha256(json.dumps(made_of).encode()).hexdigest()
    return folder / f"encoded-{key[:32]}.arrow"


def tokenizer_digest(tokenizer: PreTrainedTokenizerFast) -> str:
    """The SHA-256, as 64 hexadecimal digits, of all that decides how a tokenizer encodes a text."""
    settings = {
        "class": type(tokenizer).__name__,
        "inputs": tokenizer.model_input_names,
        "truncation_side": tokenizer.truncation_side,
        "split_special_tokens": tokenizer.split_special_tokens,
    }
    digest = hashlib.sha256(json.dumps(settings).encode())
    digest.update(_spelled_out(tokenizer).encode())
    return digest.hexdigest()


def _spelled_out(tokenizer: PreTrainedTokenizerFast) -> str:
    """The tokenizer as JSON, without the cutting and padding of whoever called it last."""
    backend = tokenizer.backend_tokenizer
    truncation, padding = backend.truncation, backend.padding
    backend.no_truncation()
    backend.no_padding()
    try:
        return str(backend.to_str())
    finally:
        if truncation is not None:
            backend.enable_truncation(**truncation)
        if padding is not None:
            backend.enable_padding(**padding)
