"""The two processes of `prediction.py`: each labels a whole file its own way, in turn."""

from __future__ import annotations

import csv
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from step_workers import Turns

LABELS = {
    "sequence": ("negative", "neutral", "positive"),
    "token": ("O", "B-LOC", "I-LOC", "B-ORG", "I-ORG", "B-PER", "I-PER"),
}
COLUMNS = {"sequence": ("text", "label"), "token": ("tokens", "tags")}
MAX_LENGTH = 128
# What scripts take that were written for a GPU; the tokenizer pads to the longest of the batch.
PLAIN_BATCH = 64


@dataclass(frozen=True, kw_only=True)
class PredictionJob:
    """What both processes do.

    Args:
        task: `"sequence"` or `"token"`.
        model: folder of an exported model.
        source: file to label, CSV or CoNLL.
        precision: of ours.
        threads: of each process; None leaves it to torch.
    """

    task: str
    model: str
    source: str
    precision: str
    threads: int | None


def export_untrained(
    folder: Path, *, task: str, pooling: str | None, encoder: str = "offline"
) -> None:
    """Write an encoder with a new head as `adapt` writes a trained one."""
    from isogloss.labels import LabelMap
    from isogloss.models.export import export
    from isogloss.models.loading import load_backbone

    labels = LabelMap(LABELS[task])
    backbone = load_backbone(encoder, kind=task, labels=labels, pooling=pooling, seed=0)  # type: ignore[arg-type]
    text, label = COLUMNS[task]
    backbone.model.model.config.isogloss = {
        "task": task,
        "text": text,
        "text_pair": None,
        "label": label,
        "labels": list(labels.names),
        "max_length": MAX_LENGTH,
        "pooling": pooling,
        "orphan_tags": "begin",
    }
    export(backbone.model, backbone.tokenizer, folder, card=None, full_embedding=None)


def predict_ours(job: PredictionJob, turns: Turns) -> None:
    """`isogloss predict`, the model opened once."""
    from isogloss.recipes.predict import predict_with
    from isogloss.recipes.serving import open_served

    served = open_served(job.model, precision=job.precision)  # type: ignore[arg-type]
    repeat(turns, served.precision, lambda out: predict_with(served, job.source, out), job)


def predict_plain(job: PredictionJob, turns: Turns) -> None:
    """What one writes with `transformers`: fp32, batches of 64 in the order of the file."""
    from transformers import (
        AutoModelForSequenceClassification,
        AutoModelForTokenClassification,
        AutoTokenizer,
    )

    tagging = job.task == "token"
    auto = AutoModelForTokenClassification if tagging else AutoModelForSequenceClassification
    model, tokenizer = (
        auto.from_pretrained(job.model).eval(),
        AutoTokenizer.from_pretrained(job.model),
    )
    label = tag_file if tagging else classify_file
    repeat(turns, "fp32", lambda out: label(model, tokenizer, Path(job.source), out), job)


def repeat(
    turns: Turns, precision: str, label: Callable[[Path], object], job: PredictionJob
) -> None:
    """Label the file whenever a turn is due."""
    with tempfile.TemporaryDirectory() as folder:
        turns.ready({"precision": precision})
        while True:
            label(Path(folder) / f"labelled{Path(job.source).suffix}")
            turns.step_done()


def classify_file(model: Any, tokenizer: Any, source: Path, out: Path) -> None:
    """A CSV file with the label of every row and its probability."""
    with source.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    with out.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, [*rows[0], "prediction", "probability"])
        writer.writeheader()
        for batch in batches(rows):
            _, logits = logits_of(model, tokenizer, [row["text"] for row in batch], words=False)
            found = logits.softmax(-1).max(-1)
            for row, share, index in zip(batch, *map(list, found), strict=True):
                label = model.config.id2label[int(index)]
                writer.writerow({**row, "prediction": label, "probability": f"{share:.6f}"})


def tag_file(model: Any, tokenizer: Any, source: Path, out: Path) -> None:
    """A CoNLL file with the tag of every word, that of its first piece."""
    blocks = source.read_text("utf-8").strip().split("\n\n")
    sentences = [[line.split("\t")[0] for line in block.split("\n")] for block in blocks]
    with out.open("w", encoding="utf-8") as file:
        for batch in batches(sentences):
            encoded, logits = logits_of(model, tokenizer, batch, words=True)
            for i, (words, classes) in enumerate(
                zip(batch, logits.argmax(-1).tolist(), strict=True)
            ):
                ids = encoded.word_ids(i)
                first = {word: classes[j] for j, word in reversed(list(enumerate(ids)))}
                tags = [model.config.id2label[first.get(word, 0)] for word in range(len(words))]
                file.writelines(f"{w}\t{tag}\n" for w, tag in zip(words, tags, strict=True))
                file.write("\n")


def batches(rows: Sequence[Any]) -> Iterator[Sequence[Any]]:
    """The rows, some at a time."""
    return (rows[i : i + PLAIN_BATCH] for i in range(0, len(rows), PLAIN_BATCH))


def logits_of(model: Any, tokenizer: Any, texts: Sequence[Any], *, words: bool) -> tuple[Any, Any]:
    """The encoded batch and its logits."""
    import torch

    encoded = tokenizer(
        texts,
        is_split_into_words=words,
        padding=True,
        truncation=True,
        max_length=MAX_LENGTH,
        return_tensors="pt",
    )
    with torch.inference_mode():
        return encoded, model(**encoded).logits
