"""What becomes slower or larger as the data grow, from a thousand rows a side to a million.

Every size has a cache and processes of its own: one reads, checks and encodes; the next ones do the
same from the cache, and train; one inspects. The encoder is tiny and random, so that the way of
the data to it counts, but its tokenizer is the offline encoder's. Needs the `offline` extra and
the data named by ISOGLOSS_DATA.

    python benchmarks/growth.py --rows 1000 10000 100000 1000000 --json growth.json
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from machine import describe, describe_machine, versions
from processes import data_file, run_python, write_many

SOURCE, TARGET = "tweets/en.train.csv", "tweets/de.train.csv"
# The first steps solve for the class weights and fill the caches of torch; they do not count.
WARMUP = 5
STATUS = Path("/proc/self/status")


def main() -> None:
    """Measure, print, and save where asked to; or do one of the jobs that are measured."""
    options = parse_arguments()
    if options.job:
        print(json.dumps(JOBS[options.job](Path(options.folder), options.steps)))
        return
    result: dict[str, Any] = {"machine": describe_machine(), "versions": versions()}
    print(describe(result["machine"], result["versions"]))
    result["results"] = {}
    for rows in options.rows:
        with tempfile.TemporaryDirectory() as folder:
            result["results"][rows] = measure(Path(folder), rows, options.steps)
    print(table(result["results"], options.steps))
    if options.json:
        options.json.write_text(json.dumps(result, indent=2) + "\n", "utf-8")


def parse_arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument(
        "--rows",
        type=int,
        nargs="+",
        default=[1_000, 10_000, 100_000],
        help="rows a side; a million takes some minutes",
    )
    parser.add_argument("--steps", type=int, default=40, help="training steps that count")
    parser.add_argument("--json", type=Path, help="file to save the figures in")
    parser.add_argument("--job", choices=sorted(JOBS), help=argparse.SUPPRESS)
    parser.add_argument("--folder", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if min(*options.rows, options.steps) < 1:
        parser.error("--rows and --steps must be 1 or more")
    return options


def measure(folder: Path, rows: int, steps: int) -> dict[str, Any]:
    """All figures of one size."""
    write_many(folder / "source.csv", rows, like=data_file(SOURCE))
    write_many(folder / "target.csv", rows, like=data_file(TARGET))

    def run(*arguments: str) -> dict[str, Any]:
        cache = {"ISOGLOSS_CACHE": str(folder / "cache")}
        done = run_python(arguments, environment=cache)
        said = json.loads(done.output) if arguments[0] == __file__ else {}
        return {**said, "process_seconds": done.seconds, "peak_bytes": done.peak_bytes}

    def job(name: str) -> dict[str, Any]:
        return run(__file__, "--job", name, "--folder", str(folder), "--steps", str(steps))

    job("model")
    files = ["--source", str(folder / "source.csv"), "--target", str(folder / "target.csv")]
    return {
        "first": job("prepare"),
        "cached": job("prepare"),
        "training": job("train"),
        "inspect": run("-m", "isogloss", "inspect", *files),
    }


def make_model(folder: Path, steps: int) -> dict[str, Any]:
    """Write a tiny random encoder with the offline encoder's tokenizer."""
    import torch
    from transformers import BertConfig, BertModel

    from isogloss.models.reading import load_tokenizer

    tokenizer, _ = load_tokenizer("offline")
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=len(tokenizer),
        hidden_size=32,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=64,
        pad_token_id=tokenizer.pad_token_id,
    )
    BertModel(config).save_pretrained(folder / "model")
    tokenizer.save_pretrained(folder / "model")
    return {}


def prepare(folder: Path, steps: int) -> dict[str, Any]:
    """Read, check and encode both sides as `isogloss adapt` does."""
    return open_run(folder)[0]


def train(folder: Path, steps: int) -> dict[str, Any]:
    """Train as the `iwda` stage of `isogloss adapt` does, with its defaults, for a few steps."""
    from isogloss.progress import Progress
    from isogloss.recipes import adapt, stages
    from isogloss.recipes.folder import RunFolder

    _, config, data, encoded, tokenizer = open_run(folder)
    times: list[float] = []

    class Ends(Progress):
        def advance(self, amount: int, figures: Any = None) -> None:
            times.extend([time.perf_counter()] * amount)
            if len(times) > WARMUP + steps:
                seconds = times[-1] - times[WARMUP]
                facts = {"steps_per_second": (len(times) - 1 - WARMUP) / seconds}
                print(json.dumps({**facts, "own_bytes": own_bytes()}), flush=True)
                os._exit(0)

    run_folder = RunFolder(folder / "run")
    shop = adapt.make_workshop(
        config, run_folder, data, encoded, tokenizer.pad_token_id, config.max_length, Ends()
    )
    stages.align(shop, stage="iwda", start=folder / "model")
    raise SystemExit(f"fewer than {WARMUP + steps} steps")


def open_run(folder: Path) -> tuple[Any, ...]:
    """Seconds of each part of the way to encoded rows, and what a run has then."""
    from isogloss.data.cache import cache_folder
    from isogloss.models.reading import load_tokenizer
    from isogloss.recipes import inputs
    from isogloss.recipes.config import RunConfig

    sides = {side: str(folder / f"{side}.csv") for side in ("source", "target")}
    model = str(folder / "model")
    config = RunConfig(**sides, recipe="iwda", model=model, max_length=128).resolved()
    tokenizer, _ = load_tokenizer(config.model)
    began = time.perf_counter()
    data = inputs.read(config, {})
    read = time.perf_counter()
    encoded = inputs.encode(data, config, tokenizer, max_length=128, cache=cache_folder())
    ended = time.perf_counter()
    facts = {"read_seconds": read - began, "encode_seconds": ended - read}
    return {**facts, "own_bytes": own_bytes()}, config, data, encoded, tokenizer


def own_bytes() -> int:
    """Memory of this process that is no mapped file; elsewhere than on Linux its peak."""
    for line in STATUS.read_text().splitlines() if STATUS.is_file() else ():
        if line.startswith("RssAnon:"):
            return int(line.split()[1]) * 1024
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


JOBS = {"model": make_model, "prepare": prepare, "train": train}


def table(results: dict[int, dict[str, Any]], steps: int) -> str:
    """The figures, a size a line."""
    head = ("rows a side", "read", "encode", "cached", "peak GB", "own GB")
    head += ("steps/s", "peak GB", "own GB", "inspect s", "peak GB")
    lines = [
        "microseconds a row of reading with checks, encoding, both from the cache; then memory;",
        f"training over {steps} steps; inspect",
        "".join(f"{name:>12}" for name in head),
    ]
    for rows, found in results.items():
        first, cached, training = found["first"], found["cached"], found["training"]
        each = 1e6 / (2 * rows)
        figures = (
            each * first["read_seconds"],
            each * first["encode_seconds"],
            each * (cached["read_seconds"] + cached["encode_seconds"]),
            first["peak_bytes"] / 1e9,
            first["own_bytes"] / 1e9,
            training["steps_per_second"],
            training["peak_bytes"] / 1e9,
            training["own_bytes"] / 1e9,
            found["inspect"]["process_seconds"],
            found["inspect"]["peak_bytes"] / 1e9,
        )
        lines.append(f"{rows:>12,}" + "".join(f"{figure:>12.2f}" for figure in figures))
    return "\n".join(lines)


if __name__ == "__main__":
    main()
