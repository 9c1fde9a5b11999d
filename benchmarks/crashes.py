"""Kill runs at random moments and check that the same command ends as if nothing had happened.

    python benchmarks/crashes.py --kills 20

Small runs of every recipe (data conversion, encoding, each trainer, export, report), a run whose
model comes from a hub (one on this machine) and the conversion of the offline encoder are stopped
by SIGKILL, SIGTERM or SIGINT, at a random operation that changes files or some time after it. Each
is then run again and compared, file by file and bit for bit (times apart), with an unbroken run.
Exits with 1 where anything differs.
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.crashbench import hub
from benchmarks.crashbench.cases import CONVERSION, DOWNLOAD, RECIPES, Case, write_data
from benchmarks.crashbench.kills import Moment, Outcome, Unbroken, clear, run_through, stop
from isogloss.cli.quiet import quiet_environment

SIGNALS = (signal.SIGKILL, signal.SIGTERM, signal.SIGKILL, signal.SIGINT, signal.SIGKILL)
# Of a run's duration, the longest time between a file operation and the signal.
LATER = 0.1


def moment(number: int, unbroken: Unbroken, rng: random.Random) -> Moment:
    """A random moment of a run: of every other one right at a file operation."""
    delay = (number % 2) * rng.uniform(0.0, LATER * unbroken.seconds)
    operation = rng.randint(1, unbroken.operations)
    return Moment(operation, delay, SIGNALS[number % len(SIGNALS)])


def row(recipe: str, when: Moment, found: Outcome) -> str:
    """A line of the table."""
    lost = "–" if found.lost is None else str(found.lost)
    equal = "yes" if not found.differing else f"NO: {', '.join(found.differing)}"
    left = f"; left {', '.join(found.leftovers)}" if found.leftovers else ""
    return f"| {recipe} | {when} | {found.code} | {found.reached} | {lost} | {equal}{left} |"


def main(arguments: Sequence[str] | None = None) -> int:
    """Print a table of kills."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--recipes", nargs="+", default=[*RECIPES, CONVERSION, DOWNLOAD])
    parser.add_argument("--folder", type=Path, help="to work in; default: a temporary one")
    options = parser.parse_args(arguments)
    if options.folder is not None:
        options.folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        root = Path(folder)
        write_data(root / "data")
        with hub.serve(root / "data" / "encoder") as address:
            # Before the first process: libraries read these when they are imported.
            os.environ.update(
                OMP_NUM_THREADS="1",
                TOKENIZERS_PARALLELISM="false",
                HF_HUB_OFFLINE="0",
                HF_ENDPOINT=address,
                HF_HUB_CACHE=str(root / "hub"),
            )
            quiet_environment()
            bad = kill(root, options.recipes, options.kills, random.Random(options.seed))
    print(f"\n{options.kills - bad} of {options.kills} reruns equal an unbroken run.")
    return int(bad > 0)


def kill(root: Path, recipes: Sequence[str], kills: int, rng: random.Random) -> int:
    """Stop the runs in turn and print a line for each; the number whose reruns differ."""
    print("| run | stopped by | exit | where it was | steps lost | rerun equal |")
    print("| --- | --- | ---: | --- | ---: | --- |", flush=True)
    unbroken: dict[str, Unbroken] = {}
    bad = 0
    for number in range(kills):
        recipe = recipes[number % len(recipes)]
        if recipe not in unbroken:
            case = Case(recipe, root / "data", root / f"{recipe}-unbroken")
            unbroken[recipe] = run_through(case)
            clear(case)
        case = Case(recipe, root / "data", root / f"{recipe}-{number}")
        when = moment(number, unbroken[recipe], rng)
        found = stop(case, when, unbroken[recipe])
        bad += bool(found.differing or found.leftovers)
        print(row(recipe, when, found), flush=True)
        clear(case)
    return bad


if __name__ == "__main__":
    sys.exit(main())
