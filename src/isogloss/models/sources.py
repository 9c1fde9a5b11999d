"""Where a model comes from, and its parts as transformers reads them."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from transformers import (
    AutoConfig,
    AutoModelForSequenceClassification,
    AutoModelForTokenClassification,
    AutoTokenizer,
    PreTrainedConfig,
    PreTrainedModel,
    PreTrainedTokenizerFast,
)
from transformers.utils import logging as library_logging

from isogloss.errors import IsoglossError

OFFLINE = "offline"
_TOKENIZER = "tokenizer.json"
_WEIGHTS, _INDEX = "model.safetensors", "model.safetensors.index.json"
_PICKLES = ("*.bin", "*.pt", "*.pth", "*.ckpt", "*.pkl", "*.pickle")
_PART = re.compile(r"[\w-][\w.-]*\.safetensors", re.ASCII)
_HUB_ID = re.compile(r"(?=.{1,96}$)[A-Za-z0-9_][\w.-]*(/[A-Za-z0-9_][\w.-]*)?", re.ASCII)
_REASON_LENGTH = 200


@dataclass(frozen=True, kw_only=True)
class Source:
    """A model by the name the user gave it.

    Attributes:
        name: as given, for messages.
        where: what transformers is asked for, a folder or a hub id.
        is_local: whether `where` is a folder.
        remote_code: whether code that comes with the model may run.
    """

    name: str
    where: str
    is_local: bool
    remote_code: bool = False

    @property
    def unreachable(self) -> str:
        """The code of a failed read: a damaged folder, or a hub that gave nothing."""
        return "E326" if self.is_local else "E310"


def locate(name: str | Path, *, remote_code: bool = False) -> Source:
    """Resolve `"offline"`, a folder or a hub id, and check that a folder is complete.

    Raises:
        IsoglossError: E311, E312 or E313 for a folder without configuration, without weights, or
            with pickled weights only; E360 for an index of weights that names anything but
            safetensors files beside it; E319 where there is no folder and the name is no hub id.
    """
    folder = Path(name)
    if str(name) == OFFLINE:
        from isogloss.models.offline import offline_folder

        folder = Path(offline_folder())
    # Unlike Path.is_dir, this says False to a name that could be no path at all.
    if not os.path.isdir(folder):
        if not _HUB_ID.fullmatch(str(name)):
            raise IsoglossError("E319", name=str(name))
        return Source(name=str(name), where=str(name), is_local=False, remote_code=remote_code)
    _check_folder(folder)
    return Source(name=str(name), where=str(folder), is_local=True, remote_code=remote_code)


def read_config(source: Source) -> PreTrainedConfig:
    """The model's configuration.

    Raises:
        IsoglossError: E310 where the hub gave none, E321 where it is of no use.
    """
    unreachable = "E321" if source.is_local else "E310"
    with (
        coded("E321", ValueError, TypeError, KeyError, ImportError, name=source.name),
        coded(unreachable, OSError, name=source.name),
    ):
        # The user names the model; weights are safetensors, and code needs trust_remote_code.
        return AutoConfig.from_pretrained(source.where, trust_remote_code=source.remote_code)  # nosec B615


def read_tokenizer(source: Source) -> PreTrainedTokenizerFast:
    """The model's fast tokenizer.

    Raises:
        IsoglossError: E314 where there is none, E315 for a slow one, E325 without padding token.
    """
    kinds = (OSError, ValueError, TypeError, KeyError, AttributeError, ImportError)
    fields = {"name": source.name}
    if source.is_local and not (Path(source.where) / _TOKENIZER).is_file():
        # What transformers says then is a list of everything that it could not find either.
        fields["reason"] = f"it has no {_TOKENIZER}"
    with coded("E314", *kinds, **fields), quiet_library():
        tokenizer = AutoTokenizer.from_pretrained(  # nosec B615
            source.where, use_fast=True, trust_remote_code=source.remote_code
        )
    # Where no tokenizer file is found, transformers makes one out of the special tokens alone.
    if len(tokenizer) <= len(set(tokenizer.all_special_ids)):
        raise IsoglossError("E314", name=source.name, reason="it has no word pieces")
    if not isinstance(tokenizer, PreTrainedTokenizerFast):
        raise IsoglossError("E315", name=source.name, tokenizer=type(tokenizer).__name__)
    if tokenizer.pad_token_id is None:
        raise IsoglossError("E325", name=source.name)
    return tokenizer


def read_model(
    source: Source, config: PreTrainedConfig, *, token: bool, attention: str | None
) -> tuple[PreTrainedModel, dict[str, Any]]:
    """The model with a classification head, in fp32, and the library's loading report.

    Args:
        source: where the weights are.
        config: the configuration to build the model from, its labels set.
        token: a head over tokens instead of sequences.
        attention: transformers' `attn_implementation`; None for its own choice.

    Raises:
        IsoglossError: E310, E316, E320, E326 or E328.
    """
    auto = AutoModelForTokenClassification if token else AutoModelForSequenceClassification
    if type(config) not in auto._model_mapping and not source.remote_code:
        kind = "token" if token else "sequence"
        raise IsoglossError("E320", name=source.name, model_type=config.model_type, kind=kind)
    options = {} if attention is None else {"attn_implementation": attention}
    with (
        coded("E328", ValueError, ImportError, name=source.name, attention=attention),
        coded("E316", RuntimeError, name=source.name),
        coded(source.unreachable, OSError, SafetensorError, name=source.name),
        quiet_library(keep_bars=not source.is_local),
    ):
        return auto.from_pretrained(
            source.where,
            config=config,
            dtype=torch.float32,
            use_safetensors=True,
            ignore_mismatched_sizes=True,
            output_loading_info=True,
            trust_remote_code=source.remote_code,
            **options,
        )


@contextmanager
def coded(code: str, *kinds: type[Exception], **fields: Any) -> Iterator[None]:
    """Turn a library's exceptions into the error `code`, with their reason or the one given."""
    try:
        yield
    except kinds as error:
        lines = str(error).strip().splitlines() or [type(error).__name__]
        reason = " ".join(lines[0].split())[:_REASON_LENGTH].rstrip(" .:")
        raise IsoglossError(code, **{"reason": reason, **fields}) from error


@contextmanager
def quiet_library(*, keep_bars: bool = False) -> Iterator[None]:
    """Silence transformers' remarks, which here are expected, and its progress bars.

    Args:
        keep_bars: leave the progress bars, for something that may be a download.
    """
    verbosity = library_logging.get_verbosity()
    bars = library_logging.is_progress_bar_enabled()
    library_logging.set_verbosity_error()
    if not keep_bars:
        library_logging.disable_progress_bar()
    try:
        yield
    finally:
        library_logging.set_verbosity(verbosity)
        if bars:
            library_logging.enable_progress_bar()


def _check_folder(folder: Path) -> None:
    if not (folder / "config.json").is_file():
        raise IsoglossError("E311", name=str(folder))
    if (folder / _WEIGHTS).is_file():
        return
    if (folder / _INDEX).is_file():
        _check_index(folder)
        return
    pickles = sorted(path.name for kind in _PICKLES for path in folder.glob(kind))
    if pickles:
        raise IsoglossError("E313", name=str(folder), file=pickles[0])
    raise IsoglossError("E312", name=str(folder))


def _check_index(folder: Path) -> None:
    """Require that an index of weights in several files names only safetensors files beside it."""
    with coded("E326", OSError, ValueError, RecursionError, name=str(folder)):
        index = json.loads((folder / _INDEX).read_text("utf-8"))
    parts = index.get("weight_map") if isinstance(index, dict) else None
    for part in parts.values() if isinstance(parts, dict) else ["nothing"]:
        if not isinstance(part, str) or not _PART.fullmatch(part):
            raise IsoglossError("E360", name=str(folder), index=_INDEX, file=part)
