from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from isogloss.errors import IsoglossError
from isogloss.labels import LabelMap
from isogloss.labelshift.sampled import labelled_facts
from isogloss.recipes.facts import NamedFacts
from isogloss.tasks import SequenceClassification, Task, TokenClassification

TASK = SequenceClassification(labels=LabelMap(("bad", "fair", "good")))


def error_of(facts: NamedFacts, task: Task = TASK) -> IsoglossError:
    with pytest.raises(IsoglossError) as caught:
        facts.resolve(task)
    return caught.value


def test_nothing_known_is_nothing() -> None:
    assert NamedFacts().resolve(TASK) is None


def test_labels_become_ids(tmp_path: Path) -> None:
    (tmp_path / "few.csv").write_text("text,label\na,good\nb,bad\nc,good\n", "utf-8")
    known = NamedFacts(
        bounds={"good": (0.2, 0.5)},
        order=(("fair", "bad"),),
        belief={"good": 0.2, "bad": 0.3, "fair": 0.5},
        strength=7.0,
        labelled=tmp_path / "few.csv",
    ).resolve(TASK)
    assert known is not None
    assert known.bounds == {2: (0.2, 0.5)}
    assert known.order == ((1, 0),)
    np.testing.assert_array_equal(known.belief, [0.3, 0.5, 0.2])
    np.testing.assert_array_equal(known.labelled, [2, 0, 2])
    assert known.strength == 7.0


def test_labelled_words(tmp_path: Path) -> None:
    (tmp_path / "few.conll").write_text("anna\tB-PER\nsleeps\tO\n\nhere\tO\n", "utf-8")
    task = TokenClassification(labels=LabelMap(("O", "B-PER", "I-PER")))
    known = NamedFacts(labelled=tmp_path / "few.conll").resolve(task)
    told = labelled_facts([1, 0, 0], [0, 0, 1], num_classes=3)
    assert known is not None
    assert known.labelled is None
    np.testing.assert_allclose(known.belief, [2 / 3, 1 / 3, 0.0])
    assert known.strength == told.strength


def test_a_belief_and_labelled_words_weigh_as_many_rows_as_both(tmp_path: Path) -> None:
    (tmp_path / "few.conll").write_text("anna\tB-PER\nsleeps\tO\n\nhere\tO\n", "utf-8")
    task = TokenClassification(labels=LabelMap(("O", "B-PER", "I-PER")))
    belief = {"O": 0.5, "B-PER": 0.25, "I-PER": 0.25}
    alone = NamedFacts(labelled=tmp_path / "few.conll").resolve(task)
    known = NamedFacts(belief=belief, strength=6.0, labelled=tmp_path / "few.conll").resolve(task)
    assert known is not None
    assert alone is not None
    assert known.strength == 6.0 + alone.strength
    wanted = 6.0 * np.array([0.5, 0.25, 0.25]) + alone.strength * np.array([2 / 3, 1 / 3, 0.0])
    np.testing.assert_allclose(known.belief, wanted / known.strength)


@pytest.mark.parametrize(
    ("facts", "what"),
    [
        ({"bounds": {"[red]": (0.0, 1.0)}}, "bound"),
        ({"order": (("bad", "[red]"),)}, "order"),
        ({"order": (("[red]", "bad"),)}, "order"),
        ({"belief": {"[red]": 1.0}, "strength": 1.0}, "belief"),
    ],
)
def test_a_label_that_is_not_there(facts: dict[str, Any], what: str) -> None:
    error = error_of(NamedFacts(**facts))
    assert (error.code, error.fields["fact"]) == ("E534", what)
    assert "'[red]'" in str(error)
    assert "bad, fair, good" in str(error)


def test_a_belief_needs_every_label() -> None:
    error = error_of(NamedFacts(belief={"fair": 1.0}, strength=1.0))
    assert error.code == "E535"
    assert "bad, good" in str(error)


def test_facts_that_cannot_be_name_the_label() -> None:
    error = error_of(NamedFacts(bounds={"fair": (0.6, 0.4)}))
    assert error.code == "E421"
    assert "class 'fair'" in str(error)
    error = error_of(NamedFacts(bounds={"fair": (0.6, 0.7), "bad": (0.5, 0.5)}))
    assert error.code == "E422"
    error = error_of(
        NamedFacts(bounds={"bad": (0.0, 0.1), "good": (0.2, 1.0)}, order=(("bad", "good"),))
    )
    assert error.code == "E423"
    assert "Class 'bad'" in str(error)


def test_labelled_rows_of_another_kind(tmp_path: Path) -> None:
    (tmp_path / "few.csv").write_text("text,label\na,great\n", "utf-8")
    assert error_of(NamedFacts(labelled=tmp_path / "few.csv")).code == "E202"
    (tmp_path / "none.csv").write_text("text\na\n", "utf-8")
    assert error_of(NamedFacts(labelled=tmp_path / "none.csv")).code == "E106"
