"""The plain prediction that benchmarks measure against gives the labels that ours gives."""

from __future__ import annotations

import csv
import random
from pathlib import Path
from typing import Any

import pytest
from transformers import (
    AutoModelForSequenceClassification,
    AutoModelForTokenClassification,
    AutoTokenizer,
)

from benchmarks.prediction_workers import classify_file, export_untrained, tag_file
from isogloss.recipes.predict import predict_file
from isogloss.tasks.tagging import repair
from tests.helpers.models import WORDS, save_tiny

ROWS = 150


@pytest.fixture(scope="module")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny(tmp_path_factory.mktemp("encoder"), "bert")


@pytest.fixture
def texts() -> list[list[str]]:
    rng = random.Random(0)
    return [rng.choices(WORDS, k=rng.randint(1, 20)) for _ in range(ROWS)]


def plain_parts(auto: Any, folder: Path) -> tuple[Any, Any]:
    return auto.from_pretrained(folder).eval(), AutoTokenizer.from_pretrained(folder)


@pytest.mark.parametrize("pooling", ["cls", "mean"])
def test_both_classify_alike(
    tmp_path: Path, encoder: Path, texts: list[list[str]], pooling: str
) -> None:
    export_untrained(tmp_path / "model", task="sequence", pooling=pooling, encoder=str(encoder))
    source = tmp_path / "rows.csv"
    source.write_text("text\n" + "".join(f'"{" ".join(words)}"\n' for words in texts), "utf-8")
    predict_file(tmp_path / "model", source, tmp_path / "ours.csv", precision="fp32")
    model, tokenizer = plain_parts(AutoModelForSequenceClassification, tmp_path / "model")
    classify_file(model, tokenizer, source, tmp_path / "plain.csv")
    ours, plain = (
        list(csv.DictReader((tmp_path / f"{side}.csv").open())) for side in ("ours", "plain")
    )
    assert len(ours) == len(plain) == ROWS
    for one, other in zip(ours, plain, strict=True):
        assert (one["text"], one["prediction"]) == (other["text"], other["prediction"])
        assert float(one["probability"]) == pytest.approx(float(other["probability"]), abs=1e-5)


def test_both_tag_alike(tmp_path: Path, encoder: Path, texts: list[list[str]]) -> None:
    export_untrained(tmp_path / "model", task="token", pooling=None, encoder=str(encoder))
    source = tmp_path / "rows.conll"
    source.write_text("\n\n".join("\n".join(f"{w}\tO" for w in words) for words in texts), "utf-8")
    predict_file(tmp_path / "model", source, tmp_path / "ours.conll", precision="fp32")
    model, tokenizer = plain_parts(AutoModelForTokenClassification, tmp_path / "model")
    tag_file(model, tokenizer, source, tmp_path / "plain.conll")
    ours, plain = (tags_in(tmp_path / f"{side}.conll") for side in ("ours", "plain"))
    assert len(ours) == ROWS
    assert ours == [repair(tags) for tags in plain]


def tags_in(path: Path) -> list[list[str]]:
    blocks = path.read_text("utf-8").strip().split("\n\n")
    return [[line.split("\t")[-1] for line in block.split("\n")] for block in blocks]
