"""What is thrown at which reader: bytes in, nothing or an `IsoglossError` of one line out."""

from __future__ import annotations

import tempfile
import zlib
from collections.abc import Callable
from pathlib import Path

import yaml

from isogloss.data.inspection import inspect_pair
from isogloss.data.preparing import prepare
from isogloss.data.streaming import read_batches, read_schema, to_dataset, to_record_batch
from isogloss.errors import IsoglossError
from isogloss.models.offline.format import Q4_0, read_packed
from isogloss.models.offline.quantization import dequantize_chunks
from isogloss.paper.specification import read_specification
from isogloss.recipes.config import RunConfig, assign, read_yaml
from isogloss.recipes.settings import check_settings
from isogloss.tasks import make_task

# One input in so many goes on from the reader to the checks and the inspection, which are slower.
DEEP = 16
BATCH_ROWS = 7


def read_rows(path: Path, format: str) -> None:
    """Read a file of rows as `predict` does, and some of them as `adapt` and `inspect` do."""
    schema = read_schema(path, format=format)
    deep = zlib.crc32(path.read_bytes()) % DEEP == 0
    for batch in read_batches(path, format=format, batch_rows=BATCH_ROWS):
        to_record_batch(batch, schema)
        if deep:
            rows = to_dataset(batch, schema)
            columns = make_task("token" if format == "conll" else "sequence").columns
            inspect_pair(rows, rows, task_columns=columns, tokenizer=None, max_length=8)
            prepare(rows, columns, side="source", name=path.name, labels="optional")


def read_settings(path: Path) -> None:
    """Read settings as `adapt --config` does, and write those that hold and read them again."""
    try:
        read_specification(path)
    except IsoglossError as error:
        one_line(error)
    values = read_yaml(path)
    lines = path.read_text("utf-8").splitlines()[:4]
    try:
        assign(values, lines)
    except IsoglossError as error:
        one_line(error)
    config = RunConfig.from_dict({"source": "a.csv", "target": "b.csv"} | values)
    if zlib.crc32(path.read_bytes()) % DEEP == 0:
        check_settings(config.resolved())
    config.save(path)
    again = RunConfig.load(path)
    # Not-a-number differs from itself, so what is compared is text.
    assert yaml.safe_dump(again.as_dict()) == yaml.safe_dump(config.as_dict())


def read_encoder(path: Path) -> None:
    """Parse a packed encoder, and unpack its tensors."""
    packed = read_packed(path)
    for name, entry in packed.tensors.items():
        if entry.dtype == Q4_0:
            for _ in dequantize_chunks(packed.raw(name)):
                pass


def one_line(error: IsoglossError) -> None:
    """Require that the message is short enough to be read."""
    assert len(str(error)) < 5_000, f"{error.code} has a message of {len(str(error))} characters"


READERS: dict[str, tuple[str, Callable[[Path], None]]] = {
    "csv": ("f.csv", lambda path: read_rows(path, "csv")),
    "tsv": ("f.tsv", lambda path: read_rows(path, "tsv")),
    "jsonl": ("f.jsonl", lambda path: read_rows(path, "jsonl")),
    "conll": ("f.conll", lambda path: read_rows(path, "conll")),
    "config": ("f.yaml", read_settings),
    "offline": ("f.bin", read_encoder),
}


def target(name: str) -> Callable[[bytes], None]:
    """The reader of a name as a function of the file's bytes; raises what is a finding."""
    file_name, reader = READERS[name]
    path = Path(tempfile.mkdtemp(prefix=f"isogloss-fuzz-{name}-")) / file_name

    def run(data: bytes) -> None:
        path.write_bytes(data)
        try:
            reader(path)
        except IsoglossError as error:
            one_line(error)

    return run
