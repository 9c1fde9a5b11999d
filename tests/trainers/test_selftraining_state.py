from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from isogloss.errors import IsoglossError
from isogloss.trainers.pseudolabels import Choice
from isogloss.trainers.selftraining_state import PSEUDO_LABELS, PseudoLabels

EXAMPLES = np.array([0, 0, 1, 3, 3, 3])
PROBABILITIES = np.random.default_rng(0).dirichlet(np.ones(3), size=6)


def some() -> PseudoLabels:
    choice = Choice(np.array([1, 3, 5]), np.array([2, 0, 2]))
    return PseudoLabels.none(EXAMPLES, count=4, num_classes=3).with_choice(choice, PROBABILITIES)


def test_labels_are_found_by_example() -> None:
    pseudo = some()
    for example, labels in enumerate(([-100, 2], [-100], [], [0, -100, 2])):
        np.testing.assert_array_equal(pseudo.of(example)[0], labels)
    np.testing.assert_array_equal(pseudo.labelled_examples(), [0, 3])
    np.testing.assert_array_equal(pseudo.counts, [1, 0, 2])
    np.testing.assert_allclose(pseudo.of(3)[1][0], PROBABILITIES[3], rtol=1e-6)
    assert pseudo.facts() == {
        "labelled": 3,
        "share": 0.5,
        "examples": 2,
        "classes": [1 / 3, 0.0, 2 / 3],
    }


def test_a_choice_makes_another_and_leaves_the_first() -> None:
    first = some()
    second = first.with_choice(Choice(np.array([0]), np.array([1])), PROBABILITIES)
    assert first.free[0]
    assert not second.free[0]
    assert second.counts.sum() == 4
    cleared = second.with_round({"step": 0}).cleared()
    assert cleared.free.all()
    assert not cleared.beliefs.any()
    assert len(cleared.rounds) == 1


def test_nothing_labelled_has_no_shares() -> None:
    none = PseudoLabels.none(EXAMPLES, count=4, num_classes=3)
    assert none.facts()["classes"] == [0.0, 0.0, 0.0]
    assert len(none.labelled_examples()) == 0
    assert PseudoLabels.none(EXAMPLES[:0], count=2, num_classes=3).share == 0.0


def test_round_trip(tmp_path: Path) -> None:
    pseudo = some().with_round({"step": 0, "estimate": [0.1, 0.9]}).with_round({"step": 5})
    pseudo.save(tmp_path / "new")
    found = PseudoLabels.load(tmp_path / "new", examples=4)
    for name in ("starts", "labels", "beliefs"):
        np.testing.assert_array_equal(getattr(found, name), getattr(pseudo, name))
    assert found.rounds == pseudo.rounds
    assert [p.name for p in (tmp_path / "new").iterdir()] == [PSEUDO_LABELS]


@pytest.mark.parametrize("damage", ["missing", "cut", "other data"])
def test_what_cannot_be_gone_on_from_is_refused(tmp_path: Path, damage: str) -> None:
    some().save(tmp_path)
    path = tmp_path / PSEUDO_LABELS
    if damage == "missing":
        path.unlink()
    elif damage == "cut":
        path.write_bytes(path.read_bytes()[:50])
    with pytest.raises(IsoglossError) as caught:
        PseudoLabels.load(tmp_path, examples=9 if damage == "other data" else 4)
    assert caught.value.code == "E518"
