"""Our IWDA training step against the published one, in one run and turn by turn.

Both train the offline encoder on the same encoded examples, each in a process of its own; only one
of them computes at a time. Ours is the `iwda` stage as `isogloss adapt` runs it; the other one is
`published_step.py`. Needs the `offline` extra and the data named by ISOGLOSS_DATA.

    python benchmarks/train_step.py --data both --turns 5 --steps 8 --json result.json
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
from collections.abc import Sequence
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import Any

from step_workers import Job, Turn, Worker, train_ours, train_published

DEFAULT_DATA = Path(__file__).resolve().parents[2] / "shared" / "data"
DATA_SETS = {
    "tweets": ("sequence", "tweets/en.train.csv", "tweets/de.train.csv"),
    "wikiann": ("token", "wikiann/en.train.conll", "wikiann/de.train.conll"),
}
FEATURES = ("avx2", "avx512f", "avx512_bf16", "avx512_vnni", "amx_tile", "amx_bf16", "bf16", "sve")
PACKAGES = ("isogloss", "torch", "transformers", "accelerate", "datasets", "numpy")
SIDES = ("ours", "published")


def main() -> None:
    """Measure what the command line asks for, print it, and save it where asked to."""
    options = parse_arguments()
    result: dict[str, Any] = {
        "machine": describe_machine(),
        "versions": {name: version(name) for name in PACKAGES},
        "settings": {k: v for k, v in vars(options).items() if k != "json"},
        "results": {},
    }
    print(describe(result))
    for name in DATA_SETS if options.data == "both" else (options.data,):
        measured = measure(make_job(name, options), options)
        result["results"][name] = measured
        print(table(name, measured, options))
    if options.json:
        options.json.write_text(json.dumps(result, indent=2, default=str) + "\n", "utf-8")


def parse_arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data", choices=(*DATA_SETS, "both"), default="both")
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
    if min(options.steps, options.turns, options.warmup, options.batch_size) < 1:
        parser.error("--steps, --turns, --warmup and --batch-size must be 1 or more")
    return options


def make_job(name: str, options: argparse.Namespace) -> Job:
    """What both sides train on."""
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
    """Warm both sides up, then let them take turns."""
    workers = {"ours": Worker(train_ours, job), "published": Worker(train_published, job)}
    # The first step of ours also solves for the starting class weights, so it is kept apart.
    first = {side: worker.run(1).seconds for side, worker in workers.items()}
    for worker in workers.values():
        worker.run(options.warmup)
    turns: dict[str, list[Turn]] = {side: [] for side in SIDES}
    for _ in range(options.turns):
        for side in SIDES:
            turns[side].append(workers[side].run(options.steps))
    for worker in workers.values():
        worker.stop()
    examples = 2 * job.batch_size * options.steps
    measured = {
        side: summarise(turns[side], examples)
        | {**workers[side].facts, "first_step_seconds": first[side]}
        for side in SIDES
    }
    return {**measured, "ratio": ratios(turns)}


def summarise(turns: Sequence[Turn], examples: int) -> dict[str, Any]:
    """Examples a second over the turns of one side, and its peak memory in bytes."""
    return {
        "examples_per_second": spread([examples / turn.seconds for turn in turns]),
        "turns": [asdict(turn) for turn in turns],
        "training_peak": turns[-1].peak,
    }


def ratios(turns: dict[str, list[Turn]]) -> dict[str, Any]:
    """How many times faster ours was, turn against turn, and its share of the memory."""
    pairs = list(zip(turns["ours"], turns["published"], strict=True))
    return {
        "speed": spread([theirs.seconds / ours.seconds for ours, theirs in pairs]),
        "training_peak": pairs[-1][1].peak / pairs[-1][0].peak,
    }


def spread(values: Sequence[float]) -> dict[str, float]:
    """Median, smallest and largest."""
    return {"median": statistics.median(values), "min": min(values), "max": max(values)}


def describe_machine() -> dict[str, Any]:
    """Processor, what it can do, and system."""
    flags: set[str] = set()
    model = platform.processor() or platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    for line in cpuinfo.read_text().splitlines() if cpuinfo.is_file() else ():
        key, _, value = line.partition(":")
        if key.strip() in ("flags", "Features"):
            flags |= set(value.split())
        elif key.strip() == "model name":
            model = value.strip()
    return {
        "processor": model,
        "features": {name: name in flags for name in FEATURES},
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.release()}",
    }


def describe(result: dict[str, Any]) -> str:
    """Machine and versions, in three lines."""
    machine = result["machine"]
    features = " ".join(name for name, there in machine["features"].items() if there)
    versions = ", ".join(f"{name} {number}" for name, number in result["versions"].items())
    amx = "with AMX" if machine["features"]["amx_bf16"] else "no AMX"
    return (
        f"{machine['processor']}, {machine['cores']} cores, {amx}\n"
        f"features: {features or 'none of those looked for'}\n"
        f"Python {machine['python']}, {versions}\n"
    )


def table(name: str, measured: dict[str, Any], options: argparse.Namespace) -> str:
    """The figures of one data set."""
    rows = [f"{name}: {options.turns} turns of {options.steps} steps, {options.batch_size} + "]
    rows[0] += f"{options.batch_size} examples a step; threads: {measured['ours']['threads']}"
    rows.append(f"{'':12}{'examples/s':>24}{'training GB':>14}{'loading GB':>12}{'precision':>11}")
    for side in SIDES:
        figures = measured[side]
        rows.append(
            f"{side:12}{shown(figures['examples_per_second']):>24}"
            f"{figures['training_peak'] / 1e9:>14.2f}{figures['loading_peak'] / 1e9:>12.2f}"
            f"{figures['precision']:>11}"
        )
    ratio = measured["ratio"]
    share = f"1/{ratio['training_peak']:.2f}"
    rows.append(f"{'ratio':12}{shown(ratio['speed']):>24}{share:>14}")
    ours = measured["ours"]
    rows.append(
        f"ours, first step, class weights solved first: {ours['first_step_seconds']:.1f} s\n"
    )
    return "\n".join(rows)


def shown(figures: dict[str, float]) -> str:
    """Median (smallest to largest)."""
    return f"{figures['median']:.2f} ({figures['min']:.2f}-{figures['max']:.2f})"


if __name__ == "__main__":
    main()
