from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from isogloss.cli.facts import read_belief, read_bounds, read_facts, read_order
from isogloss.errors import IsoglossError

NONE: dict[str, Any] = {
    "bounds": [],
    "order": [],
    "belief": None,
    "strength": None,
    "labelled": None,
}


def code_of(call: Any, *arguments: Any, **options: Any) -> str:
    with pytest.raises(IsoglossError) as caught:
        call(*arguments, **options)
    return caught.value.code


def test_bounds() -> None:
    bounds = read_bounds(["good=0.1:0.3", "B-LOC=.05", "a=b:c=0:1"])
    assert bounds == {"good": (0.1, 0.3), "B-LOC": (0.05, 0.05), "a=b:c": (0.0, 1.0)}


@pytest.mark.parametrize(
    "text", ["", "good", "=0.5", "good=", "good=a:b", "good=0.1:", "good=:0.1", "x=nan", "x=0:inf"]
)
def test_what_is_no_bound(text: str) -> None:
    assert code_of(read_bounds, [text]) == "E646"


def test_a_label_is_bounded_once() -> None:
    assert code_of(read_bounds, ["a=0:1", "a=0.5"]) == "E649"


def test_order() -> None:
    assert read_order("a>=b") == ("a", "b")
    assert read_order("very good >= good") == ("very good", "good")


@pytest.mark.parametrize("text", ["a", "a>b", "a>=", ">=b", "a>=b>=c"])
def test_what_is_no_order(text: str) -> None:
    assert code_of(read_order, text) == "E647"


def test_belief_in_words_and_in_a_file(tmp_path: Path) -> None:
    shares = {"1": 0.25, "a=b": 0.75}
    assert read_belief("1=0.25, a=b=0.75") == shares
    (tmp_path / "belief.json").write_text(json.dumps(shares), "utf-8")
    assert read_belief(str(tmp_path / "belief.json")) == shares


@pytest.mark.parametrize("text", ["", "a", "a=0.5,b", "a=0.5,a=0.5", "a=x"])
def test_what_is_no_belief(text: str) -> None:
    assert code_of(read_belief, text) == "E648"


@pytest.mark.parametrize("text", ["[0.5]", "{", '{"a": "x"}', '{"a": true}', '{"a": NaN}', "\xff"])
def test_what_is_no_file_of_a_belief(tmp_path: Path, text: str) -> None:
    path = tmp_path / "belief.json"
    path.write_bytes(text.encode("latin-1"))
    assert code_of(read_belief, str(path)) == "E648"
    assert code_of(read_belief, str(tmp_path / "nowhere.json")) == "E101"


def test_belief_and_strength_go_together() -> None:
    assert code_of(read_facts, **(NONE | {"belief": "a=1"})) == "E425"
    assert code_of(read_facts, **(NONE | {"strength": 5.0})) == "E425"
    facts = read_facts(**(NONE | {"belief": "a=1", "strength": 5.0, "order": ["a>=b"]}))
    assert (facts.belief, facts.strength, facts.order) == ({"a": 1.0}, 5.0, (("a", "b"),))
