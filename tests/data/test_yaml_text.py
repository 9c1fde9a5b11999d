from __future__ import annotations

import pytest
import yaml

from isogloss.data import yaml_text
from isogloss.data.yaml_text import load_yaml

LAUGHS = "a: &a [x, x]\n" + "".join(
    f"{new}: &{new} [{', '.join([f'*{old}'] * 10)}]\n"
    for old, new in zip("abcdefghi", "bcdefghij", strict=True)
)
MERGES = "a: &a {x: 1}\n" + "".join(
    f"{new}: &{new} {{<<: [{', '.join([f'*{old}'] * 10)}]}}\n"
    for old, new in zip("abcdefghi", "bcdefghij", strict=True)
)


@pytest.mark.parametrize(
    "text",
    [
        LAUGHS,
        MERGES,
        "a: &a [*a]",
        "a: " + "[" * 5_000,
        "a: !!python/object/apply:os.getcwd []",
        "a: !!python/name:os.getcwd",
        "a: 2001-99-99",
        "a: !!timestamp noon",
        "a: !!int ten",
        "a: !!int ''",
        "a: !!float ten",
        "a: !!bool maybe",
        "a: !!binary é",
        "a: 0b_",
        "a: 0x_",
        "a: " + "9" * 5_000,
        '"\\ud800": 1',
        "? [a]\n: b",
        "a: b: c",
        "a: 1\n---\nb: 2",
        "a: \0",
    ],
)
def test_anything_else_is_an_error_of_the_reader(text: str) -> None:
    with pytest.raises(yaml.YAMLError):
        load_yaml(text)


def test_aliases_and_merges_of_a_settings_file_work() -> None:
    text = "base: &base {epochs: 2}\nfinetune: {<<: *base, seed: 1}\niwda: *base\n"
    found = load_yaml(text)
    assert found["finetune"] == {"epochs": 2, "seed": 1}
    assert found["iwda"] == {"epochs": 2}


def test_the_text_may_not_be_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(yaml_text, "LONGEST", 5)
    with pytest.raises(yaml.YAMLError, match="5 characters"):
        load_yaml("a: bcd")


@pytest.mark.parametrize(("text", "value"), [("", None), ("a: 'C:\\udale'", {"a": "C:\\udale"})])
def test_plain_values(text: str, value: object) -> None:
    assert load_yaml(text) == value
