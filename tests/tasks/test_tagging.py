from __future__ import annotations

import itertools
import random
import warnings

import numpy as np
import pytest
from seqeval.metrics.sequence_labeling import get_entities
from seqeval.scheme import IOB1, IOB2, Entities

from isogloss.errors import IsoglossError, IsoglossWarning
from isogloss.tasks import tagging

TAGS = ["O", "B-X", "I-X", "B-Y", "I-Y"]


def entities(tags, scheme):
    return [entity.to_tuple()[1:] for entity in Entities([list(tags)], scheme).entities[0]]


def spans_to_iob1(spans, length):
    """Naive writer of IOB1: B only between two touching entities of one type."""
    tags = ["O"] * length
    for before, (start, end, kind) in zip([None, *spans], spans, strict=False):
        touching = before is not None and before[1] == start and before[2] == kind
        tags[start:end] = [f"I-{kind}"] * (end - start)
        if touching:
            tags[start] = f"B-{kind}"
    return tags


def spans_to_iob2(spans, length):
    tags = ["O"] * length
    for start, end, kind in spans:
        tags[start:end] = [f"B-{kind}", *[f"I-{kind}"] * (end - start - 1)]
    return tags


def random_spans(generator):
    spans, start = [], 0
    while start < 12:
        start += generator.choice([0, 0, 1, 2])
        end = start + generator.choice([1, 1, 2, 3])
        spans.append((start, end, generator.choice("XY")))
        start = end
    return spans, start


@pytest.mark.parametrize("tag", ["O", "B", "I", "B-PER", "I-PER", "B-per-son", "I-_"])
def test_iob_tags_are_recognised(tag):
    assert tagging.is_tag(tag)


@pytest.mark.parametrize(
    "tag", ["", "o", "b-PER", "B-", "I-", "S-PER", "E-PER", "U-X", "L-X", "BPER", "PER", "O-X"]
)
def test_other_tags_are_not(tag):
    assert not tagging.is_tag(tag)


def test_every_type_gets_both_tags():
    assert tagging.complete(["I-Y", "B-X", "O"]) == ["O", "B-X", "I-X", "B-Y", "I-Y"]
    assert tagging.complete(["B"]) == ["O", "B", "I"]
    assert tagging.complete([]) == ["O"]


@pytest.mark.parametrize(
    ("sentences", "scheme"),
    [
        ([["O", "O"], []], "IOB2"),
        ([], "IOB2"),
        ([["B-X", "I-X", "O", "B-X"]], "IOB2"),
        ([["B-X", "B-X"]], "IOB2"),
        ([["I-X", "I-X", "O"]], "IOB1"),
        ([["I-X", "B-X", "I-X"]], "IOB1"),
        ([["I-X", "I-Y"]], "IOB1"),
        ([["B-X", "I-Y"], ["O", "I-X"]], "mixed"),
        ([["I-X", "B-Y"]], "mixed"),
        ([["B-X", "O"], ["O", "I-X"]], "mixed"),
        ([["I", "B", "I", "O"]], "IOB1"),
    ],
)
@pytest.mark.filterwarnings("ignore::isogloss.errors.IsoglossWarning")
def test_scheme_is_recognised(sentences, scheme):
    assert tagging.recognise(sentences, where="x") == scheme


def test_one_sentence_far_down_decides_the_whole_set():
    without_entity, iob1 = ["O", "O"], ["O", "I-X"]
    assert tagging.recognise([*[without_entity] * 100, iob1], where="x") == "IOB1"


def test_entity_is_not_continued_across_sentences():
    assert tagging.recognise([["I-X"], ["I-X"]], where="x") == "IOB1"
    assert tagging.recognise([["B-X"], ["B-X"]], where="x") == "IOB2"


def test_mixed_schemes_warn_with_the_first_row():
    with pytest.warns(IsoglossWarning, match=r"W201: de\.conll .* I-X in row 2 .* 2 such"):
        tagging.recognise([["B-X"], ["O", "I-X"], ["I-Y"]], where="de.conll")


@pytest.mark.parametrize("strange", ["S-PER", "U-PER", "L-PER", "E-PER", "NOUN", ""])
def test_other_scheme_is_refused_with_its_row(strange):
    with pytest.raises(IsoglossError, match=r"row 2 of de\.conll") as error:
        tagging.recognise([["O"], ["B-PER", strange], ["X"]], where="de.conll")
    assert error.value.code == "E203"
    assert error.value.fields["tag"] == strange


@pytest.mark.parametrize(
    ("iob1", "iob2"),
    [
        ([], []),
        (["O"], ["O"]),
        (["I-X", "I-X"], ["B-X", "I-X"]),
        (["I-X", "B-X"], ["B-X", "B-X"]),
        (["I-X", "B-X", "I-X"], ["B-X", "B-X", "I-X"]),
        (["I-X", "I-Y", "I-Y"], ["B-X", "B-Y", "I-Y"]),
        (["I-X", "O", "I-X"], ["B-X", "O", "B-X"]),
        (["I-X", "B-X", "B-X", "I-Y"], ["B-X", "B-X", "B-X", "B-Y"]),
        (["I", "I", "B", "O", "I"], ["B", "I", "B", "O", "B"]),
    ],
)
def test_conversion_of_edge_cases(iob1, iob2):
    assert tagging.iob1_to_iob2(iob1) == iob2


def test_conversion_finds_the_entities_that_were_written():
    generator = random.Random(0)
    for _ in range(300):
        spans, length = random_spans(generator)
        assert tagging.iob1_to_iob2(spans_to_iob1(spans, length)) == spans_to_iob2(spans, length)


def test_written_data_is_recognised_as_what_it_is():
    generator = random.Random(1)
    drawn = [random_spans(generator) for _ in range(50)]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert tagging.recognise([spans_to_iob1(*s) for s in drawn], where="x") == "IOB1"
        assert tagging.recognise([spans_to_iob2(*s) for s in drawn], where="x") == "IOB2"


def test_conversion_agrees_with_seqeval_on_all_iob1_sentences_of_five_words():
    checked = 0
    for tags in itertools.product(TAGS, repeat=5):
        before = ["O", *tags[:-1]]
        if any(t[0] == "B" and b[2:] != t[2:] for b, t in zip(before, tags, strict=True)):
            continue
        checked += 1
        assert entities(tagging.iob1_to_iob2(tags), IOB2) == entities(tags, IOB1)
    assert checked > 200


def test_orphans_begin_what_the_conll_evaluation_finds():
    for tags in itertools.product(TAGS, repeat=5):
        begun = tagging.repair(tags)
        assert tagging.recognise([begun], where="x") == "IOB2"
        # seqeval's default mode is that of the CoNLL evaluation.
        found = [(kind, start, end + 1) for kind, start, end in get_entities(list(tags))]
        assert entities(begun, IOB2) == found
        assert [new[2:] for new in begun] == [old[2:] for old in tags]
        assert tagging.repair(tags, "outside") == tagging.drop_orphans(tags)


@pytest.mark.parametrize(
    "names", [TAGS, ["I-Y", "B-X", "O", "I-X", "B-Y"], ["O", "B-X", "I-X", "I-Y"], ["O", "B", "I"]]
)
def test_revised_logits_give_the_repaired_tags(names):
    rng = np.random.default_rng(0)
    logits = rng.normal(size=(900, len(names))).astype(np.float32)
    sentences = np.sort(rng.integers(0, 300, size=900))
    revised = tagging.begin_orphans(logits, sentences, names=names)
    assert revised.dtype == logits.dtype
    # Each row has its logits, two of them in each other's place at most.
    np.testing.assert_array_equal(np.sort(revised, axis=1), np.sort(logits, axis=1))
    changed = 0
    for sentence in np.unique(sentences):
        places = sentences == sentence
        before, after = (
            [names[i] for i in rows[places].argmax(axis=1)] for rows in (logits, revised)
        )
        wanted = tagging.repair(before)
        # A type without a B tag is left as it is.
        both = zip(before, wanted, strict=True)
        assert after == [new if new in names else old for old, new in both]
        kept = [old == new for old, new in zip(before, after, strict=True)]
        np.testing.assert_array_equal(logits[places][kept], revised[places][kept])
        changed += len(kept) - sum(kept)
    assert changed > 50
    np.testing.assert_array_equal(tagging.begin_orphans(revised, sentences, names=names), revised)
    assert tagging.begin_orphans(logits[:0], sentences[:0], names=names).shape == (0, len(names))


def test_orphans_go_and_the_strict_entities_stay():
    for tags in itertools.product(TAGS, repeat=5):
        kept = tagging.drop_orphans(tags)
        assert tagging.recognise([kept], where="x") == "IOB2"
        assert entities(kept, IOB2) == entities(tags, IOB2)
        assert all(new in (old, "O") for old, new in zip(tags, kept, strict=True))


def test_valid_tags_are_kept():
    tags = ["B-X", "I-X", "B-X", "O", "B-Y"]
    assert tagging.drop_orphans(tags) == tags == tagging.repair(tags)
