"""Which rows a batch is made of, for an error that has to name them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import torch

from isogloss.data import scans
from isogloss.data.pairing import PairedDataset
from isogloss.trainers.processes import gather_rows

# Row numbers of a side that a message lists.
MOST = 40


class StepExamples:
    """The examples of the step that is under way, of all its micro-batches."""

    def __init__(self) -> None:
        self._seen: list[torch.Tensor] = []

    def add(self, inputs: Mapping[str, Any]) -> None:
        """Note a micro-batch, as `RowCollator` made it."""
        if "examples" in inputs:
            self._seen.append(inputs["examples"])

    def clear(self) -> None:
        """The step is over."""
        self._seen.clear()

    def describe(self, accelerator: Any, dataset: Any) -> str:
        """The rows in words, of all processes together, which must all ask.

        Args:
            accelerator: of the trainer.
            dataset: that the batches are from; rows are numbered as in the data it was made of.

        Returns:
            Such as "source rows 3, 17; target row 5"; "rows 3, 17" where there is one side.
        """
        if not self._seen:
            return "rows unknown"
        found = gather_rows(accelerator, torch.cat(self._seen)).tolist()
        if not isinstance(dataset, PairedDataset):
            return _listed("", numbers_in(dataset.dataset, found))
        sides = (
            ("source ", dataset.source, [i for i in found if i >= 0]),
            ("target ", dataset.target, [-1 - i for i in found if i < 0]),
        )
        return "; ".join(
            _listed(side, numbers_in(rows, indices)) for side, rows, indices in sides if indices
        )


def numbers_in(dataset: Any, indices: Iterable[int]) -> list[int]:
    """The numbers, from 1, that examples have in the data that a selection was taken from.

    Args:
        dataset: encoded examples, perhaps selected from more (without a hold-out, say).
        indices: of examples, in 0..n-1.

    Returns:
        Ascending, each once.
    """
    places = scans.places(dataset)
    return sorted({int(places[i]) + 1 for i in indices})


def _listed(side: str, numbers: list[int]) -> str:
    shown = ", ".join(map(str, numbers[:MOST]))
    more = f" and {len(numbers) - MOST} more" if len(numbers) > MOST else ""
    return f"{side}row{'s' if len(numbers) > 1 else ''} {shown}{more}"
