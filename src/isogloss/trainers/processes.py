"""Several processes that train as one: the batches they share, and what they agree on."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, TypeVar

import numpy as np
import torch
from accelerate.data_loader import prepare_data_loader
from accelerate.utils import broadcast_object_list
from torch.utils.data import DataLoader

from isogloss.data.pairing import SeededBatchSampler

Agreed = TypeVar("Agreed")


class OwnShare(SeededBatchSampler):
    """One process's share of another sampler's batches, so that all shares make up the batch.

    A batch of one process is cut into consecutive parts of nearly equal size, each side apart. So
    the batches, their order and their number are the same however many processes share them. A
    process whose part would be empty repeats an example of the batch.

    Args:
        whole: gives the batches of all processes together.
        processes: how many there are, >= 1.
        index: of this one, from 0.
        boundary: the first index of the second side; None where there is one side.
    """

    def __init__(
        self, whole: SeededBatchSampler, *, processes: int, index: int, boundary: int | None
    ) -> None:
        super().__init__(whole.seed)
        self.whole, self.processes, self.index = whole, processes, index
        self.boundary = boundary
        self.drop_last = whole.drop_last

    def set_epoch(self, epoch: int) -> None:
        """Choose the order of epoch `epoch` (from 0)."""
        super().set_epoch(epoch)
        self.whole.set_epoch(epoch)

    def __len__(self) -> int:
        return len(self.whole)

    def __iter__(self) -> Iterator[list[int]]:
        for batch in self.whole:
            yield [i for side in self._sides(batch) for i in self._part(side)]

    def _sides(self, batch: list[int]) -> list[list[int]]:
        if self.boundary is None:
            return [batch]
        first = [i for i in batch if i < self.boundary]
        return [first, [i for i in batch if i >= self.boundary]]

    def _part(self, side: list[int]) -> list[int]:
        if not side:
            return []
        part: list[int] = np.array_split(side, self.processes)[self.index].tolist()
        return part or [side[self.index % len(side)]]


def share_out(accelerator: Any, loader: DataLoader[Any]) -> DataLoader[Any]:
    """A loader whose batches are this process's own share already, prepared as accelerate does."""
    prepared: DataLoader[Any] = prepare_data_loader(
        loader,
        accelerator.device,
        num_processes=1,
        process_index=0,
        put_on_device=accelerator.device_placement,
        # Every process draws its batches from the seed, so no generator need be kept in step.
        rng_types=[],
        non_blocking=accelerator.non_blocking,
    )
    accelerator._dataloaders.append(prepared)
    return prepared


def gather_rows(accelerator: Any, rows: torch.Tensor) -> torch.Tensor:
    """The rows of all processes, those of the first one first.

    Args:
        accelerator: of the trainer.
        rows: (n, ...) of this process; n may differ between processes.

    Returns:
        (sum of n, ...), without a gradient; the same in every process.
    """
    if accelerator.num_processes == 1:
        return rows.detach()
    counts = accelerator.gather(torch.tensor([len(rows)], device=accelerator.device)).tolist()
    most = max(counts)
    padded = rows.new_zeros((most, *rows.shape[1:]))
    padded[: len(rows)] = rows.detach()
    parts = accelerator.gather(padded.contiguous()).split(most)
    return torch.cat([part[:count] for part, count in zip(parts, counts, strict=True)])


def agree_on(accelerator: Any, found: Agreed) -> Agreed:
    """What the first process found, in all of them, so that rounding cannot part them.

    Args:
        accelerator: of the trainer.
        found: by this process; can be pickled.
    """
    if accelerator.num_processes == 1:
        return found
    agreed: Agreed = broadcast_object_list([found])[0]
    return agreed


def any_process(accelerator: Any, here: bool) -> bool:
    """Whether something holds in at least one process."""
    if accelerator.num_processes == 1:
        return here
    found = torch.tensor(int(here), device=accelerator.device)
    return bool(accelerator.reduce(found, "sum").item())


def mean_figures(accelerator: Any, figures: dict[str, float]) -> dict[str, float]:
    """Figures averaged over the processes, which all have the same names."""
    if accelerator.num_processes == 1 or not figures:
        return figures
    names = sorted(figures)
    values = torch.tensor([figures[name] for name in names], device=accelerator.device)
    return dict(zip(names, accelerator.reduce(values, "mean").tolist(), strict=True))
