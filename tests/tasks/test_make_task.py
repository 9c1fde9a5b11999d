from __future__ import annotations

import pytest

from isogloss.data.columns import Columns
from isogloss.errors import IsoglossError
from isogloss.tasks import make_task


@pytest.mark.parametrize(
    ("settings", "columns"),
    [
        ({"kind": "sequence"}, Columns(kind="sequence", text="text", label="label")),
        (
            {"kind": "sequence", "text": "review", "label": "stars"},
            Columns(kind="sequence", text="review", label="stars"),
        ),
        (
            {"kind": "pair", "text": "premise", "text_pair": "hypothesis"},
            Columns(kind="pair", text="premise", text_pair="hypothesis", label="label"),
        ),
        (
            {"kind": "pair"},
            Columns(kind="pair", text="text", text_pair="text_pair", label="label"),
        ),
        ({"kind": "token"}, Columns(kind="token", text="tokens", label="tags")),
        (
            {"kind": "token", "text": "words", "label": "ner"},
            Columns(kind="token", text="words", label="ner"),
        ),
    ],
)
def test_settings_become_columns(settings, columns):
    task = make_task(**settings)
    assert task.columns == columns
    assert task.kind == columns.kind


def test_headline_is_a_metric_of_the_task():
    assert make_task("sequence").headline in make_task("sequence").metrics(["a"], ["a"])
    assert make_task("token").headline in make_task("token").metrics([["O"]], [["O"]])


@pytest.mark.parametrize(
    ("settings", "code"),
    [
        ({"kind": "regression"}, "E208"),
        ({"kind": "sequence", "text_pair": "b"}, "E209"),
        ({"kind": "token", "text_pair": "b"}, "E209"),
        ({"kind": "sequence", "labels": ["a", "a"]}, "E200"),
        ({"kind": "sequence", "labels": ["a"]}, "E201"),
        ({"kind": "token", "labels": ["O", "NOUN"]}, "E210"),
        ({"kind": "token", "labels": ["B-X", "I-X"]}, "E211"),
        ({"kind": "token", "orphan_tags": "inside"}, "E640"),
    ],
)
def test_unfit_settings_are_refused(settings, code):
    with pytest.raises(IsoglossError) as error:
        make_task(**settings)
    assert error.value.code == code
