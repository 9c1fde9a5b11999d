"""Our IWDA training step beside three others, in one run and turn by turn.

All train the offline encoder on the same encoded examples, each in a process of its own; only one
of them computes at a time. `ours` is the `iwda` stage as `isogloss adapt` runs it; `finetuned` is
plain fine-tuning on the same fast path and the same batches, so that the two tell what alignment
costs; `plain` is fine-tuning by transformers' own `Trainer`; `published` is `published_step.py`.
Needs the `offline` extra and the data named by ISOGLOSS_DATA.

    python benchmarks/train_step.py --data both --turns 5 --steps 8 --json result.json
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from machine import describe, describe_machine, measure_ceilings, versions
from step_sides import SIDES
from step_workers import Job, Turn, Worker

DEFAULT_DATA = Path(__file__).resolve().parents[2] / "shared" / "data"
DATA_SETS = {
    "tweets": ("sequence", "tweets/en.train.csv", "tweets/de.train.csv"),
    "wikiann": ("token", "wikiann/en.train.conll", "wikiann/de.train.conll"),
}


def main() -> None:
    """Measure what the command line asks for, print it, and save it where asked to."""
    options = parse_arguments()
    result: dict[str, Any] = {
        "machine": describe_machine(),
        "versions": versions(),
        "settings": {k: v for k, v in vars(options).items() if k != "json"},
        "ceilings": measure_ceilings(),
        "results": {},
    }
    print(describe(result["machine"], result["versions"]))
    for name in DATA_SETS if options.data == "both" else (options.data,):
        measured = measure(make_job(name, options), options)
        result["results"][name] = measured
        print(table(name, measured, options, result["ceilings"]))
    if options.json:
        options.json.write_text(json.dumps(result, indent=2, default=str) + "\n", "utf-8")


def parse_arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data", choices=(*DATA_SETS, "both"), default="both")
    parser.add_argument("--sides", type=_names, default=list(SIDES), help="to compare, with commas")
    parser.add_argument("--steps", type=int, default=8, help="steps a turn")
    parser.add_argument("--turns", type=int, default=5, help="turns of each side")
    parser.add_argument("--warmup", type=int, default=3, help="steps before the first turn")
    parser.add_argument("--batch-size", type=int, default=16, help="examples a side in a step")
    parser.add_argument("--max-length", type=int, default=128, help="word pieces a text is cut to")
    parser.add_argument(
        "--attention", choices=("eager", "sdpa"), default="sdpa", help="of the published step"
    )
    parser.add_argument("--threads", type=int, help="of each side; left to torch by default")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", type=Path, help="file to save the figures in")
    options = parser.parse_args()
    if "ours" not in options.sides or set(options.sides) - set(SIDES):
        parser.error(f"--sides must hold ours and others of {', '.join(SIDES)}")
    if min(options.steps, options.turns, options.warmup, options.batch_size) < 1:
        parser.error("--steps, --turns, --warmup and --batch-size must be 1 or more")
    return options


def _names(text: str) -> list[str]:
    return text.split(",")


def make_job(name: str, options: argparse.Namespace) -> Job:
    """What all sides train on."""
    task, source, target = DATA_SETS[name]
    root = Path(os.environ.get("ISOGLOSS_DATA", DEFAULT_DATA))
    for file in (source, target):
        if not (root / file).is_file():
            raise SystemExit(f"There is no {root / file}; set ISOGLOSS_DATA to the data folder.")
    return Job(
        task=task,
        source=str(root / source),
        target=str(root / target),
        batch_size=options.batch_size,
        max_length=options.max_length,
        attention=options.attention,
        threads=options.threads,
        seed=options.seed,
    )


def measure(job: Job, options: argparse.Namespace) -> dict[str, Any]:
    """Warm all sides up, then let them take turns."""
    workers = {side: Worker(train, job) for side, train in SIDES.items() if side in options.sides}
    # The first step of ours also solves for the starting class weights, so it is kept apart.
    first = {side: worker.run(1).seconds for side, worker in workers.items()}
    for worker in workers.values():
        worker.run(options.warmup)
    turns: dict[str, list[Turn]] = {side: [] for side in workers}
    for _ in range(options.turns):
        for side, worker in workers.items():
            turns[side].append(worker.run(options.steps))
    for worker in workers.values():
        worker.stop()
    examples = 2 * job.batch_size * options.steps
    return {
        side: summarise(turns[side], examples)
        | {**workers[side].facts, "first_step_seconds": first[side]}
        | against(turns["ours"], turns[side])
        for side in workers
    }


def summarise(turns: Sequence[Turn], examples: int) -> dict[str, Any]:
    """Examples and operations a second over the turns of one side, and its peak memory in bytes."""
    return {
        "examples_per_second": spread([examples / turn.seconds for turn in turns]),
        "flop_per_second": spread([turn.flop / turn.seconds for turn in turns]),
        "turns": [asdict(turn) for turn in turns],
        "training_peak": turns[-1].peak,
    }


def against(ours: Sequence[Turn], theirs: Sequence[Turn]) -> dict[str, Any]:
    """How many times faster ours was, turn against turn, and its share of a side's memory."""
    pairs = list(zip(ours, theirs, strict=True))
    return {
        "ours_is_faster": spread([other.seconds / mine.seconds for mine, other in pairs]),
        "ours_of_memory": pairs[-1][0].peak / pairs[-1][1].peak,
    }


def spread(values: Sequence[float]) -> dict[str, float]:
    """Median, smallest and largest."""
    return {"median": statistics.median(values), "min": min(values), "max": max(values)}


def table(
    name: str, measured: dict[str, Any], options: argparse.Namespace, ceilings: dict[str, float]
) -> str:
    """The figures of one data set, as Markdown."""
    title = f"{name}: {options.turns} turns of {options.steps} steps, {options.batch_size} + "
    title += f"{options.batch_size} examples a step; threads: {measured['ours']['threads']}\n"
    heads = ("side", "precision", "examples/s", "ours is faster", "peak GB", "ours of it")
    rows = [title, "| " + " | ".join((*heads, "of bf16 ceiling")) + " |", "| --- " * 7 + "|"]
    for side, found in measured.items():
        share = found["flop_per_second"]["median"] / ceilings["bf16"]
        cells = [side, found["precision"], shown(found["examples_per_second"])]
        cells += [shown(found["ours_is_faster"]), f"{found['training_peak'] / 1e9:.2f}"]
        cells += [f"{found['ours_of_memory']:.0%}", f"{share:.0%}"]
        rows.append("| " + " | ".join(cells) + " |")
    first = measured["ours"]["first_step_seconds"]
    rows.append(f"\nours, first step, class weights solved first: {first:.1f} s\n")
    return "\n".join(rows)


def shown(figures: dict[str, float]) -> str:
    """Median (smallest to largest)."""
    return f"{figures['median']:.2f} ({figures['min']:.2f}-{figures['max']:.2f})"


if __name__ == "__main__":
    main()
