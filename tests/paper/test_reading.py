"""Every form in which the corpora lie in folders, and the hub behind a stand-in."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import datasets
import pytest

from isogloss.errors import IsoglossError
from isogloss.paper.reading import HUB, read_split
from isogloss.tasks import make_task
from tests.paper.conftest import pairs, reviews, sentences, write_conll

REVIEWS = reviews(10, seed=0)
PAIRS = pairs(9, seed=0)
SENTENCES = sentences(8, seed=0)


def read(folder: Path, corpus: str, language: str, split: str = "train") -> dict[str, list[Any]]:
    columns: dict[str, list[Any]] = read_split(str(folder), corpus, language, split).to_dict()
    return columns


def code_of(*arguments: Any) -> str:
    with pytest.raises(IsoglossError) as caught:
        read_split(*arguments)
    return caught.value.code


def write_cells(path: Path, rows: list[list[str]], *, delimiter: str = ",") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file, delimiter=delimiter).writerows(rows)


def write_json(path: Path, rows: list[dict[str, Any]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")


@pytest.mark.parametrize(
    ("name", "rows"),
    [
        ("de.train.csv", [["text", "label"], *([text, stars] for stars, text in REVIEWS)]),
        ("de.train.csv", [["stars", "review_body"], *map(list, REVIEWS)]),
        ("de.train.csv", [*map(list, REVIEWS)]),
        ("de.train.csv", [[text, stars] for stars, text in REVIEWS]),
        ("marc/de.train.csv", [[stars, "a title", text] for stars, text in REVIEWS]),
        (
            "train.csv",
            [
                ["", "language", "stars", "review_body"],
                *(["7", "en", "1", "other"] for _ in range(3)),
                *(["8", "de", stars, text] for stars, text in REVIEWS),
            ],
        ),
    ],
)
def test_marc_in_cells(tmp_path: Path, name: str, rows: list[list[str]]) -> None:
    write_cells(tmp_path / name, rows)
    found = read(tmp_path, "marc", "de")
    assert found == {"text": [text for _, text in REVIEWS], "label": [s for s, _ in REVIEWS]}


@pytest.mark.parametrize("folder", ["", "dev/", "json/dev/"])
def test_marc_in_json_lines(tmp_path: Path, folder: str) -> None:
    rows = [{"stars": int(stars), "review_body": text} for stars, text in REVIEWS]
    write_json(tmp_path / f"{folder}dataset_ja_dev.json", rows)
    found = read(tmp_path, "marc", "ja", "validation")
    assert found == {"text": [text for _, text in REVIEWS], "label": [s for s, _ in REVIEWS]}


@pytest.mark.parametrize("name", ["de.train.tsv", "multinli.train.de.tsv", "train-de.tsv"])
@pytest.mark.parametrize("header", [True, False])
def test_xnli_in_cells(tmp_path: Path, name: str, header: bool) -> None:
    rows = [[one, other, label] for label, one, other in PAIRS]
    if header:
        rows.insert(0, ["premise", "hypothesis" if "train-" in name else "hypo", "label"])
    write_cells(tmp_path / "xnli" / name, rows, delimiter="\t")
    found = read(tmp_path, "xnli", "de")
    assert list(zip(found["label"], found["text"], found["text_pair"], strict=True)) == PAIRS


def test_xnli_with_quotes_that_are_characters(tmp_path: Path) -> None:
    text = 'premise\thypo\tlabel\nHe said "no\tHe "spoke" up\tcontradictory\n' + "a\tb\tneutral\n"
    (tmp_path / "multinli.train.fr.tsv").write_text(text, "utf-8")
    found = read(tmp_path, "xnli", "fr")
    assert found["text"] == ['He said "no', "a"]
    assert found["text_pair"] == ['He "spoke" up', "b"]
    assert found["label"] == ["contradiction", "neutral"]


def test_xnli_translations_of_xtreme(tmp_path: Path) -> None:
    rows = [["english", "words", one, other, label] for label, one, other in PAIRS]
    write_cells(tmp_path / "translate-train/en-sw-translated.tsv", rows, delimiter="\t")
    found = read(tmp_path, "xnli", "sw")
    assert list(zip(found["label"], found["text"], found["text_pair"], strict=True)) == PAIRS


def test_xnli_test_file_of_all_languages(tmp_path: Path) -> None:
    head = ["language", "gold_label", "sentence1_binary_parse", "sentence1", "sentence2", "genre"]
    rows = [[code, *PAIRS[n][:1], "(", *PAIRS[n][1:], "x"] for n in (0, 1) for code in ("de", "ar")]
    write_cells(tmp_path / "XNLI-1.0" / "xnli.test.tsv", [head, *rows], delimiter="\t")
    found = read(tmp_path, "xnli", "ar", "test")
    assert list(zip(found["label"], found["text"], found["text_pair"], strict=True)) == PAIRS[:2]
    assert code_of(str(tmp_path), "xnli", "th", "test") == "E815"


def test_conll_by_its_original_names_in_latin_1(tmp_path: Path) -> None:
    text = "-DOCSTART- -DOCSTART- O\n\nÖl NN I-NP B-ORG\nfür APPR I-PC O\n\nMünchen NE I-NC B-LOC\n"
    (tmp_path / "deu.testb").write_bytes(text.replace("-DOCSTART- O", "-X- O O").encode("latin-1"))
    found = read(tmp_path, "conll", "de", "test")
    assert found == {"tokens": [["Öl", "für"], ["München"]], "tags": [["B-ORG", "O"], ["B-LOC"]]}


def test_conll_in_iob1_is_recognised_by_the_task(tmp_path: Path) -> None:
    text = "EU NNP I-NP I-ORG\nrejects VBZ I-VP O\nGerman JJ I-NP I-MISC\n\nPeter NNP I-NP I-PER\n"
    (tmp_path / "eng.train").write_text(text, "utf-8")
    rows = read_split(str(tmp_path), "conll", "en", "train")
    tags = make_task("token").conform(rows, name="eng.train")["tags"]
    assert list(tags) == [["B-ORG", "O", "B-MISC"], ["B-PER"]]


@pytest.mark.parametrize(
    ("name", "prefix"),
    [
        ("ur.train.conll", ""),
        ("train-ur.tsv", ""),
        ("panx/train-ur.tsv", ""),
        ("wikiann/ur/train", "ur:"),
        ("panx_dataset/ur/train", "ur:"),
    ],
)
def test_wikiann(tmp_path: Path, name: str, prefix: str) -> None:
    write_conll(tmp_path / name, SENTENCES, prefix=prefix)
    found = read(tmp_path, "wikiann", "ur")
    assert found["tokens"] == [[word for word, _ in row] for row in SENTENCES]
    assert found["tags"] == [[tag for _, tag in row] for row in SENTENCES]


def test_the_corpus_s_own_folder_goes_first(tmp_path: Path) -> None:
    write_cells(tmp_path / "de.train.csv", [["text", "label"], ["another corpus", "1"]])
    write_cells(tmp_path / "marc" / "de.train.csv", [["text", "label"], ["ours", "2"]])
    assert read(tmp_path, "marc", "de")["text"] == ["ours"]


def test_e801_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(IsoglossError, match=r"^E801.*esp\.testb") as caught:
        read_split(str(tmp_path), "conll", "es", "test")
    assert "'es'" in str(caught.value)


def test_e804_a_label_of_another_corpus(tmp_path: Path) -> None:
    write_cells(tmp_path / "de.train.csv", [["text", "label"], ["good", "5"], ["bad", "0"]])
    with pytest.raises(IsoglossError, match=r"^E804: de.train.csv, row 2: '0'"):
        read_split(str(tmp_path), "marc", "de", "train")


def test_e813_a_folder_that_is_not_there(tmp_path: Path) -> None:
    assert code_of(str(tmp_path / "none"), "marc", "de", "train") == "E813"


def test_e814_a_file_without_header_and_label(tmp_path: Path) -> None:
    write_cells(tmp_path / "de.train.csv", [["a", "b"], ["c", "d"]])
    assert code_of(str(tmp_path), "marc", "de", "train") == "E814"


class Hub:
    """Stands in for `datasets.load_dataset`."""

    def __init__(self, rows: datasets.Dataset | Exception) -> None:
        self.rows = rows
        self.asked: list[tuple[Any, ...]] = []

    def __call__(self, name: str, config: str | None, **options: Any) -> datasets.Dataset:
        self.asked.append((name, config, options["split"], options["revision"]))
        if isinstance(self.rows, Exception):
            raise self.rows
        return self.rows


def test_from_the_hub(monkeypatch: pytest.MonkeyPatch) -> None:
    names = ["entailment", "neutral", "contradiction"]
    features = datasets.Features(
        premise=datasets.Value("string"),
        hypothesis=datasets.Value("string"),
        label=datasets.ClassLabel(names=names),
    )
    columns = {"premise": ["a", "b"], "hypothesis": ["c", "d"], "label": [2, 0]}
    hub = Hub(datasets.Dataset.from_dict(columns, features=features))
    monkeypatch.setattr(datasets, "load_dataset", hub)
    found = read_split(HUB, "xnli", "sw", "test").to_dict()
    assert found["label"] == ["contradiction", "entailment"]
    assert hub.asked == [("facebook/xnli", "sw", "test", None)]


def test_tags_from_the_hub(monkeypatch: pytest.MonkeyPatch) -> None:
    tags = datasets.List(datasets.ClassLabel(names=["O", "B-PER", "I-PER"]))
    features = datasets.Features(tokens=datasets.List(datasets.Value("string")), ner_tags=tags)
    columns = {"tokens": [["Anna", "Smith", "sang"]], "ner_tags": [[1, 2, 0]]}
    hub = Hub(datasets.Dataset.from_dict(columns, features=features))
    monkeypatch.setattr(datasets, "load_dataset", hub)
    assert read_split(HUB, "conll", "es", "train")["tags"][0] == ["B-PER", "I-PER", "O"]
    assert hub.asked == [("eriktks/conll2002", "es", "train", "refs/convert/parquet")]


def test_the_hub_s_refusal_names_the_data(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(datasets, "load_dataset", Hub(ConnectionError("no route\nat all")))
    with pytest.raises(IsoglossError, match=r"^E118: unimelb-nlp/wikiann:ur .*no route\)"):
        read_split(HUB, "wikiann", "ur", "train")


def test_e802_marc_was_withdrawn() -> None:
    with pytest.raises(IsoglossError, match=r"^E802: the Multilingual Amazon Reviews.*--data"):
        read_split(HUB, "marc", "de", "train")


def test_e803_german_conll_is_not_on_the_hub() -> None:
    assert code_of(HUB, "conll", "de", "train") == "E803"
