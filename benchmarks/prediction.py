"""`isogloss predict` against plain `transformers`, in one run and turn by turn; and its memory.

Both label the same file with the same exported model, each in a process of its own, from reading
the rows to writing them; only one of them computes at a time. Loading the model does not count. The
head is untrained, which costs the same. Then a tiny random model labels files of growing
length in every format, to show what memory that takes. Needs the `offline` extra and the data
named by ISOGLOSS_DATA.

    python benchmarks/prediction.py --turns 5 --growth 2000 20000 100000 --json prediction.json
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from machine import describe, describe_machine, versions
from prediction_workers import PredictionJob, export_untrained, predict_ours, predict_plain
from processes import data_file, run_python, write_many
from step_workers import Turn, Worker, peak_memory, reset_peak_memory

TWEETS, WIKIANN = "tweets/de.train.csv", "wikiann/de.train.conll"
# Name, task, pooling, file.
MODELS = (
    ("tweets, cls", "sequence", "cls", TWEETS),
    ("tweets, mean", "sequence", "mean", TWEETS),
    ("wikiann", "token", None, WIKIANN),
)
SIDES = {"ours": predict_ours, "plain": predict_plain}
FORMATS = ("csv", "tsv", "jsonl", "parquet", "conll")


def main() -> None:
    """Measure, print, and save where asked to; or do one of the jobs that are measured."""
    options = parse_arguments()
    if options.job:
        JOBS[options.job](Path(options.folder), options.file)
        return
    machine, packages = describe_machine(), versions()
    print(describe(machine, packages))
    result: dict[str, Any] = {"machine": machine, "versions": packages, "speed": {}, "memory": {}}
    with tempfile.TemporaryDirectory() as folder:
        for name, task, pooling, file in MODELS if options.turns else ():
            job = make_job(Path(folder) / name, task, pooling, data_file(file), options)
            result["speed"][name] = measured = measure(job, options)
            print(table(name, measured, options))
        if options.growth:
            result["memory"] = growth(Path(folder), options.growth)
            print(memory_table(result["memory"]))
    if options.json:
        options.json.write_text(json.dumps(result, indent=2) + "\n", "utf-8")


def parse_arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--turns", type=int, default=5, help="turns of each side; 0 for none")
    parser.add_argument("--rows", type=int, default=512, help="rows a turn")
    parser.add_argument("--precision", choices=("auto", "bf16", "fp32"), default="auto")
    parser.add_argument("--threads", type=int, help="of each side; left to torch by default")
    parser.add_argument(
        "--growth", type=int, nargs="*", default=[2_000, 20_000, 100_000], help="rows of a file"
    )
    parser.add_argument("--json", type=Path, help="file to save the figures in")
    parser.add_argument("--job", choices=sorted(JOBS), help=argparse.SUPPRESS)
    parser.add_argument("--folder", help=argparse.SUPPRESS)
    parser.add_argument("--file", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.turns < 0 or options.rows < 1 or min(options.growth, default=1) < 1:
        parser.error("--rows and --growth must be 1 or more, --turns 0 or more")
    return options


def make_job(
    folder: Path, task: str, pooling: str | None, file: Path, options: argparse.Namespace
) -> PredictionJob:
    """Export a model and cut a file to the rows of a turn."""
    folder.mkdir()
    export_untrained(folder / "model", task=task, pooling=pooling)
    source = folder / f"rows{file.suffix}"
    given = file.read_text("utf-8")
    if task == "token":
        source.write_text("\n\n".join(given.split("\n\n")[: options.rows]) + "\n", "utf-8")
    else:
        # No cell of this file spans lines.
        source.write_text("".join(given.splitlines(keepends=True)[: options.rows + 1]), "utf-8")
    return PredictionJob(
        task=task,
        model=str(folder / "model"),
        source=str(source),
        precision=options.precision,
        threads=options.threads,
    )


def measure(job: PredictionJob, options: argparse.Namespace) -> dict[str, Any]:
    """Warm both sides up, then let them take turns."""
    workers = {side: Worker(work, job) for side, work in SIDES.items()}  # type: ignore[arg-type]
    for worker in workers.values():
        worker.run(1)
    turns: dict[str, list[Turn]] = {side: [] for side in SIDES}
    for _ in range(options.turns):
        for side, worker in workers.items():
            turns[side].append(worker.run(1))
    for worker in workers.values():
        worker.stop()
    pairs = list(zip(turns["ours"], turns["plain"], strict=True))
    sides = {
        side: {
            "rows_per_second": spread([options.rows / turn.seconds for turn in turns[side]]),
            "turns": [asdict(turn) for turn in turns[side]],
            **workers[side].facts,
        }
        for side in SIDES
    }
    return {**sides, "ratio": spread([plain.seconds / ours.seconds for ours, plain in pairs])}


def spread(values: Sequence[float]) -> dict[str, float]:
    """Median, smallest and largest."""
    return {"median": statistics.median(values), "min": min(values), "max": max(values)}


def growth(folder: Path, sizes: Sequence[int]) -> dict[str, dict[int, int]]:
    """Peak memory in bytes of labelling, by format and number of rows."""
    run(folder, "tiny", "")
    peaks: dict[str, dict[int, int]] = {name: {} for name in FORMATS}
    for rows in sizes:
        write_many(folder / "many.csv", rows, like=data_file(TWEETS))
        for name in FORMATS:
            if name != "csv":
                run(folder, "convert", f"many.{name}")
            peaks[name][rows] = int(run(folder, "label", f"many.{name}"))
    return peaks


def run(folder: Path, job: str, file: str) -> str:
    """Do a job in a process of its own; returns what it printed."""
    arguments = [__file__, "--job", job, "--folder", str(folder), "--file", file]
    return run_python(arguments, environment={}).output


def write_tiny(folder: Path, file: str) -> None:
    """Write tiny random models, for texts and for words, with the offline encoder's tokenizer."""
    import torch
    from transformers import BertConfig, BertModel

    from isogloss.models.reading import load_tokenizer

    tokenizer, _ = load_tokenizer("offline")
    torch.manual_seed(0)
    size = {"hidden_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2}
    config = BertConfig(
        vocab_size=len(tokenizer),
        intermediate_size=64,
        pad_token_id=tokenizer.pad_token_id,
        **size,
    )
    BertModel(config).save_pretrained(folder / "encoder")
    tokenizer.save_pretrained(folder / "encoder")
    encoder = str(folder / "encoder")
    export_untrained(folder / "sequence", task="sequence", pooling="cls", encoder=encoder)
    export_untrained(folder / "token", task="token", pooling=None, encoder=encoder)


def convert(folder: Path, file: str) -> None:
    """Write the CSV file again in the format that a name says."""
    from isogloss.data.streaming import read_batches
    from isogloss.data.writing import RowWriter

    with RowWriter(folder / file) as writer:
        for batch in read_batches(folder / "many.csv"):
            if file.endswith(".conll"):
                writer.write({"tokens": [text.split() for text in batch["text"]]})
            else:
                writer.write(batch)


def label(folder: Path, file: str) -> None:
    """Label a file and print the peak of memory since the model was loaded."""
    from isogloss.models.memory import release_freed_memory
    from isogloss.recipes.predict import predict_with
    from isogloss.recipes.serving import open_served

    served = open_served(
        folder / ("token" if file.endswith(".conll") else "sequence"), precision="fp32"
    )
    # What loading took at its peak would hide what labelling takes.
    release_freed_memory()
    reset_peak_memory()
    predict_with(served, folder / file, folder / f"labelled-{file}")
    print(peak_memory())


JOBS = {"tiny": write_tiny, "convert": convert, "label": label}


def table(name: str, measured: dict[str, Any], options: argparse.Namespace) -> str:
    """The figures of one model."""
    lines = [
        f"{name}: {options.turns} turns of {options.rows} rows; "
        f"threads: {measured['ours']['threads']}",
        f"{'':8}{'rows/s':>26}{'peak GB':>10}{'precision':>11}",
    ]
    for side in SIDES:
        found = measured[side]
        lines.append(
            f"{side:8}{shown(found['rows_per_second']):>26}"
            f"{found['turns'][-1]['peak'] / 1e9:>10.2f}{found['precision']:>11}"
        )
    lines.append(f"{'ratio':8}{shown(measured['ratio']):>26}\n")
    return "\n".join(lines)


def shown(figures: dict[str, float]) -> str:
    """Median (smallest to largest)."""
    return f"{figures['median']:.2f} ({figures['min']:.2f}-{figures['max']:.2f})"


def memory_table(peaks: dict[str, dict[int, int]]) -> str:
    """Peak megabytes, a format a line."""
    sizes = list(next(iter(peaks.values())))
    lines = [
        "peak MB with a tiny model, loading left out, by rows",
        " " * 8 + "".join(f"{n:>12,}" for n in sizes),
    ]
    for name, found in peaks.items():
        lines.append(f"{name:8}" + "".join(f"{found[n] / 1e6:>12.0f}" for n in sizes))
    return "\n".join(lines)


if __name__ == "__main__":
    main()
