"""What every method brings on real data, by pair of languages, shift of the balance, and seed.

    python benchmarks/quality.py --workers 2
    python benchmarks/quality.py --pairs tweets-de,hotels-es --methods zero-shot,iwda,kd --seeds 3
    python benchmarks/quality.py --table

A grid of `isogloss adapt` runs with the default preset. Each cell is one JSON line in `--results`,
written when it is done; the same command goes on where it was cut off, and a cell that fails is
reported and left out. Gains are over the zero-shot model of the same machine, so on another one
that is trained first. Methods that start from a zero-shot or an aligned model
take that stage over from the cell that trained it. Balanced targets are also resampled to three
strengths of prior shift, training and test alike. Of each run the scores, predictions and rows
stay under `--output`; its models (0.5 GB) only where another method starts from them, unless
`--keep-models` is given. Needs the `offline` extra and the data named by ISOGLOSS_DATA.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from tqdm import tqdm

from machine import kind_of_machine
from qualitybench.grid import DEFAULT_METHODS, METHODS, NATURAL, PAIRS, STRENGTHS, Cell, cells
from qualitybench.runs import run_cell
from qualitybench.tables import table
from qualitybench.workers import run_cells, start_of

RESULTS = Path(__file__).parent / "results" / "quality.jsonl"


def main() -> None:
    """Run what is missing and print the table."""
    options = parse_arguments()
    if not options.table:
        run_missing(options)
    print(table(read(options.results, options.set)))


def parse_arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--pairs", type=_names, default=tuple(PAIRS))
    parser.add_argument("--shifts", type=_names, default=(NATURAL, *STRENGTHS))
    parser.add_argument("--methods", type=_names, default=DEFAULT_METHODS)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--set", action="append", default=[], help="key=value for every run")
    parser.add_argument("--output", type=Path, default=Path("runs/quality"), help="of the runs")
    parser.add_argument("--results", type=Path, default=RESULTS, help="a JSON line for each cell")
    parser.add_argument("--workers", type=int, default=1, help="cells at a time, one core each")
    parser.add_argument("--keep-models", action="store_true", help="of every run")
    parser.add_argument("--table", action="store_true", help="only print what is there")
    options = parser.parse_args()
    for wanted, known in ((options.pairs, PAIRS), (options.methods, METHODS)):
        for name in wanted:
            if name not in known:
                parser.error(f"{name!r} is none of {', '.join(known)}")
    return options


def _names(text: str) -> tuple[str, ...]:
    return tuple(text.split(","))


def run_missing(options: argparse.Namespace) -> None:
    """Run every cell that has no record yet."""
    grid = list(cells(options.pairs, options.shifts, options.methods, options.seeds))
    records, machine = read(options.results, options.set), kind_of_machine()
    known = {key_of(record) for record in records}
    here = {key_of(record) for record in records if record.get("machine") == machine}
    missing = [cell for cell in grid if cell.key not in known]
    missing = with_starts(with_references(missing, here), options.output)
    run = partial(run_cell, folder=options.output, settings=options.set)
    progress = tqdm(total=len(missing), unit="cell")
    for cell, record in run_cells(missing, run, workers=options.workers):
        progress.update()
        if record is None:
            continue
        if cell.key not in here:
            append(options.results, record)
        if not options.keep_models and not is_shared(cell.method):
            remove_models(options.output / "runs" / cell.key)


def with_references(missing: list[Cell], here: set[str]) -> list[Cell]:
    """The cells, each behind the zero-shot model it is compared with, if this machine has none."""
    out: list[Cell] = []
    for cell in missing:
        for each in (replace(cell, method="zero-shot"), cell):
            if each not in out and (each is cell or each.key not in here):
                out.append(each)
    return out


def with_starts(missing: list[Cell], folder: Path) -> list[Cell]:
    """The cells, each behind what it starts from where that is not in the folder."""
    out: list[Cell] = []
    for cell in missing:
        start = start_of(cell)
        if start is not None and not (folder / "runs" / start.key / "metrics.json").is_file():
            out += [each for each in with_starts([start], folder) if each not in out]
        if cell not in out:
            out.append(cell)
    return out


def is_shared(method: str) -> bool:
    """Whether another method starts from this one's model."""
    return any(other.shared == method for other in METHODS.values())


def remove_models(run: Path) -> None:
    """Delete a run's weights; what was measured with them stays."""
    for model in (run / "model", *run.glob("stages/*/model")):
        shutil.rmtree(model, ignore_errors=True)


def append(results: Path, record: dict[str, Any]) -> None:
    """Add a record, in a line of its own behind one that was cut off, too."""
    results.parent.mkdir(parents=True, exist_ok=True)
    with results.open("a+b") as file:
        file.seek(max(0, file.seek(0, os.SEEK_END) - 1))
        cut_off = file.read() not in (b"", b"\n")
        file.write(b"\n" * cut_off + json.dumps(record).encode() + b"\n")


def read(results: Path, settings: list[str]) -> list[dict[str, Any]]:
    """The records of runs with these settings; a line cut off in the middle does not count."""
    records = []
    for line in results.read_text("utf-8").splitlines() if results.is_file() else ():
        try:
            records.append(json.loads(line))
        except json.JSONDecodeError:
            continue
    return [record for record in records if record["settings"] == settings]


def key_of(record: dict[str, Any]) -> str:
    """The cell of a record."""
    return Cell(**{name: record[name] for name in ("pair", "shift", "method", "seed")}).key


if __name__ == "__main__":
    main()
