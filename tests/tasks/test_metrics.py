from __future__ import annotations

import random
import warnings

import numpy as np
import pytest

from isogloss.tasks.metrics import classification_metrics, tagging_metrics

TAGS = ["O", "B-X", "I-X", "B-Y", "I-Y"]


def naive_macro_f1(references, predictions):
    scores = []
    for name in set(references) | set(predictions):
        hits = sum(r == p == name for r, p in zip(references, predictions, strict=True))
        scores.append(2 * hits / (references.count(name) + predictions.count(name)))
    return float(np.mean(scores))


def naive_spans(sentences):
    found = set()
    for number, tags in enumerate(sentences):
        for start, tag in enumerate(tags):
            if tag[0] != "B":
                continue
            end = start + 1
            while end < len(tags) and tags[end] == f"I-{tag[2:]}":
                end += 1
            found.add((number, start, end, tag[2:]))
    return found


def test_classification_agrees_with_the_definition():
    generator = random.Random(0)
    for _ in range(20):
        references = generator.choices("abc", weights=(5, 2, 1), k=40)
        predictions = generator.choices("abcd", k=40)
        scores = classification_metrics(references, predictions)
        right = sum(r == p for r, p in zip(references, predictions, strict=True))
        assert scores["accuracy"] == pytest.approx(right / 40)
        assert scores["macro_f1"] == pytest.approx(naive_macro_f1(references, predictions))


def test_tagging_agrees_with_the_definition():
    generator = random.Random(0)
    for _ in range(20):
        lengths = [generator.randrange(6) for _ in range(30)]
        references = [generator.choices(TAGS, k=n) for n in lengths]
        predictions = [
            [tag if generator.random() < 0.7 else generator.choice(TAGS) for tag in tags]
            for tags in references
        ]
        true, guessed = naive_spans(references), naive_spans(predictions)
        scores = tagging_metrics(references, predictions)
        assert scores["precision"] == pytest.approx(len(true & guessed) / len(guessed))
        assert scores["recall"] == pytest.approx(len(true & guessed) / len(true))
        assert scores["f1"] == pytest.approx(2 * len(true & guessed) / (len(true) + len(guessed)))
        right = np.concatenate(references) == np.concatenate(predictions)
        assert scores["accuracy"] == pytest.approx(right.mean())


@pytest.mark.parametrize(
    ("references", "predictions"),
    [
        ([["O", "O"]], [["O", "O"]]),
        ([["O", "O"]], [["B-X", "O"]]),
        ([["B-X", "O"]], [["O", "O"]]),
        ([[]], [[]]),
    ],
)
def test_no_entity_scores_zero_without_a_warning(references, predictions):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        scores = tagging_metrics(references, predictions)
    assert (scores["precision"], scores["recall"], scores["f1"]) == (0, 0, 0)


def test_wrong_boundary_or_type_is_no_hit():
    reference = [["B-X", "I-X", "O"]]
    for prediction in (["B-X", "O", "O"], ["B-X", "I-X", "I-X"], ["B-Y", "I-Y", "O"]):
        assert tagging_metrics(reference, [prediction])["f1"] == 0
    assert tagging_metrics(reference, reference)["f1"] == 1


def test_sentences_of_different_length_are_refused():
    with pytest.raises(ValueError):
        tagging_metrics([["O", "O"]], [["O"]])
