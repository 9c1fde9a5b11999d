"""Labels for a set of rows of any size, shard by shard, to go on after an interruption."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from isogloss.data.canonical import canonical
from isogloss.data.fingerprints import folder_digest
from isogloss.data.parquet import read_parquet_schema
from isogloss.data.shards import SHARD_ROWS, Shard, find_shards
from isogloss.data.streaming import to_dataset
from isogloss.models.precision import choose_precision
from isogloss.progress import Progress
from isogloss.recipes.predict import Precision, check_columns, check_texts, warn_of_cut
from isogloss.recipes.serving import ServedModel, model_folder, open_served
from isogloss.recipes.shard_engines import Labelling, LocalShards, ShardEngine
from isogloss.recipes.shard_records import ShardFolder


@dataclass(frozen=True, kw_only=True)
class Predicted:
    """What a folder of predictions holds.

    Attributes:
        rows: of all shards, as many as the input has.
        shards: files.
        already: of these, those that an earlier command had finished.
    """

    rows: int
    shards: int
    already: int


class Cut(NamedTuple):
    """How many of the rows that were labelled just now were cut to the model's length."""

    truncated: int
    rows: int


def predict_shards(
    model: str | Path,
    source: str | Path,
    output: str | Path,
    *,
    columns: Mapping[str, str | None] | None = None,
    batch_rows: int = 2048,
    shard_rows: int = SHARD_ROWS,
    precision: Precision = "auto",
    engine: ShardEngine | None = None,
    progress: Progress | None = None,
) -> Predicted:
    """Classify Parquet shards at constant memory; the same call goes on after an interruption.

    Every shard gives one Parquet file with its rows in their order, one for each, and the columns
    that `predict_file` adds. The file appears when it is whole, and a record of it after that, in
    the folder `_isogloss`. A shard is done already where the record's digest of the input and its
    number of rows fit, and the file has as many; one whose input has changed is labelled anew.

    Args:
        model: a run folder or a model folder that `adapt` made.
        source: a folder or pattern of Parquet files, or one file, which is cut into parts.
        output: the folder to write; it holds the predictions of this input and nothing else.
        columns: `text`, `text_pair`: other names than in training.
        batch_rows: rows read at a time, >= 1.
        shard_rows: rows of a part of one file, >= 1.
        precision: of the matrix products; auto takes bf16 where the processor has it.
        engine: who carries it out; None: this process.
        progress: hears of the rows of all shards.

    Raises:
        IsoglossError: E524 to E526, E529, E530, E546, E547, E550 to E555; E1xx for the input;
            E3xx for the model.

    Example:
        >>> predict_shards("runs/de", "pages", "labelled")
        Predicted(rows=12000000, shards=12, already=0)
    """
    folder, progress = ShardFolder(Path(output)), progress or Progress()
    shards = find_shards(source, folder.root, shard_rows=shard_rows)
    served = open_served(model, columns=columns, precision=precision)
    _check(served, shards)
    labelling = Labelling(
        model=Path(model),
        digest=folder_digest(model_folder(model)),
        columns=tuple(sorted((columns or {}).items())),
        # Decided here, so that all machines of a cluster compute alike.
        precision=choose_precision(precision),
        batch_rows=batch_rows,
        output=folder.root,
    )
    part_rows = shard_rows if Path(source).is_file() else None
    with folder.held(_made(labelling, served, part_rows), shards):
        done, cut = _label(folder, shards, labelling, engine or LocalShards(served), progress)
    warn_of_cut(served, name=Path(source).name, truncated=cut.truncated, rows=cut.rows)
    return done


def _label(
    folder: ShardFolder,
    shards: Sequence[Shard],
    labelling: Labelling,
    engine: ShardEngine,
    progress: Progress,
) -> tuple[Predicted, Cut]:
    """Label what is left in a folder that is held."""
    rows = sum(shard.rows for shard in shards)
    progress.start("predict", rows, "rows")
    left = [shard for shard in shards if not folder.is_done(shard)]
    to_do = sum(shard.rows for shard in left)
    # What is there already does not count for the pace.
    progress.advance(rows - to_do)
    if len(left) < len(shards):
        progress.say(f"{len(shards) - len(left)} of {len(shards)} shards are there already")
    truncated = sum(found.truncated for found in engine.run(left, labelling, progress))
    progress.finish()
    done = Predicted(rows=rows, shards=len(shards), already=len(shards) - len(left))
    return done, Cut(truncated=truncated, rows=to_do)


def _check(served: ServedModel, shards: Sequence[Shard]) -> None:
    """Refuse a shard whose columns will not do, before any is begun.

    Raises:
        IsoglossError: E105, E109, E122, E128, E530.
    """
    for path in dict.fromkeys(shard.path for shard in shards):
        schema = read_parquet_schema(path, may_be_empty=True)
        check_columns(served.task.kind, schema.names, name=path.name)
        check_texts(served, schema, name=path.name)
        empty = to_dataset({name: [] for name in schema.names}, schema)
        canonical(empty, served.task.columns, side="target", name=path.name, labels="drop")


def _made(labelling: Labelling, served: ServedModel, part_rows: int | None) -> dict[str, object]:
    """What must be the same for a folder to be gone on with."""
    return {
        "model": labelling.digest,
        "columns": dict(served.task.columns.inputs),
        "precision": labelling.precision,
        "part_rows": part_rows,
    }
