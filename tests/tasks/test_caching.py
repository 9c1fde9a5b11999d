from __future__ import annotations

import copy

import pytest
from datasets import Dataset

from isogloss.data.atomic import replacing
from isogloss.errors import IsoglossError
from isogloss.labels import LabelMap
from isogloss.tasks import PairClassification, SequenceClassification, TokenClassification, base
from isogloss.tasks.caching import tokenizer_digest
from tests.helpers.tokenizers import (
    TEXTS,
    byte_level_tokenizer,
    unigram_tokenizer,
    wordpiece_tokenizer,
)

LABELS = ("good", "bad", "good", "fine")
TASKS = {
    "sequence": SequenceClassification(labels=LabelMap(("bad", "fine", "good"))),
    "pair": PairClassification(labels=LabelMap(("bad", "fine", "good"))),
    "token": TokenClassification(labels=LabelMap(("O", "B-X", "I-X"))),
}
ROWS = {
    "sequence": {"text": list(TEXTS), "label": list(LABELS)},
    "pair": {"text": list(TEXTS), "text_pair": list(TEXTS[::-1]), "label": list(LABELS)},
    "token": {
        "tokens": [text.split() for text in TEXTS],
        "tags": [["B-X", *["O"] * (len(text.split()) - 1)] for text in TEXTS],
    },
}


def encode(kind="sequence", rows=None, task=None, tokenizer=None, max_length=10, **settings):
    return (task or TASKS[kind]).encode(
        Dataset.from_dict(rows or ROWS[kind]),
        tokenizer or wordpiece_tokenizer(),
        max_length=max_length,
        **{"with_labels": True, **settings},
    )


@pytest.fixture
def never(monkeypatch):
    """Calls from here on may not encode."""
    return lambda: monkeypatch.setattr(base, "encode_batches", pytest.fail)


@pytest.mark.parametrize("with_labels", [True, False])
@pytest.mark.parametrize("build", [wordpiece_tokenizer, unigram_tokenizer, byte_level_tokenizer])
@pytest.mark.parametrize("kind", TASKS)
def test_kept_rows_are_the_encoded_rows(tmp_path, never, kind, build, with_labels):
    settings = {"tokenizer": build(), "with_labels": with_labels}
    plain = encode(kind, **settings)
    first = encode(kind, **settings, cache=tmp_path)
    never()
    settings["tokenizer"] = copy.deepcopy(settings["tokenizer"])
    again = encode(kind, **settings, cache=tmp_path)
    assert plain.truncated > 0
    assert (plain.lost_words > 0) == (kind == "token")
    for kept in (first, again):
        assert kept.dataset.to_dict() == plain.dataset.to_dict()
        assert kept.dataset.features == plain.dataset.features
        assert (kept.truncated, kept.lost_words) == (plain.truncated, plain.lost_words)
    assert again.dataset.cache_files == [{"filename": str(next(tmp_path.iterdir()))}]
    assert plain.dataset.cache_files == []


def test_whatever_encodes_otherwise_is_another_entry(tmp_path):
    lowercase_off = wordpiece_tokenizer()
    lowercase_off.backend_tokenizer.normalizer.lowercase = False
    one_more = wordpiece_tokenizer()
    one_more.add_tokens(["anna"])
    from_the_left = wordpiece_tokenizer()
    from_the_left.truncation_side = "left"
    rows = ROWS["sequence"]
    variants = [
        {},
        {"rows": {**rows, "text": [*TEXTS[:3], TEXTS[3] + "!"]}},
        {"rows": {name: values[::-1] for name, values in rows.items()}},
        {"rows": {**rows, "label": [*LABELS[:3], "bad"]}},
        {"task": SequenceClassification(labels=LabelMap(("good", "fine", "bad")))},
        {"with_labels": False},
        {"max_length": 9},
        {"tokenizer": unigram_tokenizer()},
        {"tokenizer": lowercase_off},
        {"tokenizer": one_more},
        {"tokenizer": from_the_left},
    ]
    for number, settings in enumerate(variants, start=1):
        kept, plain = encode(**settings, cache=tmp_path), encode(**settings)
        assert kept.dataset.to_dict() == plain.dataset.to_dict(), settings
        assert len(list(tmp_path.iterdir())) == number, settings


def test_labels_that_are_not_encoded_do_not_matter(tmp_path, never):
    encode(with_labels=False, cache=tmp_path)
    never()
    bare = {"text": ROWS["sequence"]["text"]}
    encode(rows=bare, task=SequenceClassification(), with_labels=False, cache=tmp_path)


@pytest.mark.parametrize("damage", ["empty", "cut off", "cut at a batch", "noise", "no counts"])
def test_what_is_not_whole_is_made_again(tmp_path, damage):
    whole = encode(cache=tmp_path)
    file = next(tmp_path.iterdir())
    content = file.read_bytes()
    replacement = {
        "empty": b"",
        "cut off": content[: len(content) // 2],
        # The marker of the end, without which a cut between two batches would go unnoticed.
        "cut at a batch": content[:-8],
        "noise": bytes(range(256)) * 4 + content[-8:],
        "no counts": content.replace(b"isogloss.counts", b"isogloss.nothin"),
    }[damage]
    # A new file, since the old one is still mapped.
    with replacing(file) as new:
        new.write_bytes(replacement)
    again = encode(cache=tmp_path)
    assert again.dataset.to_dict() == whole.dataset.to_dict()
    assert again.truncated == whole.truncated
    assert file.read_bytes() == content
    assert list(tmp_path.iterdir()) == [file]


def test_a_failed_encoding_leaves_no_file(tmp_path):
    with pytest.raises(KeyError):
        encode(rows={"text": list(TEXTS), "label": ["x"] * 4}, cache=tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_cache_that_cannot_be_written(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(IsoglossError) as caught:
        encode(cache=tmp_path / "file")
    assert caught.value.code == "E121"


def test_a_tokenizers_digest_is_of_its_content_and_leaves_it_alone():
    tokenizer = wordpiece_tokenizer()
    before = tokenizer_digest(tokenizer)
    called = tokenizer(list(TEXTS), truncation=True, max_length=6, padding="max_length")
    assert tokenizer_digest(tokenizer) == before == tokenizer_digest(copy.deepcopy(tokenizer))
    assert tokenizer.backend_tokenizer.truncation["max_length"] == 6
    assert tokenizer.backend_tokenizer.padding["length"] == 6
    assert tokenizer(list(TEXTS), truncation=True, max_length=6, padding="max_length") == called
