from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from datasets import Dataset

from isogloss.errors import IsoglossError, IsoglossWarning
from isogloss.labels import LabelMap
from isogloss.tasks import TokenClassification, make_task
from tests.helpers.tokenizers import (
    TEXTS,
    byte_level_tokenizer,
    space_marking_tokenizer,
    unigram_tokenizer,
    wordpiece_tokenizer,
)

BUILDERS = [wordpiece_tokenizer, unigram_tokenizer, byte_level_tokenizer, space_marking_tokenizer]
DATA = Path(os.environ.get("ISOGLOSS_DATA", Path(__file__).parents[3] / "shared" / "data"))


def sentences(tags=None):
    tokens = [text.split() for text in TEXTS]
    given = tags or [["B-X", *["O"] * (len(words) - 1)] for words in tokens]
    return Dataset.from_dict({"tokens": tokens, "tags": given})


def true_ids(encoded):
    return np.concatenate([np.asarray(row["labels"], dtype=np.int64) for row in encoded.dataset])


@pytest.mark.parametrize("build", BUILDERS)
def test_every_word_is_active_at_its_first_piece(build):
    tokenizer = build()
    task = TokenClassification().with_labels_from(sentences())
    encoded = task.encode(sentences(), tokenizer, max_length=128, with_labels=True)
    assert (encoded.truncated, encoded.lost_words) == (0, 0)
    for row, text in zip(encoded.dataset, TEXTS, strict=True):
        # A word's first piece stands where the word begins, or one space before.
        running = tokenizer(text, return_offsets_mapping=True)
        assert row["input_ids"] == running["input_ids"]
        begins = np.cumsum([0, *(len(word) + 1 for word in text.split())])[:-1]
        starts = [running["offset_mapping"][position][0] for position in row["active"]]
        assert set(begins - starts) <= {0, 1}
        assert row["words"] == len(text.split()) == len(row["active"]) == len(row["labels"])
        assert row["active_words"] == list(range(row["words"]))


def test_labels_follow_the_words_not_the_pieces():
    data = Dataset.from_dict({"tokens": [["xyxy", "Anna"]], "tags": [["O", "B-X"]]})
    tokenizer = wordpiece_tokenizer([*TEXTS, "x y"])
    task = TokenClassification().with_labels_from(data)
    row = task.encode(data, tokenizer, max_length=16, with_labels=True).dataset[0]
    assert row["length"] == 2 + 4 + 1
    assert row["active"] == [1, 5]
    assert row["labels"] == [0, 1]


def test_active_positions_do_not_depend_on_labels():
    task = TokenClassification().with_labels_from(sentences())
    tokenizer = byte_level_tokenizer()
    labelled = task.encode(sentences(), tokenizer, max_length=16, with_labels=True)
    bare = sentences().remove_columns("tags")
    unlabelled = TokenClassification().encode(bare, tokenizer, max_length=16, with_labels=False)
    kept = labelled.dataset.remove_columns("labels").to_dict()
    assert unlabelled.dataset.to_dict() == kept


@pytest.mark.parametrize("build", BUILDERS)
@pytest.mark.parametrize("max_length", [4, 9, 128])
def test_decode_inverts_labels_but_for_cut_words(build, max_length):
    task = TokenClassification().with_labels_from(sentences())
    encoded = task.encode(sentences(), build(), max_length=max_length, with_labels=True)
    decoded = task.decode(true_ids(encoded), encoded.dataset)
    rows = zip(decoded, sentences(), encoded.dataset, strict=True)
    for tags, row, sentence in rows:
        seen = len(sentence["active"])
        assert tags == row["tags"][:seen] + ["O"] * (len(row["tags"]) - seen)
    words = sum(len(text.split()) for text in TEXTS)
    assert encoded.lost_words == words - len(true_ids(encoded))
    assert (encoded.truncated > 0) == (encoded.lost_words > 0) == (max_length < 128)


def test_cut_inside_a_word_keeps_the_word():
    data = Dataset.from_dict({"tokens": [["Anna", "xyxy"]], "tags": [["O", "B-X"]]})
    task = TokenClassification().with_labels_from(data)
    tokenizer = wordpiece_tokenizer([*TEXTS, "x y"])
    encoded = task.encode(data, tokenizer, max_length=4, with_labels=True)
    assert (encoded.truncated, encoded.lost_words) == (1, 0)
    assert task.decode(true_ids(encoded), encoded.dataset) == [["O", "B-X"]]


def test_words_without_a_piece_are_not_active_and_decode_as_outside():
    tokens = [["Anna", "\u200b", "lives"], ["\u200b"], ["Berlin"]]
    data = Dataset.from_dict({"tokens": tokens, "tags": [["B-X", "B-X", "B-Y"], ["B-X"], ["B-Y"]]})
    task = TokenClassification().with_labels_from(data)
    encoded = task.encode(data, wordpiece_tokenizer(), max_length=16, with_labels=True)
    assert [row["active_words"] for row in encoded.dataset] == [[0, 2], [], [0]]
    assert [len(row["labels"]) for row in encoded.dataset] == [2, 0, 1]
    assert (encoded.truncated, encoded.lost_words) == (0, 2)
    decoded = task.decode(true_ids(encoded), encoded.dataset)
    assert decoded == [["B-X", "O", "B-Y"], ["O"], ["B-Y"]]


def test_label_ids_over_a_hundred_survive():
    kinds = [f"T{number:03}" for number in range(200)]
    data = Dataset.from_dict(
        {"tokens": [["Anna"]] * 200, "tags": [[f"B-{kind}"] for kind in kinds]}
    )
    task = TokenClassification().with_labels_from(data)
    assert len(task.labels) == 401
    encoded = task.encode(data, wordpiece_tokenizer(), max_length=8, with_labels=True)
    assert true_ids(encoded).tolist() == list(range(1, 401, 2))
    assert task.decode(true_ids(encoded), encoded.dataset) == task.references(data)


@pytest.mark.parametrize(
    ("orphans", "tags"),
    [
        (None, ["B-X", "B-X", "I-X", "B-Y", "B-Y", "I-Y", "O", "B-X", "I-X"]),
        ("begin", ["B-X", "B-X", "I-X", "B-Y", "B-Y", "I-Y", "O", "B-X", "I-X"]),
        ("outside", ["O", "B-X", "I-X", "O", "B-Y", "I-Y", "O", "O", "O"]),
    ],
)
def test_decode_gives_valid_tags(orphans, tags):
    data = Dataset.from_dict({"tokens": [TEXTS[0].split()]})
    task = make_task("token", labels=["O", "B-X", "I-X", "B-Y", "I-Y"], orphan_tags=orphans)
    encoded = task.encode(data, unigram_tokenizer(), max_length=64, with_labels=False)
    decoded = task.decode(np.array([2, 1, 2, 4, 3, 4, 0, 2, 2]), encoded.dataset)
    assert decoded == [tags]


@pytest.mark.parametrize("change", [-1, 1])
def test_decode_refuses_ids_of_other_data(change):
    task = TokenClassification().with_labels_from(sentences())
    encoded = task.encode(sentences(), wordpiece_tokenizer(), max_length=64, with_labels=True)
    count = len(true_ids(encoded)) + change
    with pytest.raises(ValueError, match="flat rows"):
        task.decode(np.zeros(count, dtype=np.int64), encoded.dataset)


def test_iob1_is_converted_over_the_whole_set():
    tags = [["O", "O"], ["I-X", "B-X", "I-Y"], ["I-X", "I-X"]]
    tokens = [["a"] * len(row) for row in tags]
    data = Dataset.from_dict({"tokens": tokens, "tags": tags})
    conforming = TokenClassification().conform(data, name="en.conll")
    assert conforming["tags"][:] == [["O", "O"], ["B-X", "B-X", "B-Y"], ["B-X", "I-X"]]
    assert conforming["tokens"][:] == tokens
    assert conforming.features == data.features
    assert TokenClassification().conform(conforming, name="en.conll") is conforming


def test_iob1_of_selected_rows_keeps_their_order():
    data = Dataset.from_dict({"tokens": [["a"], ["b"], ["c"]], "tags": [["I-X"], ["O"], ["I-Y"]]})
    conforming = TokenClassification().conform(data.select([2, 0]), name="x")
    assert conforming.to_dict() == {"tokens": [["c"], ["a"]], "tags": [["B-Y"], ["B-X"]]}


def test_mixed_tags_stay_with_a_warning():
    data = Dataset.from_dict({"tokens": [["a", "b"]] * 2, "tags": [["B-X", "O"], ["O", "I-X"]]})
    with pytest.warns(IsoglossWarning, match="W201.*row 2"):
        assert TokenClassification().conform(data, name="x") is data


def test_rows_without_tags_conform():
    bare = sentences().remove_columns("tags")
    assert TokenClassification().conform(bare, name="x") is bare
    TokenClassification(labels=LabelMap(("O", "B-X"))).check_labels(bare, name="x")


def test_unknown_scheme_is_refused_with_file_and_row():
    data = Dataset.from_dict({"tokens": [["a"]] * 2, "tags": [["O"], ["U-PER"]]})
    with pytest.raises(IsoglossError, match=r"'U-PER' in row 2 of de\.conll") as error:
        TokenClassification().conform(data, name="de.conll")
    assert error.value.code == "E203"


def test_every_type_has_both_tags_and_outside_is_first():
    data = Dataset.from_dict({"tokens": [["a", "b"]], "tags": [["B-Y", "B-X"]]})
    task = TokenClassification().with_labels_from(data)
    assert task.labels.names == ("O", "B-X", "I-X", "B-Y", "I-Y")


def test_source_without_entities_is_refused():
    data = Dataset.from_dict({"tokens": [["a"]], "tags": [["O"]]})
    with pytest.raises(IsoglossError) as error:
        TokenClassification().with_labels_from(data)
    assert error.value.code == "E201"


def test_target_with_an_unknown_type_is_refused():
    task = TokenClassification().with_labels_from(sentences())
    other = Dataset.from_dict({"tokens": [["a"], ["b", "c"]], "tags": [["O"], ["O", "B-MISC"]]})
    with pytest.raises(IsoglossError, match=r"'B-MISC' in row 2 of de\.conll") as error:
        task.check_labels(other, name="de.conll")
    assert error.value.code == "E202"


def test_prior_counts_words():
    data = Dataset.from_dict(
        {"tokens": [["a", "b"], ["c", "d"]], "tags": [["B-X", "I-X"], ["O", "B-X"]]}
    )
    task = TokenClassification().with_labels_from(data)
    assert task.prior(data).tolist() == [0.25, 0.5, 0.25]


def test_tags_must_be_there_to_be_encoded():
    task = TokenClassification().with_labels_from(sentences())
    bare = sentences().remove_columns("tags")
    with pytest.raises(IsoglossError, match="'tags'") as error:
        task.encode(bare, wordpiece_tokenizer(), max_length=16, with_labels=True)
    assert error.value.code == "E205"


@pytest.mark.skipif(not (DATA / "wikiann").is_dir(), reason=f"no real data in {DATA}")
@pytest.mark.parametrize("language", ["sw", "ur"])
def test_real_tags_survive_the_round_trip(language):
    blocks = (DATA / "wikiann" / f"{language}.validation.conll").read_text("utf-8").split("\n\n")
    rows = [[line.split("\t") for line in block.splitlines()] for block in blocks if block.strip()]
    data = Dataset.from_dict(
        {
            "tokens": [[r[0] for r in row] for row in rows],
            "tags": [[r[-1] for r in row] for row in rows],
        }
    )
    task = TokenClassification().with_labels_from(data)
    assert task.conform(data, name=language) is data
    assert len(task.labels) == 7
    encoded = task.encode(data, byte_level_tokenizer(), max_length=4096, with_labels=True)
    assert encoded.lost_words == 0
    assert task.decode(true_ids(encoded), encoded.dataset) == task.references(data)
