from __future__ import annotations

from isogloss.data.columns import Columns


def test_inputs_are_canonical_names_of_the_users_columns():
    assert Columns(kind="sequence", text="body").inputs == {"text": "body"}
    pair = Columns(kind="pair", text="premise", text_pair="hypothesis")
    assert pair.inputs == {"text": "premise", "text_pair": "hypothesis"}
    assert Columns(kind="token", text="words").inputs == {"tokens": "words"}


def test_a_second_text_is_read_for_pairs_only():
    assert Columns(kind="sequence", text="a", text_pair="b").inputs == {"text": "a"}


def test_the_label_is_tags_for_token_tasks():
    assert Columns(kind="sequence", text="a").target == "label"
    assert Columns(kind="token", text="a").target == "tags"
