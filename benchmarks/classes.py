"""What more classes cost alignment: time and memory of its step, from 2 classes to 200.

A step is a forward and a backward pass of `AlignmentModel`, with everything at its defaults, on
random features in place of an encoder's; half of the rows are of the source. Every size has a
process of its own. The milliseconds are of computing. The optimizer is not part of it: AdamW keeps
twice the critic's parameters beside.

    python benchmarks/classes.py --classes 2 5 20 50 200 --rows 32 512 --json classes.json
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from machine import describe, describe_machine, versions
from processes import run_python
from step_workers import peak_memory, reset_peak_memory

FEATURES = 384
WARMUP = 2
CONDITIONINGS = ("cdan", "random", "auto")


def main() -> None:
    """Measure, print, and save where asked to; or do one of the jobs that are measured."""
    options = parse_arguments()
    if options.job:
        print(json.dumps(measure_step(json.loads(options.job))))
        return
    machine, packages = describe_machine(), versions()
    print(describe(machine, packages))
    results = [
        run_job(options, critic=critic, rows=rows, classes=classes, conditioning=conditioning)
        for critic in options.critics
        for rows in options.rows
        for classes in options.classes
        for conditioning in CONDITIONINGS
    ]
    print(table(results, options))
    if options.json:
        found = {"machine": machine, "versions": packages, "results": results}
        options.json.write_text(json.dumps(found, indent=2) + "\n", "utf-8")


def parse_arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--classes", type=int, nargs="+", default=[2, 5, 20, 50, 200])
    parser.add_argument("--rows", type=int, nargs="+", default=[32, 512])
    parser.add_argument("--critics", nargs="+", default=["wasserstein"], help="divergences")
    parser.add_argument("--steps", type=int, default=9, help="steps that count")
    parser.add_argument("--precision", choices=("auto", "bf16", "fp32"), default="auto")
    parser.add_argument("--json", type=Path, help="file to save the figures in")
    parser.add_argument("--job", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if min([*options.classes, *options.rows]) < 2 or options.steps < 1:
        parser.error("--classes and --rows must be 2 or more, --steps 1 or more")
    return options


def run_job(options: argparse.Namespace, **size: Any) -> dict[str, Any]:
    """One size in a process of its own."""
    job = {**size, "steps": options.steps, "precision": options.precision}
    done = run_python([sys.argv[0], "--job", json.dumps(job)], environment={})
    return {**size, **json.loads(done.output)}


def measure_step(job: dict[str, Any]) -> dict[str, Any]:
    """Seconds of a step, by the clock and of computing, and the memory that alignment took."""
    import torch

    # What torch loads with its first step is not alignment's.
    make_step({**job, "classes": 2, "rows": 4})[0]()
    reset_peak_memory()
    before = peak_memory()
    step, parameters = make_step(job)
    seconds, computing = [], []
    for _ in range(WARMUP + job["steps"]):
        began = time.perf_counter(), time.process_time()
        step()
        seconds.append(time.perf_counter() - began[0])
        computing.append(time.process_time() - began[1])
    return {
        "seconds": statistics.median(seconds[WARMUP:]),
        "cpu_seconds": statistics.median(computing[WARMUP:]),
        "critic_parameters": parameters,
        "peak_bytes": peak_memory() - before,
        "threads": torch.get_num_threads(),
    }


def make_step(job: dict[str, Any]) -> tuple[Callable[[], None], int]:
    """A step of that size, and how many parameters its critic has."""
    import torch

    from isogloss.labelshift.holder import FixedWeights
    from isogloss.models.precision import choose_precision
    from isogloss.trainers.alignment_model import AlignmentModel
    from isogloss.trainers.config import IWDAConfig

    torch.manual_seed(0)
    rows, classes = job["rows"], job["classes"]
    config = IWDAConfig(critic=job["critic"], conditioning=job["conditioning"], use_cpu=True)
    model = AlignmentModel(given_features(classes), FixedWeights(classes), config)  # type: ignore[arg-type]
    features = torch.randn(rows, FEATURES, requires_grad=True)
    labels = torch.randint(classes, (rows,))
    is_target = torch.arange(rows) >= rows // 2
    labels[is_target] = -100
    half = choose_precision(job["precision"]) == "bf16"

    def step() -> None:
        with torch.autocast("cpu", torch.bfloat16, enabled=half):
            inputs = {"labels": labels, "is_target": is_target, "features": features}
            loss = model(**inputs, strength=5e-3, blend=1.0)["loss"]
        loss.backward()
        model.zero_grad()

    return step, sum(p.numel() for p in model.critic.parameters())


def given_features(classes: int) -> Any:
    """What stands for a classifier: a final linear layer on features that are given."""
    from torch import Tensor, nn

    from isogloss.models.features import Rows

    class GivenFeatures(nn.Linear):
        feature_size, num_labels = FEATURES, classes

        def forward(self, features: Tensor) -> Rows:
            return Rows(features, super().forward(features))

    return GivenFeatures(FEATURES, classes)


def table(results: Sequence[dict[str, Any]], options: argparse.Namespace) -> str:
    """A row for each size; a column of milliseconds and one of megabytes for each conditioning."""
    pairs = [f"{name:>10} ms {'MB':>6}" for name in CONDITIONINGS]
    lines = [f"medians of {options.steps} steps; threads: {results[0]['threads']}"]
    lines.append(f"{'critic':12}{'rows':>5}{'classes':>9}" + "".join(f"{p:>20}" for p in pairs))
    for first in range(0, len(results), len(CONDITIONINGS)):
        group = results[first : first + len(CONDITIONINGS)]
        head = f"{group[0]['critic']:12}{group[0]['rows']:>5}{group[0]['classes']:>9}"
        lines.append(head + "".join(cell(result) for result in group))
    return "\n".join(lines)


def cell(result: dict[str, Any]) -> str:
    """Milliseconds of computing and megabytes."""
    return f"{result['cpu_seconds'] * 1e3:>13.1f}{result['peak_bytes'] / 1e6:>7.0f}"


if __name__ == "__main__":
    main()
