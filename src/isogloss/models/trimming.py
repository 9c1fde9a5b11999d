"""Train on the rows of the word-piece embedding that a run can see, and put them back at the end.

The whole table of a multilingual encoder is most of its memory, and the optimizer's state and the
gradient are as large again. Token ids stay those of the tokenizer; a lookup finds their rows.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import torch
from huggingface_hub import try_to_load_from_cache
from safetensors import safe_open
from torch import Tensor, nn
from torch.nn import functional

from isogloss.errors import IsoglossError

if TYPE_CHECKING:
    from isogloss.models.features import FeatureClassifier

_WEIGHTS = "model.safetensors"
_SPECIAL = ("pad", "bos", "eos", "cls", "sep", "mask", "unk")
_COMPARED_ROWS = 16_384


class TrimmedEmbedding(nn.Module):
    """Some rows of an embedding, looked up by the ids of the whole one.

    Args:
        whole: the embedding to take rows of.
        kept: (r,) ids of these rows, ascending and unique; the padding id among them.

    Attributes:
        weight: (r, d) the kept rows.
        padding_idx: row of the padding id, or None.
        num_embeddings: number V of rows of the whole embedding.
    """

    lookup: Tensor

    def __init__(self, whole: nn.Embedding, kept: npt.NDArray[np.int64]) -> None:
        super().__init__()
        rows = torch.from_numpy(kept).to(whole.weight.device)
        self.num_embeddings, self.embedding_dim = whole.weight.shape
        self.weight = nn.Parameter(
            whole.weight.detach()[rows], requires_grad=whole.weight.requires_grad
        )
        lookup = torch.full((self.num_embeddings,), -1, dtype=torch.int32, device=rows.device)
        lookup[rows] = torch.arange(len(rows), dtype=torch.int32, device=rows.device)
        # Not saved: it follows from the run's data, and the state dict stays that of an embedding.
        self.register_buffer("lookup", lookup, persistent=False)
        padding = whole.padding_idx
        self.padding_idx = None if padding is None else int(np.searchsorted(kept, padding))

    def forward(self, input_ids: Tensor) -> Tensor:
        """Vectors (..., d) of ids (...) in 0..V-1.

        Raises:
            IsoglossError: E340 for an id whose row was trimmed away, E341 for one outside 0..V-1.
        """
        try:
            rows = self.lookup.index_select(0, input_ids.reshape(-1)).view(input_ids.shape)
            # An accelerator would not raise on -1 but die of it.
            if rows.device.type != "cpu" and bool((rows < 0).any()):
                raise IndexError
            return functional.embedding(rows, self.weight, self.padding_idx)
        except IndexError:
            raise self._unknown(input_ids.detach().cpu()) from None

    def extra_repr(self) -> str:
        """Sizes, as `nn.Embedding` shows them."""
        return f"{len(self.weight)} of {self.num_embeddings}, {self.embedding_dim}"

    def _unknown(self, ids: Tensor) -> IsoglossError:
        outside = ids[(ids < 0) | (ids >= self.num_embeddings)]
        if len(outside):
            return IsoglossError("E341", id=int(outside[0]), rows=self.num_embeddings)
        trimmed = ids[self.lookup.cpu()[ids.long()] < 0]
        return IsoglossError("E340", id=int(trimmed[0]), kept=len(self.weight))


@dataclass(frozen=True, kw_only=True)
class StoredTable:
    """A table in a safetensors file, opened at once, so that it outlives the file's name."""

    file: Any
    key: str

    def read(self) -> Tensor:
        """The table, (V, d), in the file's precision."""
        table: Tensor = self.file.get_tensor(self.key)
        return table


@dataclass(frozen=True, kw_only=True)
class TrimmedVocabulary:
    """How to make a trimmed model whole again.

    Attributes:
        model: the classifier whose embedding was replaced.
        embedding: what replaced it.
        kept: (r,) ids of the kept rows, ascending.
        untouched: the table as it was, in its file where it came from one, else in memory.
    """

    model: FeatureClassifier
    embedding: TrimmedEmbedding
    kept: npt.NDArray[np.int64]
    untouched: StoredTable | Tensor

    def full_table(self) -> Tensor:
        """The whole table with the trained rows in their places; the model stays trimmed.

        Returns:
            (V, d) on the CPU; rows that were not kept are bit-identical to the original's.
        """
        weight = self.embedding.weight.detach().cpu()
        stored = self.untouched
        table = stored.read() if isinstance(stored, StoredTable) else stored.clone()
        table = table.to(weight.dtype)
        table[torch.from_numpy(self.kept)] = weight
        return table

    def restore(self) -> None:
        """Put an ordinary embedding with the full table back into the model."""
        trimmed, padding = self.embedding, self.embedding.padding_idx
        whole = nn.Embedding.from_pretrained(
            self.full_table().to(trimmed.weight.device),
            freeze=not trimmed.weight.requires_grad,
            padding_idx=None if padding is None else int(self.kept[padding]),
        )
        self.model.encoder.set_input_embeddings(whole.train(trimmed.training))


def trim_vocabulary(
    model: FeatureClassifier, used_ids: npt.NDArray[np.integer[Any]]
) -> TrimmedVocabulary:
    """Replace the word-piece embedding by the rows of `used_ids` and of the special pieces.

    Logits of texts made of kept pieces do not change by one bit. Make optimizers afterwards: the
    weight is a new parameter.

    Args:
        model: changed in place.
        used_ids: any shape, in 0..V-1: every id that the model will be given. Padding and the
            other special ids of the model's configuration are kept in any case.

    Returns:
        What makes the model whole again.

    Raises:
        IsoglossError: E341 for an id outside the table, E343 for a model trimmed already.
    """
    whole = model.encoder.get_input_embeddings()
    if isinstance(whole, TrimmedEmbedding):
        raise IsoglossError("E343")
    assert isinstance(whole, nn.Embedding)
    kept = _kept_ids(model, whole, used_ids)
    embedding = TrimmedEmbedding(whole, kept).train(whole.training)
    untouched = _stored_table(model, whole)
    if untouched is None:
        untouched = whole.weight.detach().cpu()
    model.encoder.set_input_embeddings(embedding)
    return TrimmedVocabulary(model=model, embedding=embedding, kept=kept, untouched=untouched)


def _kept_ids(
    model: FeatureClassifier, whole: nn.Embedding, used_ids: npt.NDArray[np.integer[Any]]
) -> npt.NDArray[np.int64]:
    used = np.unique(used_ids).astype(np.int64)
    outside = used[(used < 0) | (used >= whole.num_embeddings)]
    if len(outside):
        raise IsoglossError("E341", id=int(outside[0]), rows=whole.num_embeddings)
    config = model.model.config
    special = [getattr(config, f"{name}_token_id", None) for name in _SPECIAL]
    special.append(whole.padding_idx)
    # Configurations may name ids that the checkpoint's table does not have.
    known = [i for i in special if isinstance(i, int) and 0 <= i < whole.num_embeddings]
    return np.union1d(used, np.array(known, dtype=np.int64))


def _stored_table(model: FeatureClassifier, whole: nn.Embedding) -> StoredTable | None:
    """Where the model's own file holds exactly this table, or None."""
    path = _weights_file(model)
    if path is None:
        return None
    name = next(name for name, part in model.encoder.named_modules() if part is whole)
    file = safe_open(path, framework="pt")
    for key in file.keys():  # noqa: SIM118 - the file is no mapping
        if f".{key}".endswith(f".{name}.weight") and _holds(file.get_slice(key), whole.weight):
            return StoredTable(file=file, key=key)
    return None


def _weights_file(model: FeatureClassifier) -> Path | None:
    source = model.model.name_or_path
    local = Path(source) / _WEIGHTS
    if local.is_file() or not source or Path(source).is_absolute():
        return local if source and local.is_file() else None
    revision = getattr(model.model.config, "_commit_hash", None)
    cached = try_to_load_from_cache(source, _WEIGHTS, revision=revision)
    return Path(cached) if isinstance(cached, str) else None


def _holds(stored: Any, weight: Tensor) -> bool:
    """Whether a slice of a file has the values of `weight`, compared without a whole copy."""
    if tuple(stored.get_shape()) != tuple(weight.shape):
        return False
    return all(
        torch.equal(stored[start : start + _COMPARED_ROWS].to(part.dtype), part)
        for start, part in zip(
            range(0, len(weight), _COMPARED_ROWS),
            weight.detach().cpu().split(_COMPARED_ROWS),
            strict=True,
        )
    )
