from __future__ import annotations

import numpy as np
import pytest
from datasets import Dataset

from isogloss.errors import IsoglossError
from isogloss.labels import LabelMap
from isogloss.tasks import PairClassification, SequenceClassification, make_task
from tests.helpers.tokenizers import TEXTS, unigram_tokenizer, wordpiece_tokenizer

SHORT = 8


def texts(labels=("good", "bad", "good", "fine")):
    return Dataset.from_dict({"text": list(TEXTS), "label": list(labels)})


def pairs():
    columns = {"text": list(TEXTS), "text_pair": list(TEXTS[::-1]), "label": list("abca")}
    return Dataset.from_dict(columns)


@pytest.mark.parametrize("build", [wordpiece_tokenizer, unigram_tokenizer])
def test_encoding_is_what_the_tokenizer_says(build):
    tokenizer = build()
    task = SequenceClassification().with_labels_from(texts())
    encoded = task.encode(texts(), tokenizer, max_length=64, with_labels=True)
    assert encoded.truncated == encoded.lost_words == 0
    for row, text in zip(encoded.dataset, TEXTS, strict=True):
        assert row["input_ids"] == tokenizer(text)["input_ids"]
        assert row["length"] == len(row["input_ids"])
        assert row["active"] == [0]
    assert [row["labels"] for row in encoded.dataset] == [[2], [0], [2], [1]]
    assert ("token_type_ids" in encoded.dataset.column_names) == (build is wordpiece_tokenizer)


def test_pairs_keep_both_texts_and_their_types():
    tokenizer = wordpiece_tokenizer()
    task = PairClassification().with_labels_from(pairs())
    encoded = task.encode(pairs(), tokenizer, max_length=64, with_labels=True)
    for row, first, second in zip(encoded.dataset, TEXTS, TEXTS[::-1], strict=True):
        expected = tokenizer(first, second)
        assert row["input_ids"] == expected["input_ids"]
        assert row["token_type_ids"] == expected["token_type_ids"]
        assert set(row["token_type_ids"]) == {0, 1}


def test_long_texts_are_cut_and_counted():
    data = Dataset.from_dict({"text": ["anna", TEXTS[1], TEXTS[3]]})
    tokenizer = wordpiece_tokenizer()
    encoded = SequenceClassification().encode(data, tokenizer, max_length=SHORT, with_labels=False)
    assert encoded.truncated == 2
    assert encoded.dataset["length"][:] == [3, SHORT, SHORT]
    assert all(row["input_ids"][-1] == tokenizer.sep_token_id for row in encoded.dataset)


def test_pairs_are_cut_from_the_longer_text_first():
    data = Dataset.from_dict({"text": [TEXTS[1]], "text_pair": ["anna lives"]})
    tokenizer = wordpiece_tokenizer()
    encoded = PairClassification().encode(data, tokenizer, max_length=10, with_labels=False)
    tokens = tokenizer.convert_ids_to_tokens(encoded.dataset[0]["input_ids"])
    assert encoded.truncated == 1
    assert len(tokens) == 10
    assert tokens[-3:] == ["anna", "lives", "[SEP]"]


def test_unlabelled_rows_are_encoded_without_labels():
    task = SequenceClassification()
    data = texts().remove_columns("label")
    encoded = task.encode(data, wordpiece_tokenizer(), max_length=16, with_labels=False)
    assert "labels" not in encoded.dataset.column_names
    assert len(encoded.dataset) == 4


def test_selected_rows_keep_their_order_over_many_batches():
    many = Dataset.from_dict({"text": ["anna"] * 2500, "label": [str(i) for i in range(2500)]})
    chosen = many.select(range(2499, -1, -1))
    task = SequenceClassification().with_labels_from(many)
    encoded = task.encode(chosen, wordpiece_tokenizer(), max_length=8, with_labels=True)
    assert [row["labels"][0] for row in encoded.dataset] == list(range(2499, -1, -1))


def test_an_empty_set_is_encoded_to_an_empty_set():
    empty = texts().select([])
    task = SequenceClassification(labels=LabelMap(("bad", "good")))
    encoded = task.encode(empty, wordpiece_tokenizer(), max_length=8, with_labels=True)
    assert len(encoded.dataset) == 0
    assert "input_ids" in encoded.dataset.column_names


def test_decode_inverts_labels():
    task = SequenceClassification().with_labels_from(texts())
    encoded = task.encode(texts(), wordpiece_tokenizer(), max_length=16, with_labels=True)
    ids = np.concatenate([row["labels"] for row in encoded.dataset])
    decoded = task.decode(ids, encoded.dataset)
    assert decoded == task.references(texts()) == ["good", "bad", "good", "fine"]
    assert task.metrics(task.references(texts()), decoded)[task.headline] == 1
    with pytest.raises(ValueError, match="4 flat rows"):
        task.decode(ids[:3], encoded.dataset)


def test_prior_is_the_share_of_each_class():
    task = SequenceClassification(labels=LabelMap(("bad", "fine", "good", "poor")))
    assert task.prior(texts()).tolist() == [0.25, 0.25, 0.5, 0]
    with pytest.raises(IsoglossError) as error:
        task.prior(texts().select([]))
    assert error.value.code == "E213"


def test_target_labels_are_checked_and_never_rebuild_the_map():
    task = SequenceClassification().with_labels_from(texts())
    task.check_labels(texts(("bad",) * 4), name="de.csv")
    task.check_labels(texts().remove_columns("label"), name="de.csv")
    with pytest.raises(IsoglossError, match=r"row 3 of de\.csv") as error:
        task.check_labels(texts(("bad", "good", "poor", "x")), name="de.csv")
    assert error.value.code == "E202"
    assert task.labels.names == ("bad", "fine", "good")


def test_labels_may_be_given_in_an_order_of_their_own():
    task = make_task("sequence", labels=["good", "bad"])
    assert task.labels == LabelMap(("good", "bad"))
    assert task.with_labels_from(LabelMap(("x", "y"))).labels.names == ("x", "y")
    assert SequenceClassification().labels is None


def test_conform_leaves_rows_as_they_are():
    assert SequenceClassification().conform(texts(), name="x").to_dict() == texts().to_dict()


def test_labels_must_be_known_and_there_to_be_encoded():
    settings = {"max_length": 16, "with_labels": True}
    with pytest.raises(IsoglossError) as error:
        SequenceClassification().encode(texts(), wordpiece_tokenizer(), **settings)
    assert error.value.code == "E204"
    task = SequenceClassification().with_labels_from(texts())
    bare = texts().remove_columns("label")
    for call in (
        lambda: task.encode(bare, wordpiece_tokenizer(), **settings),
        lambda: task.with_labels_from(bare),
        lambda: task.references(bare),
        lambda: task.prior(bare),
    ):
        with pytest.raises(IsoglossError, match=r"'label'.*there are text") as error:
            call()
        assert error.value.code == "E205"


@pytest.mark.parametrize(("task", "least"), [("sequence", 3), ("pair", 5)])
def test_max_length_must_leave_room_for_text(task, least):
    task, data, tokenizer = make_task(task), pairs(), wordpiece_tokenizer()
    encoded = task.encode(data, tokenizer, max_length=least, with_labels=False)
    assert encoded.dataset["length"][:] == [least] * 4
    with pytest.raises(IsoglossError, match=f"at least {least}") as error:
        task.encode(data, tokenizer, max_length=least - 1, with_labels=False)
    assert error.value.code == "E206"


def test_slow_tokenizer_is_refused():
    class Slow:
        is_fast = False

    with pytest.raises(IsoglossError, match="Slow") as error:
        SequenceClassification().encode(texts(), Slow(), max_length=16, with_labels=False)
    assert error.value.code == "E207"
