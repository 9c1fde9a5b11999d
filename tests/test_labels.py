from __future__ import annotations

import dataclasses
import random

import pytest

from isogloss.errors import IsoglossError
from isogloss.labels import LabelMap


def code_of(error: pytest.ExceptionInfo[IsoglossError]) -> str:
    return error.value.code


def test_order_does_not_depend_on_the_rows_order():
    names = ["neutral", "positive", "negative", "positive"]
    for seed in range(5):
        random.Random(seed).shuffle(names)
        assert LabelMap.from_names(names).names == ("negative", "neutral", "positive")


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["10", "9", "1"], ("1", "9", "10")),
        (["+1", "-1", "0"], ("-1", "0", "+1")),
        (["2.5", "10", "2"], ("2", "2.5", "10")),
        (["10", "9", "none"], ("10", "9", "none")),
        (["nan", "1", "inf"], ("1", "inf", "nan")),
        (["1", "01", "1.0"], ("01", "1", "1.0")),
    ],
)
def test_numbers_are_ordered_by_value_and_other_names_by_code_point(names, expected):
    assert LabelMap.from_names(names).names == expected


def test_tags_are_ordered_by_entity_with_outside_first():
    tags = ["I-PER", "B-PER", "I-LOC", "O", "B-LOC", "B-A-B", "I-A-B"]
    ordered = ("O", "B-A-B", "I-A-B", "B-LOC", "I-LOC", "B-PER", "I-PER")
    assert LabelMap.from_names(tags, tags=True).names == ordered


def test_ids_and_names_are_inverse():
    labels = LabelMap(("b", "a", "c"))
    assert len(labels) == 3
    assert [labels.id(name) for name in labels.names] == [0, 1, 2]
    assert [labels.name(index) for index in range(3)] == ["b", "a", "c"]
    with pytest.raises(KeyError):
        labels.id("d")


def test_more_than_a_hundred_labels_keep_their_ids():
    labels = LabelMap.from_names(str(number) for number in range(150))
    assert [labels.id(str(number)) for number in range(150)] == list(range(150))


def test_id2label_round_trip_also_through_string_keys():
    labels = LabelMap(("b", "a", "c"))
    assert LabelMap.from_id2label(labels.id2label) == labels
    assert LabelMap.from_id2label({str(i): n for i, n in labels.id2label.items()}) == labels
    assert labels.label2id == {"b": 0, "a": 1, "c": 2}


def test_map_cannot_be_changed():
    labels = LabelMap(("a", "b"))
    with pytest.raises(dataclasses.FrozenInstanceError):
        labels.names = ("a", "c")


def test_repeated_name_is_refused():
    with pytest.raises(IsoglossError, match="'a' is given twice") as error:
        LabelMap(("a", "b", "a"))
    assert code_of(error) == "E200"


@pytest.mark.parametrize("names", [[], ["a"], ["a", "a"]])
def test_fewer_than_two_classes_are_refused(names):
    with pytest.raises(IsoglossError) as error:
        LabelMap.from_names(names)
    assert code_of(error) == "E201"


@pytest.mark.parametrize("ids", [(1, 2), (0, 2), (-1, 0)])
def test_ids_with_gaps_are_refused(ids):
    with pytest.raises(IsoglossError) as error:
        LabelMap.from_id2label(dict(zip(ids, "ab", strict=True)))
    assert code_of(error) == "E212"


def test_unknown_label_is_refused_with_its_row():
    labels = LabelMap(("a", "b"))
    labels.check(["a", "b", "b"], "de.csv")
    with pytest.raises(IsoglossError, match=r"'c' in row 3 of de\.csv .*a, b") as error:
        labels.check(["a", "b", "c", "d"], "de.csv")
    assert code_of(error) == "E202"


def test_unknown_tag_is_refused_with_its_sentence():
    labels = LabelMap(("O", "B-X"))
    with pytest.raises(IsoglossError) as error:
        labels.check([["O", "B-X"], [], ["O", "I-X"]], "de.conll")
    assert (error.value.fields["row"], error.value.fields["label"]) == (3, "I-X")


def test_message_does_not_list_hundreds_of_names():
    labels = LabelMap.from_names(str(number) for number in range(150))
    with pytest.raises(IsoglossError, match="19 and 130 more"):
        labels.check(["x"], "de.csv")
