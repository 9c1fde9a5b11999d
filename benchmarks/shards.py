"""`isogloss predict` over Parquet shards: rows a second, and memory by the number of rows.

A tiny random model, so that the way of the rows through the program counts, labels shards of
different texts in a process of its own; the same command is then repeated, to show what going on
costs where all is done. Every row's number is looked for in the output. Needs the `offline` extra
and the data named by ISOGLOSS_DATA.

    python benchmarks/shards.py --rows 100000 1000000 --json shards.json
"""

from __future__ import annotations

import argparse
import csv
import json
import tempfile
import time
from pathlib import Path
from typing import Any

from machine import describe, describe_machine, versions
from prediction import TWEETS, write_tiny
from processes import data_file, run_python


def main() -> None:
    """Measure, print, and save where asked to; or do one of the jobs that are measured."""
    options = parse_arguments()
    if options.job:
        JOBS[options.job](Path(options.folder), options)
        return
    result: dict[str, Any] = {"machine": describe_machine(), "versions": versions()}
    print(describe(result["machine"], result["versions"]))
    with tempfile.TemporaryDirectory() as folder:
        run(Path(folder), "tiny", options, 0)
        result["rows"] = {rows: measure(Path(folder), rows, options) for rows in options.rows}
    if options.json:
        options.json.write_text(json.dumps(result, indent=2) + "\n", "utf-8")


def parse_arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--rows", type=int, nargs="+", default=[100_000, 1_000_000])
    parser.add_argument("--shard-rows", type=int, default=100_000, help="rows of a shard")
    parser.add_argument("--threads", type=int, help="of torch; left to it by default")
    parser.add_argument("--json", type=Path, help="file to save the figures in")
    parser.add_argument("--job", choices=sorted(JOBS), help=argparse.SUPPRESS)
    parser.add_argument("--folder", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if min(*options.rows, options.shard_rows) < 1 and not options.job:
        parser.error("--rows and --shard-rows must be 1 or more")
    return options


def measure(folder: Path, rows: int, options: argparse.Namespace) -> dict[str, Any]:
    """Write shards, label them, and check that every row came out once."""
    run(folder, "write", options, rows)
    found: dict[str, Any] = json.loads(run(folder, "label", options, rows))
    found["again_seconds"] = json.loads(run(folder, "label", options, rows))["seconds"]
    run(folder, "check", options, rows)
    print(
        f"{rows:>12,} rows in {found['shards']} shards: {found['rows'] / found['seconds']:,.0f} "
        f"rows/s, peak {found['peak_bytes'] / 1e6:,.0f} MB; again {found['again_seconds']:.1f} s",
        flush=True,
    )
    return found


def run(folder: Path, job: str, options: argparse.Namespace, rows: int) -> str:
    """Do a job in a process of its own; returns what it printed."""
    arguments = [__file__, "--job", job, "--folder", str(folder), "--rows", str(rows)]
    arguments += ["--shard-rows", str(options.shard_rows)]
    if options.threads:
        arguments += ["--threads", str(options.threads)]
    return run_python(arguments, environment={}).output


def write(folder: Path, options: argparse.Namespace) -> None:
    """Write shards of texts that are all different, with their numbers."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    (rows,) = options.rows
    with data_file(TWEETS).open(newline="", encoding="utf-8") as file:
        texts = [row[0] for row in csv.reader(file)][1:]
    place = folder / f"in-{rows}"
    place.mkdir()
    for number, first in enumerate(range(0, rows, options.shard_rows)):
        ids = range(first, min(rows, first + options.shard_rows))
        columns = {"text": [f"{texts[i % len(texts)]} {i}" for i in ids], "id": list(ids)}
        pq.write_table(pa.table(columns), place / f"{number:05d}.parquet")


def label(folder: Path, options: argparse.Namespace) -> None:
    """Label the shards; prints rows, seconds and the peak of memory of the whole process."""
    import resource
    import sys

    import torch

    from isogloss.recipes.predict_shards import predict_shards

    if options.threads:
        torch.set_num_threads(options.threads)
    (rows,) = options.rows
    source, output = folder / f"in-{rows}", folder / f"out-{rows}"
    began = time.perf_counter()
    done = predict_shards(folder / "sequence", source, output, precision="fp32")
    seconds = time.perf_counter() - began
    unit = 1 if sys.platform == "darwin" else 1024
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
    found = {"rows": done.rows, "shards": done.shards, "seconds": seconds, "peak_bytes": peak}
    print(json.dumps(found))


def check(folder: Path, options: argparse.Namespace) -> None:
    """Refuse an output that has not every row once, in order."""
    import pyarrow.parquet as pq

    (rows,) = options.rows
    following = 0
    for path in sorted((folder / f"out-{rows}").glob("*.parquet")):
        ids = pq.read_table(path, columns=["id"])["id"].to_pylist()
        if ids != list(range(following, following + len(ids))):
            raise SystemExit(f"{path.name} has not every row once, in order")
        following += len(ids)
    if following != rows:
        raise SystemExit(f"{following} rows came out of {rows}")


JOBS: dict[str, Any] = {
    "tiny": lambda folder, options: write_tiny(folder, ""),
    "write": write,
    "label": label,
    "check": check,
}


if __name__ == "__main__":
    main()
