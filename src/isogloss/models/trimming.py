"""Train on the rows of the word-piece embedding that a run can see, and put them back at the end.

The whole table of a multilingual encoder is most of its memory, and the optimizer's state and the
gradient are as large again. Token ids stay those of the tokenizer; a lookup finds their rows.
"""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn import functional

from isogloss.errors import IsoglossError

if TYPE_CHECKING:
    from isogloss.models.features import FeatureClassifier

_SPILLED_ROWS = 16_384
_SPECIAL = ("pad", "bos", "eos", "cls", "sep", "mask", "unk")


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


class SpilledTable:
    """A table that waits in a nameless temporary file instead of in memory.

    Args:
        table: (V, d); the caller may drop it afterwards.
    """

    def __init__(self, table: Tensor) -> None:
        self.shape, self.dtype = table.shape, table.dtype
        self._file = tempfile.TemporaryFile()  # noqa: SIM115 - it lives as long as the table
        for part in table.detach().split(_SPILLED_ROWS):
            self._file.write(part.cpu().contiguous().view(torch.uint8).numpy().data)
        self._file.flush()

    def read(self) -> Tensor:
        """The table, (V, d), in new memory on the CPU."""
        table = torch.empty(self.shape, dtype=self.dtype)
        self._file.seek(0)
        for part in table.split(_SPILLED_ROWS):
            self._file.readinto(part.view(torch.uint8).numpy().data)
        return table


@dataclass(frozen=True, kw_only=True)
class TrimmedVocabulary:
    """How to make a trimmed model whole again.

    Attributes:
        model: the classifier whose embedding was replaced.
        embedding: what replaced it.
        kept: (r,) ids of the kept rows, ascending.
        untouched: the table as it was.
    """

    model: FeatureClassifier
    embedding: TrimmedEmbedding
    kept: npt.NDArray[np.int64]
    untouched: SpilledTable

    def full_table(self) -> Tensor:
        """The whole table with the trained rows in their places; the model stays trimmed.

        Returns:
            (V, d) on the CPU; rows that were not kept are bit-identical to the original's.
        """
        weight = self.embedding.weight.detach().cpu()
        table = self.untouched.read().to(weight.dtype)
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
    model.encoder.set_input_embeddings(embedding)
    untouched = SpilledTable(whole.weight)
    _leave_mapped_file(model)
    return TrimmedVocabulary(model=model, embedding=embedding, kept=kept, untouched=untouched)


def _leave_mapped_file(model: FeatureClassifier) -> None:
    """Move the weights into memory of their own.

    They are views of one mapping of the checkpoint's file, which would keep the whole table
    resident as long as any of them lives.
    """
    for parameter in model.parameters():
        parameter.data = parameter.data.clone()


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
