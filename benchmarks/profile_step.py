"""Where a training step goes, by length of text and kind of task, beside the machine's ceilings.

Each step is one of the `iwda` stage's trainer on the offline encoder, 16 + 16 texts of exactly so
many word pieces, with 20,000 pieces of the vocabulary in use. Floating-point operations are those
of the matrix products of one forward and backward pass, counted by torch, recomputation left out.
Needs the `offline` extra.

    python benchmarks/profile_step.py --lengths 32,64,128,256 --steps 12 --json profile.json
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from machine import describe, describe_machine, measure_ceilings, versions
from random_texts import random_texts

PARTS = (
    "collation",
    "encoder forward",
    "critic forward",
    "critic backward",
    "encoder backward",
    "clipping",
    "optimizer",
    "rest",
)
PIECES, LABELS, TAGS = 20_000, 3, 7
# Of a sentence's pieces, the share that begins a word; about that of the wikiann sentences.
WORD_SHARE = 0.55


def main() -> None:
    """Profile what the command line asks for, print it, and save it where asked to."""
    options = parse_arguments()
    from isogloss.cli.quiet import quiet_environment

    quiet_environment()
    machine, packages = describe_machine(), versions()
    print(describe(machine, packages))
    ceilings = measure_ceilings()
    print(
        f"ceilings: {ceilings['bf16'] / 1e9:.0f} GFLOP/s bf16, {ceilings['fp32'] / 1e9:.0f} "
        f"GFLOP/s fp32, copying {ceilings['copy'] / 1e9:.0f} GB/s\n"
    )
    profiles = []
    for task in options.tasks:
        for length in options.lengths:
            profiles.append(profile(task, length, options))
            print(f"{task} {length}: {profiles[-1]['seconds']:.3f} s a step", flush=True)
    print("\n" + table(profiles, ceilings))
    if options.json:
        found = {"machine": machine, "versions": packages, "ceilings": ceilings}
        options.json.write_text(json.dumps(found | {"profiles": profiles}, indent=2) + "\n")


def parse_arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--tasks", type=_names, default=["sequence", "token"])
    parser.add_argument("--lengths", type=_numbers, default=[32, 64, 128, 256])
    parser.add_argument("--steps", type=int, default=12, help="steps measured of each kind")
    parser.add_argument("--warmup", type=int, default=3, help="steps before these")
    parser.add_argument("--batch-size", type=int, default=16, help="texts a side")
    parser.add_argument("--recompute-tokens", type=int, help="of the trainer; its own by default")
    parser.add_argument("--precision", choices=("auto", "bf16", "fp32"), default="auto")
    parser.add_argument("--json", type=Path, help="file to save the figures in")
    return parser.parse_args()


def _names(text: str) -> list[str]:
    return text.split(",")


def _numbers(text: str) -> list[int]:
    return [int(part) for part in text.split(",")]


class Stopwatch:
    """Adds the time since the last mark to a part of the step."""

    def __init__(self) -> None:
        self.steps: list[dict[str, float]] = []
        self._last = time.perf_counter()
        self._step: dict[str, float] = dict.fromkeys(PARTS, 0.0)

    def mark(self, part: str) -> None:
        """What went by since the last mark was `part`."""
        now = time.perf_counter()
        self._step[part] += now - self._last
        self._last = now

    def step_done(self) -> None:
        """Close the step."""
        self.mark("rest")
        self.steps.append(self._step)
        self._step = dict.fromkeys(PARTS, 0.0)

    @contextmanager
    def timing(self, part: str) -> Iterator[None]:
        """What goes by inside is `part`, what went by before is the rest."""
        self.mark("rest")
        yield
        self.mark(part)

    def around(self, function: Callable[..., Any], part: str) -> Callable[..., Any]:
        """`function`, timed."""

        def timed(*args: Any, **kwargs: Any) -> Any:
            with self.timing(part):
                return function(*args, **kwargs)

        return timed


def profile(task: str, length: int, options: argparse.Namespace) -> dict[str, Any]:
    """Median seconds of each part of a step, and its floating-point operations."""
    with tempfile.TemporaryDirectory() as folder:
        trainer = make_trainer(task, length, options, Path(folder))
        watch = Stopwatch()
        attach(trainer, watch)
        trainer.train()
    steps = watch.steps[options.warmup :]
    parts = {part: statistics.median(step[part] for step in steps) for part in PARTS}
    return {
        "task": task,
        "length": length,
        "seconds": statistics.median(sum(step.values()) for step in steps),
        "parts": parts,
        "flop": count_operations(trainer),
        "precision": "bf16" if trainer.args.bf16 else "fp32",
    }


def make_trainer(task: str, length: int, options: argparse.Namespace, folder: Path) -> Any:
    """An `IWDATrainer` as `isogloss adapt` makes it, on random texts of one length."""
    import numpy as np

    from isogloss.labels import LabelMap
    from isogloss.models.fast import make_fast
    from isogloss.models.loading import load_classifier
    from isogloss.models.precision import choose_precision
    from isogloss.trainers.config import IWDAConfig
    from isogloss.trainers.iwda import IWDATrainer

    classes = TAGS if task == "token" else LABELS
    classifier = load_classifier(
        "offline",
        kind=task,  # type: ignore[arg-type]
        labels=LabelMap(tuple(f"class {i}" for i in range(classes))),
        pooling=None if task == "token" else "mean",
        seed=0,
    )
    make_fast(classifier, np.arange(PIECES))
    steps = options.warmup + options.steps
    extra = {} if options.recompute_tokens is None else {
        "recompute_tokens": options.recompute_tokens
    }  # fmt: skip
    args = IWDAConfig(
        output_dir=str(folder),
        max_steps=steps,
        per_device_train_batch_size=options.batch_size,
        bf16=choose_precision(options.precision) == "bf16",
        use_cpu=True,
        save_strategy="no",
        weighting="fixed",
        **extra,
    )
    rng = np.random.default_rng(0)
    count = steps * options.batch_size
    rows = range(1, max(2, int(length * WORD_SHARE))) if task == "token" else range(1)
    source, target = (
        random_texts(rng, count, length, pieces=PIECES, active=rows, classes=classes)
        for _ in range(2)
    )
    prior = np.full(classes, 1 / classes)
    return IWDATrainer(
        classifier, args, source=source, target=target, source_prior=prior, pad_token_id=1
    )


def attach(trainer: Any, watch: Stopwatch) -> None:
    """Have the trainer mark the parts of each of its steps."""
    from transformers import TrainerCallback

    class Steps(TrainerCallback):
        def on_step_end(self, *args: Any, **kwargs: Any) -> None:
            watch.step_done()

    def leave_encoder(module: Any, inputs: Any, output: Any) -> None:
        watch.mark("encoder forward")
        output[0].register_hook(lambda gradient: watch.mark("critic backward"))

    encoder = trainer.model.classifier.encoder
    encoder.register_forward_pre_hook(lambda *_: watch.mark("rest"))
    encoder.register_forward_hook(leave_encoder)
    inner = trainer.compute_loss

    def compute_loss(*args: Any, **kwargs: Any) -> Any:
        loss = inner(*args, **kwargs)
        watch.mark("critic forward")
        return loss

    trainer.compute_loss = compute_loss
    trainer.data_collator = watch.around(trainer.data_collator, "collation")
    trainer.accelerator.backward = watch.around(trainer.accelerator.backward, "encoder backward")
    trainer._clip_grad_norm = watch.around(trainer._clip_grad_norm, "clipping")
    optimizer = trainer.create_optimizer()
    optimizer.step = watch.around(optimizer.step, "optimizer")
    trainer.add_callback(Steps())


def count_operations(trainer: Any) -> int:
    """Floating-point operations of the matrix products of one step's two passes."""
    import torch
    from torch.utils.flop_counter import FlopCounterMode

    # Nothing to keep: no layer is recomputed.
    trainer._recomputation.prepare(torch.empty(0))
    batch = next(iter(trainer.get_train_dataloader()))
    with FlopCounterMode(display=False) as counter:
        trainer.batch_loss(trainer.model, batch, None).backward()
    return int(counter.get_total_flops())


def table(profiles: list[dict[str, Any]], ceilings: dict[str, float]) -> str:
    """Milliseconds by part, and the share of the ceiling, as Markdown."""
    heads = ["task", "tokens", "step ms", *PARTS, "GFLOP", "GFLOP/s", "of ceiling"]
    lines = ["| " + " | ".join(heads) + " |", "| " + " | ".join(["---"] * len(heads)) + " |"]
    for found in profiles:
        rate = found["flop"] / found["seconds"]
        cells = [found["task"], str(found["length"]), f"{found['seconds'] * 1e3:.0f}"]
        cells += [f"{found['parts'][part] * 1e3:.0f}" for part in PARTS]
        cells += [f"{found['flop'] / 1e9:.0f}", f"{rate / 1e9:.0f}"]
        cells += [f"{rate / ceilings[found['precision']]:.0%}"]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
