"""Encoded examples to one padded batch of flat rows, whatever the task."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

IGNORED_LABEL = -100


@dataclass(frozen=True, kw_only=True)
class RowCollator:
    """Pads encoded examples and lists their active positions as flat rows.

    Source and target examples share one batch, so that both go through the encoder in one pass.

    Args:
        pad_token_id: the id that fills `input_ids` behind a text's end, >= 0.
        pad_to_multiple_of: lengths are rounded up to a multiple of this many tokens, >= 1.
    """

    pad_token_id: int
    pad_to_multiple_of: int = 1

    def __call__(self, examples: Sequence[Mapping[str, Any]]) -> dict[str, torch.Tensor]:
        """Collate b examples with n active positions in all.

        Args:
            examples: encoded examples (`input_ids`, `active`, optionally `token_type_ids`,
                `labels` as long as `active`, `is_target`, and `index` in their data set).

        Returns:
            `input_ids` and `attention_mask` (and `token_type_ids` where present), each (b, L);
            `active_rows` (n,), the example of each row; `active_positions` (n,), its token;
            `labels` (n,), -100 where unknown; `is_target` (n,) bool; `examples` (b,) where there
            are indices: that of a source example, and -1 - that of a target example.
        """
        longest = max(len(example["input_ids"]) for example in examples)
        length = -(-longest // self.pad_to_multiple_of) * self.pad_to_multiple_of
        batch = {
            "input_ids": _pad([e["input_ids"] for e in examples], length, self.pad_token_id),
            "attention_mask": _pad([np.ones(len(e["input_ids"])) for e in examples], length, 0),
        }
        if "token_type_ids" in examples[0]:
            batch["token_type_ids"] = _pad([e["token_type_ids"] for e in examples], length, 0)
        counts = [len(example["active"]) for example in examples]
        batch["active_rows"] = _flat([np.full(n, i) for i, n in enumerate(counts)])
        batch["active_positions"] = _flat([example["active"] for example in examples])
        batch["labels"] = _flat([_labels(example) for example in examples])
        sides = [
            np.full(n, bool(e.get("is_target"))) for n, e in zip(counts, examples, strict=True)
        ]
        batch["is_target"] = torch.from_numpy(np.concatenate(sides))
        if "index" in examples[0]:
            signed = [-1 - e["index"] if e.get("is_target") else e["index"] for e in examples]
            batch["examples"] = torch.tensor(signed)
        return batch


def _labels(example: Mapping[str, Any]) -> Any:
    labels = example.get("labels")
    return np.full(len(example["active"]), IGNORED_LABEL) if labels is None else labels


def _pad(rows: Sequence[Any], length: int, value: int) -> torch.Tensor:
    out = np.full((len(rows), length), value, dtype=np.int64)
    for i, row in enumerate(rows):
        out[i, : len(row)] = row
    return torch.from_numpy(out)


def _flat(parts: Sequence[Any]) -> torch.Tensor:
    return torch.from_numpy(np.concatenate([np.asarray(p, dtype=np.int64) for p in parts]))
