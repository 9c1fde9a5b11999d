"""Every message is used, tested, complete and one sentence; every public name is documented."""

from __future__ import annotations

import ast
import pickle
import re
from pathlib import Path
from string import Formatter

import pytest

import isogloss
from isogloss.errors import ERRORS, WARNINGS, IsoglossError, IsoglossWarning, noted_warnings, warn

SOURCE = Path(isogloss.__file__).parent
MESSAGES = ERRORS | WARNINGS
# What raises a code: the name called -> what it adds to the fields by itself.
RAISERS = {"IsoglossError": set(), "warn": set(), "coded": {"reason"}}


def fields_of(code: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(MESSAGES[code]) if name}


def texts_of(folder: Path) -> dict[str, str]:
    own = (Path(__file__).name, "errors.py", "messages.py")
    return {str(p): p.read_text("utf-8") for p in folder.rglob("*.py") if p.name not in own}


def raising_calls() -> list[tuple[str, str, set[str]]]:
    """Place, code and fields of every call that names its code and all of its fields."""
    found = []
    for path, text in texts_of(SOURCE).items():
        for node in ast.walk(ast.parse(text)):
            if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name):
                continue
            code = node.args[0] if node.args else None
            if node.func.id not in RAISERS or not isinstance(code, ast.Constant):
                continue
            given = {keyword.arg for keyword in node.keywords}
            if None not in given:
                names = {name for name in given if name} | RAISERS[node.func.id]
                found.append((f"{path}:{node.lineno}", str(code.value), names - {"stacklevel"}))
    return found


@pytest.mark.parametrize("code", MESSAGES)
def test_every_code_is_raised_and_tested(code: str) -> None:
    raised, tested = f'"{code}"', re.compile(rf"\b{code}\b|_{code.lower()}_")
    assert any(raised in text for text in texts_of(SOURCE).values())
    assert any(tested.search(text) for text in texts_of(Path(__file__).parent).values())


def test_every_code_that_is_raised_has_a_message() -> None:
    raised = {
        code for text in texts_of(SOURCE).values() for code in re.findall(r'"([EW]\d{3})"', text)
    }
    assert raised <= set(MESSAGES)


def test_every_message_gets_its_fields() -> None:
    calls = raising_calls()
    assert len(calls) > 100
    wrong = [(place, code) for place, code, given in calls if not fields_of(code) <= given]
    assert wrong == []


@pytest.mark.parametrize("code", MESSAGES)
def test_every_message_is_one_sentence(code: str) -> None:
    shown = MESSAGES[code].format(**{name: _Anything() for name in fields_of(code)})
    assert shown.endswith(".")
    assert not shown.endswith("..")
    assert "\n" not in shown
    assert not re.search(r"[.!?]\s+[A-Z]", shown), shown


def test_codes_are_ordered_by_range() -> None:
    assert all(re.fullmatch(r"E[1-8]\d\d", code) for code in ERRORS)
    assert all(re.fullmatch(r"W[1-8]\d\d", code) for code in WARNINGS)
    assert list(ERRORS) == sorted(ERRORS)


def test_an_error_carries_its_code_also_across_processes() -> None:
    error = pickle.loads(pickle.dumps(IsoglossError("E101", path="a.csv")))
    assert (error.code, error.fields) == ("E101", {"path": "a.csv"})
    assert str(error).startswith("E101: a.csv does not exist")


def test_a_warning_begins_with_its_code() -> None:
    with pytest.warns(IsoglossWarning, match=r"^W521: 1 of 2 test rows"):
        warn("W521", count=1, of=2)


@pytest.mark.parametrize("name", isogloss.__all__)
def test_every_public_name_resolves_and_is_documented(name: str) -> None:
    public = getattr(isogloss, name)
    assert name in dir(isogloss)
    if name != "__version__":
        assert (public.__doc__ or "").strip()


def test_other_names_are_not_there() -> None:
    with pytest.raises(AttributeError, match="no_such_name"):
        isogloss.no_such_name  # noqa: B018


class _Anything:
    """Stands for a value of any kind in a message."""

    def __format__(self, spec: str) -> str:
        return "x"

    def __repr__(self) -> str:
        return "x"


def test_warnings_are_noted_and_issued_all_the_same() -> None:
    def say(folder: str) -> None:
        with pytest.warns(IsoglossWarning, match=f"W523.*{folder}"):
            warn("W523", folder=folder)

    with noted_warnings() as outer:
        say("one")
        with noted_warnings() as inner:
            say("two")
            say("two")
        say("three")
    say("four")
    assert [text.split()[6] for text in outer] == ["one", "two", "three"]
    assert inner == outer[1:2]
