"""Who labels shards: this process, one after the other, or Ray, several at a time."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Protocol

import pyarrow as pa

from isogloss.cluster import TRIES, cluster, in_folder, require_ray
from isogloss.data.parquet import read_parquet_schema
from isogloss.data.shards import Shard
from isogloss.data.writing import RowWriter
from isogloss.errors import IsoglossError
from isogloss.progress import Progress
from isogloss.recipes.predict import Precision, added_fields, label_batches
from isogloss.recipes.serving import ServedModel, open_served
from isogloss.recipes.shard_records import ShardFolder, describe


@dataclass(frozen=True, kw_only=True)
class Labelling:
    """How every shard is labelled; can be sent to another process.

    Attributes:
        model: a run folder or a model folder.
        digest: of the model, so that one that was replaced is opened anew.
        columns: other names than in training, as pairs.
        precision: of the matrix products, decided.
        batch_rows: rows read at a time, >= 1.
        output: the folder of the predictions.
    """

    model: Path
    digest: str
    columns: tuple[tuple[str, str | None], ...]
    precision: Precision
    batch_rows: int
    output: Path

    def open(self) -> ServedModel:
        """The model, ready for rows."""
        return open_served(self.model, columns=dict(self.columns), precision=self.precision)


@dataclass(frozen=True)
class Labelled:
    """A shard that is finished, and how many of its rows were cut to the model's length."""

    shard: Shard
    truncated: int


class ShardEngine(Protocol):
    """Labels shards, each as a whole."""

    def run(
        self, shards: Sequence[Shard], labelling: Labelling, progress: Progress
    ) -> Iterator[Labelled]:
        """Yield each shard when it is finished; `progress` hears of rows as they are done."""


class LocalShards:
    """One shard after the other, in this process.

    Args:
        served: the model, where it is open already.
    """

    def __init__(self, served: ServedModel | None = None) -> None:
        self.served = served

    def run(
        self, shards: Sequence[Shard], labelling: Labelling, progress: Progress
    ) -> Iterator[Labelled]:
        """As the protocol says."""
        served = self.served or labelling.open()
        for shard in shards:
            yield label_shard(shard, labelling, served, progress)


class RayShards:
    """A task of one core for each shard; a worker keeps the model from one to the next.

    Args:
        address: of a cluster; None: one of this machine's own, which ends with the last shard.
            All its machines must have model, input and output under the same paths.
        workers: cores of the machine's own cluster; None: all.

    Raises:
        IsoglossError: E817 where Ray is not installed.
    """

    def __init__(self, address: str | None = None, *, workers: int | None = None) -> None:
        require_ray()
        self.address, self.workers = address, workers

    def run(
        self, shards: Sequence[Shard], labelling: Labelling, progress: Progress
    ) -> Iterator[Labelled]:
        """As the protocol says; shards come in the order in which they end.

        Raises:
            IsoglossError: E818 where there is no such cluster; that of a shard that cannot be
                labelled.
        """
        with cluster(self.address, self.workers) as ray:
            # A shard is written whole or not at all, so that one may be begun again.
            task = ray.remote(in_folder).options(num_cpus=1, max_retries=TRIES - 1)
            waiting = list(reversed(shards))
            running: dict[Any, Shard] = {}
            most = 2 * max(1, int(ray.cluster_resources().get("CPU", 1)))
            try:
                while waiting or running:
                    while waiting and len(running) < most:
                        shard = waiting.pop()
                        sent = task.remote(os.getcwd(), _label_by_worker, shard, labelling)
                        running[sent] = shard
                    (ended, *_), _ = ray.wait(list(running), num_returns=1)
                    labelled = _result(ray, ended, running.pop(ended))
                    progress.advance(labelled.shard.rows)
                    yield labelled
            finally:
                for left in running:
                    ray.cancel(left, force=True)


def label_shard(
    shard: Shard, labelling: Labelling, served: ServedModel, progress: Progress
) -> Labelled:
    """Label a shard; its file appears when it is whole, and its record after that.

    Raises:
        IsoglossError: E1xx for a row that cannot be used, E554 where the input changed meanwhile,
            E121 where the output cannot be written.
    """
    folder, described = ShardFolder(labelling.output), describe(shard)
    folder.forget(shard)
    schema = read_parquet_schema(shard.path, may_be_empty=True)
    wanted = pa.schema([*schema, *added_fields(served)], metadata=schema.metadata)
    output = folder.output(shard)
    with RowWriter(output, columns=wanted.names, schema=wanted, format="parquet") as writer:
        rows, truncated = label_batches(
            served,
            shard.batches(labelling.batch_rows),
            writer,
            schema=schema,
            name=shard.path.name,
            progress=progress,
            first_row=shard.first + 1,
        )
        if rows != shard.rows or describe(shard) != described:
            raise IsoglossError("E554", name=shard.path.name, found=rows, expected=shard.rows)
    folder.finish(shard, described)
    return Labelled(shard, truncated)


@lru_cache(maxsize=1)
def _opened(labelling: Labelling) -> ServedModel:
    return labelling.open()


def _label_by_worker(shard: Shard, labelling: Labelling) -> Labelled:
    return label_shard(shard, labelling, _opened(labelling), Progress())


def _result(ray: Any, ended: Any, shard: Shard) -> Labelled:
    """What a task gave; the error of ours that ended it, as such."""
    try:
        labelled: Labelled = ray.get(ended)
    except ray.exceptions.RayTaskError as error:
        if isinstance(error.cause, IsoglossError):
            raise error.cause from None
        raise
    except ray.exceptions.RayError as error:
        reason = str(error).strip().partition("\n")[0]
        raise IsoglossError("E555", name=shard.name, times=TRIES, reason=reason) from error
    return labelled
