"""Peak memory of training, by encoder, embedding, recomputation and accumulation.

Every configuration trains in a process of its own, on random texts of one length with 20,000 pieces
of the vocabulary in use: the `iwda` stage's trainer, or that of fine-tuning on as many texts. The
peak is the largest resident size from when the trainer stands; what loading took is left out, where
the system lets it. Weights of mBERT's and XLM-R's size are random. Needs the `offline` extra.

    python benchmarks/memory.py --steps 3 --json memory.json
"""

from __future__ import annotations

import argparse
import gc
import json
import tempfile
import time
from dataclasses import asdict, dataclass
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from machine import describe, describe_machine, versions
from random_texts import random_texts
from step_workers import peak_memory, reset_peak_memory

PIECES, LABELS = 20_000, 3
GIGABYTE = 1e9
# Vocabularies of bert-base-multilingual-cased and xlm-roberta-base; both have BERT-base's layers.
VOCABULARIES = {"mbert": 119_547, "xlm-r": 250_002}


@dataclass(frozen=True, kw_only=True)
class Setting:
    """One row of the table.

    Args:
        encoder: "offline", with its weights; "mbert" or "xlm-r", random weights of that size.
        stage: "iwda" or "finetune".
        length: word pieces of every text.
        trim: only the embeddings of the pieces in use.
        recompute: "none", "default" (`recompute_tokens` as it comes) or "all"
            (`gradient_checkpointing`).
        parts: micro-batches that a step's 16 + 16 texts come in.
    """

    encoder: str
    stage: str = "iwda"
    length: int = 64
    trim: bool = True
    recompute: str = "default"
    parts: int = 1


SETTINGS = (
    Setting(encoder="offline", trim=False, recompute="none"),
    Setting(encoder="offline", recompute="none"),
    Setting(encoder="offline"),
    Setting(encoder="offline", recompute="all"),
    Setting(encoder="offline", parts=2),
    Setting(encoder="offline", stage="finetune"),
    Setting(encoder="offline", length=128, recompute="none"),
    Setting(encoder="offline", length=128),
    Setting(encoder="offline", length=128, recompute="all"),
    Setting(encoder="mbert", trim=False, recompute="none"),
    Setting(encoder="mbert", recompute="none"),
    Setting(encoder="mbert"),
    Setting(encoder="mbert", recompute="all"),
    Setting(encoder="mbert", stage="finetune"),
    Setting(encoder="mbert", length=128),
    Setting(encoder="mbert", length=128, recompute="all"),
    Setting(encoder="mbert", length=128, recompute="all", parts=2),
    Setting(encoder="xlm-r", trim=False, recompute="none"),
    Setting(encoder="xlm-r", recompute="none"),
    Setting(encoder="xlm-r"),
    Setting(encoder="xlm-r", recompute="all"),
    Setting(encoder="xlm-r", length=128, parts=2),
)


def main() -> None:
    """Measure what the command line asks for, print it, and save it where asked to."""
    options = parse_arguments()
    machine, packages = describe_machine(), versions()
    print(describe(machine, packages))
    measured = []
    for setting in SETTINGS:
        if setting.encoder in options.encoders:
            measured.append(asdict(setting) | measure(setting, options))
            print(f"{setting}: {measured[-1]['peak'] / GIGABYTE:.2f} GB", flush=True)
    print("\n" + table(measured))
    if options.json:
        found = {"machine": machine, "versions": packages, "settings": measured}
        options.json.write_text(json.dumps(found, indent=2) + "\n")


def parse_arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    known = ["offline", *VOCABULARIES]
    parser.add_argument("--encoders", nargs="+", choices=known, default=known)
    parser.add_argument("--steps", type=int, default=3, help="steps of each")
    parser.add_argument("--threads", type=int, help="of torch; its own choice by default")
    parser.add_argument("--precision", choices=("auto", "bf16", "fp32"), default="auto")
    parser.add_argument("--json", type=Path, help="file to save the figures in")
    return parser.parse_args()


def measure(setting: Setting, options: argparse.Namespace) -> dict[str, Any]:
    """What a process of its own says of a setting."""
    context = get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_serve, args=(setting, options, theirs), daemon=True)
    process.start()
    theirs.close()
    try:
        found: dict[str, Any] = ours.recv()
    except EOFError:
        raise SystemExit(f"The process of {setting} ended early; its message is above.") from None
    process.join()
    return found


def _serve(setting: Setting, options: argparse.Namespace, connection: Connection) -> None:
    from isogloss.cli.quiet import quiet_environment

    # As the command line does it, before torch is imported.
    quiet_environment()
    import torch

    if options.threads is not None:
        torch.set_num_threads(options.threads)
    with tempfile.TemporaryDirectory() as folder:
        connection.send(train(setting, options, Path(folder)))


def train(setting: Setting, options: argparse.Namespace, folder: Path) -> dict[str, Any]:
    """Train for some steps; returns bytes, and seconds of all steps but the first."""
    from transformers import TrainerCallback

    trainer = make_trainer(setting, options, folder)
    marks: list[float] = []

    class Steps(TrainerCallback):
        def on_step_end(self, *args: Any, **kwargs: Any) -> None:
            marks.append(time.perf_counter())

    trainer.add_callback(Steps())
    gc.collect()
    loading = peak_memory()
    reset_peak_memory()
    standing = peak_memory()
    trainer.train()
    seconds = (marks[-1] - marks[0]) / max(1, len(marks) - 1)
    weights = sum(p.numel() * p.element_size() for p in trainer.model.parameters())
    return {
        "peak": peak_memory(),
        "loading_peak": loading,
        "standing": standing,
        "weights": weights,
        "seconds": seconds,
        "precision": "bf16" if trainer.args.bf16 else "fp32",
    }


def make_trainer(setting: Setting, options: argparse.Namespace, folder: Path) -> Any:
    """The trainer of a stage as `isogloss adapt` makes it."""
    import numpy as np

    from isogloss.models.fast import make_fast
    from isogloss.models.precision import choose_precision
    from isogloss.trainers.config import FinetuneConfig, IWDAConfig
    from isogloss.trainers.finetune import FinetuneTrainer
    from isogloss.trainers.iwda import IWDATrainer

    classifier = make_classifier(setting.encoder)
    make_fast(classifier, np.arange(PIECES) if setting.trim else None)
    align = setting.stage == "iwda"
    size = (16 if align else 32) // setting.parts
    chosen: dict[str, Any] = {
        "output_dir": str(folder),
        "max_steps": options.steps,
        "per_device_train_batch_size": size,
        "gradient_accumulation_steps": setting.parts,
        "bf16": choose_precision(options.precision) == "bf16",
        "use_cpu": True,
        "save_strategy": "no",
    }
    if setting.recompute != "default":
        chosen["recompute_tokens"] = 0
        chosen["gradient_checkpointing"] = setting.recompute == "all"
    rng = np.random.default_rng(0)
    count = size * setting.parts * options.steps
    source, target = (
        random_texts(rng, count, setting.length, pieces=PIECES, active=range(1), classes=LABELS)
        for _ in range(2)
    )
    if not align:
        args = FinetuneConfig(**chosen)
        return FinetuneTrainer(classifier, args, train_dataset=source, pad_token_id=1)
    return IWDATrainer(
        classifier,
        IWDAConfig(**chosen, weighting="fixed"),
        source=source,
        target=target,
        source_prior=np.full(LABELS, 1 / LABELS),
        pad_token_id=1,
    )


def make_classifier(encoder: str) -> Any:
    """A `FeatureClassifier` for sequences: the offline encoder's, or a random one."""
    from transformers import (
        BertConfig,
        BertForSequenceClassification,
        XLMRobertaConfig,
        XLMRobertaForSequenceClassification,
    )

    from isogloss.labels import LabelMap
    from isogloss.models.features import FeatureClassifier
    from isogloss.models.loading import load_classifier

    if encoder == "offline":
        labels = LabelMap(tuple(f"class {i}" for i in range(LABELS)))
        return load_classifier("offline", kind="sequence", labels=labels, pooling="mean", seed=0)
    shape = {"vocab_size": VOCABULARIES[encoder], "num_labels": LABELS}
    if encoder == "mbert":
        return FeatureClassifier(BertForSequenceClassification(BertConfig(**shape)))
    # Positions are counted from behind the padding id.
    shape |= {"max_position_embeddings": 514, "type_vocab_size": 1}
    return FeatureClassifier(XLMRobertaForSequenceClassification(XLMRobertaConfig(**shape)))


def table(measured: list[dict[str, Any]]) -> str:
    """The settings with their peaks, as Markdown."""
    heads = ["encoder", "stage", "tokens", "embedding", "recomputed", "batches", "precision"]
    heads += ["weights GB", "peak GB"]
    lines = ["| " + " | ".join(heads) + " |", "| " + " | ".join(["---"] * len(heads)) + " |"]
    for row in measured:
        texts = f"{16 // row['parts']} + {16 // row['parts']}"
        cells = [row["encoder"], row["stage"], str(row["length"])]
        cells += [f"{PIECES:,} rows" if row["trim"] else "whole"]
        cells += [row["recompute"], texts if row["parts"] == 1 else f"{row['parts']} x ({texts})"]
        cells += [row["precision"], *(f"{row[n] / GIGABYTE:.2f}" for n in ("weights", "peak"))]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
