from __future__ import annotations

import json
import random
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.helpers.models import WORDS, save_tiny


@pytest.fixture(scope="session")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny(tmp_path_factory.mktemp("paper-encoder"), "bert", num_hidden_layers=3)


def reviews(rows: int, *, seed: int) -> list[tuple[str, str]]:
    """(stars, text), every class as often; a word betrays the class."""
    rng = random.Random(seed)
    return [
        (str(i % 5 + 1), " ".join([WORDS[i % 5], *rng.choices(WORDS[10:60], k=4)]))
        for i in range(rows)
    ]


def pairs(rows: int, *, seed: int) -> list[tuple[str, str, str]]:
    """(label, premise, hypothesis)."""
    rng = random.Random(seed)
    labels = ("entailment", "neutral", "contradiction")
    return [
        (labels[i % 3], " ".join(rng.choices(WORDS, k=4)), f"{WORDS[i % 3]} {rng.choice(WORDS)}")
        for i in range(rows)
    ]


def sentences(rows: int, *, seed: int) -> list[list[tuple[str, str]]]:
    """Words with IOB2 tags; sentences differ in how many are names."""
    rng = random.Random(seed)
    out = []
    for i in range(rows):
        words = [(word, "O") for word in rng.choices(WORDS[10:60], k=rng.randint(1, 5))]
        names = [("anna", "B-PER"), ("smith", "I-PER")] if i % 2 else [("berlin", "B-LOC")]
        out.append(words + names * (1 + i % 3))
    return out


def write_reviews(path: Path, rows: Sequence[tuple[str, str]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = [json.dumps({"stars": stars, "review_body": text}) for stars, text in rows]
    path.write_text("\n".join(lines) + "\n", "utf-8")


def write_conll(
    path: Path,
    rows: Sequence[Sequence[tuple[str, str]]],
    *,
    separator: str = "\t",
    prefix: str = "",
) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    blocks = ["\n".join(f"{prefix}{word}{separator}{tag}" for word, tag in row) for row in rows]
    path.write_text("\n\n".join(blocks) + "\n", "utf-8")


@pytest.fixture(scope="session")
def marc(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with MARC's own JSON lines in three languages."""
    folder = tmp_path_factory.mktemp("marc")
    for number, language in enumerate(("en", "de", "es")):
        for split, rows in (("train", 60), ("test", 40)):
            path = folder / "json" / split / f"dataset_{language}_{split}.json"
            write_reviews(path, reviews(rows, seed=2 * number + (split == "test")))
    return folder


@pytest.fixture(scope="session")
def corpora(marc: Path) -> Path:
    """The folder with MARC, and beside it CoNLL-2002 and 2003 by their original names."""
    folder = marc
    for number, name in enumerate(("eng", "esp", "deu")):
        for split, rows in (("train", 40), ("testb", 24)):
            write_conll(
                folder / "conll" / f"{name}.{split}",
                sentences(rows, seed=2 * number + (split == "testb")),
                separator=" ",
            )
    return folder
