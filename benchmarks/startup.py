"""What one waits for before anything happens: help, a look at the data, the first training step.

Every figure is of a whole process, from its start. Needs the `offline` extra and the data named by
ISOGLOSS_DATA.

    python benchmarks/startup.py --repeats 3 --json startup.json
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from collections.abc import Mapping
from contextlib import nullcontext
from pathlib import Path
from types import ModuleType
from typing import Any

from machine import describe, describe_machine, versions
from processes import data_file, run_python, summarise, write_many

# Seconds that each may take, where a bar is set.
BARS = {"help": 0.4, "inspect": 10.0, "first step, cached": 15.0}
SOURCE, TARGET = "tweets/en.train.csv", "tweets/de.train.csv"


def main() -> None:
    """Measure, print, and save where asked to."""
    options = parse_arguments()
    if options.first_step:
        run_to_first_step(*options.first_step)
        raise SystemExit("the run made no step")
    result: dict[str, Any] = {"machine": describe_machine(), "versions": versions()}
    print(describe(result["machine"], result["versions"]))
    with tempfile.TemporaryDirectory() as folder:
        result["results"] = measure(Path(folder), options.rows, options.repeats)
    print(table(result["results"], options.rows))
    if options.json:
        options.json.write_text(json.dumps(result, indent=2) + "\n", "utf-8")


def parse_arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--rows", type=int, default=100_000, help="rows a side that inspect reads")
    parser.add_argument("--repeats", type=int, default=3, help="runs of each; the median counts")
    parser.add_argument("--json", type=Path, help="file to save the figures in")
    parser.add_argument("--first-step", nargs=3, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if min(options.rows, options.repeats) < 1:
        parser.error("--rows and --repeats must be 1 or more")
    return options


def measure(folder: Path, rows: int, repeats: int) -> dict[str, dict[str, float]]:
    """All figures, by what is waited for, with a cache of its own in `folder`.

    The first process of a kind, which fills the cache, is one run and stands by itself.
    """
    source, target = data_file(SOURCE), data_file(TARGET)
    many = [
        str(write_many(folder / f"{name}.csv", rows, like=like))
        for name, like in (("source", source), ("target", target))
    ]
    inspect = ["-m", "isogloss", "inspect", "--source", many[0], "--target", many[1]]
    step = [__file__, "--first-step", str(source), str(target)]
    environment = {"ISOGLOSS_CACHE": str(folder / "cache")}

    def times(arguments: list[str], count: int) -> dict[str, float]:
        return summarise([run_python(arguments, environment=environment) for _ in range(count)])

    def steps(count: int) -> dict[str, float]:
        return summarise([first_step(step, folder, environment) for _ in range(count)])

    return {
        "help": times(["-m", "isogloss", "--help"], repeats),
        "inspect": times(inspect, 1),
        "inspect, again": times(inspect, repeats),
        "inspect --model offline": times([*inspect, "--model", "offline"], repeats),
        "first step": steps(1),
        "first step, cached": steps(repeats),
    }


def first_step(arguments: list[str], folder: Path, environment: Mapping[str, str]) -> Any:
    """One process of `run_to_first_step`, in a run folder of its own."""
    with tempfile.TemporaryDirectory(dir=folder) as output:
        return run_python([*arguments, f"{output}/run"], environment=environment)


def run_to_first_step(source: str, target: str, output: str) -> None:
    """Run `isogloss adapt`, and end this process when the first step is made."""
    # In the place of the module that would show the progress; only the commands import it.
    watching = ModuleType("isogloss.cli.progress")
    watching.shown_progress = lambda: nullcontext(EndsAtFirstStep())  # type: ignore[attr-defined]
    sys.modules[watching.__name__] = watching
    files = ["--source", source, "--target", target, "--output", output]
    sys.argv = ["isogloss", "adapt", *files]
    from isogloss.cli import main as run_command

    run_command()


class EndsAtFirstStep:
    """An `isogloss.progress.Progress` in all but name, whose import is a part of what is timed."""

    def start(self, phase: str, total: int | None, unit: str) -> None:
        """A phase begins."""

    def advance(self, amount: int, figures: Mapping[str, float] | None = None) -> None:
        """The first step ends the process, as a success."""
        if amount:
            os._exit(0)

    def finish(self) -> None:
        """A phase, and with it the run, ends without a step."""
        os._exit(1)

    def say(self, text: str) -> None:
        """Nothing of interest."""


def table(results: dict[str, dict[str, float]], rows: int) -> str:
    """The figures, a line each."""
    lines = [f"{rows:,} rows a side for inspect; the offline encoder and {SOURCE} for the step"]
    lines.append(f"{'':26}{'seconds':>20}{'bar':>8}{'CPU s':>8}{'peak GB':>9}")
    for name, found in results.items():
        seconds = f"{found['seconds']:.2f} ({found['min']:.2f}-{found['max']:.2f})"
        lines.append(
            f"{name:26}{seconds:>20}{BARS.get(name, ''):>8}{found['cpu_seconds']:>8.2f}"
            f"{found['peak_bytes'] / 1e9:>9.2f}"
        )
    return "\n".join(lines)


if __name__ == "__main__":
    main()
