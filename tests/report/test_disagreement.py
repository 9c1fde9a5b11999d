from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from isogloss.report.disagreement import compare
from isogloss.report.reading import RunFacts, StageRows
from isogloss.selection.rows import CandidateRows

LABELS = ["a", "b", "c"]


def stage(predicted: list[int], sure: list[float], groups: list[int] | None = None) -> StageRows:
    """Rows whose probabilities are as said."""
    rest = [(1 - p) / 2 for p in sure]
    probabilities = np.repeat(np.array(rest)[:, None], 3, axis=1)
    probabilities[np.arange(len(sure)), predicted] = sure
    logits = np.log(probabilities)
    examples = list(range(len(sure))) if groups is None else groups
    rows = CandidateRows(
        name="x", source_logits=np.eye(3), source_labels=np.arange(3), target_logits=logits,
        target_groups=np.array(examples),
    )  # fmt: skip
    return StageRows(rows=rows, places=np.arange(max(examples) + 1) * 2, examples=10)


def facts(root: Path, **served: Any) -> RunFacts:
    task = served.pop("task", "sequence")
    return RunFacts(
        root=root, config={"task": task}, record={}, metrics={}, prior={"labels": LABELS},
        stages={}, served={"text": "text", **served}, analysis=None,
    )  # fmt: skip


def test_counts_kinds_and_texts(tmp_path: Path) -> None:
    # Every second row of the file was looked at.
    (tmp_path / "predictions.csv").write_text(
        "text,prediction\n" + "".join(f"row {i},a\n" for i in range(10)), "utf-8"
    )
    before = stage([0, 0, 1, 2, 2], [0.5, 0.6, 0.7, 0.8, 0.9])
    after = stage([0, 1, 2, 0, 0], [0.5, 0.6, 0.7, 0.55, 0.95])
    found = compare(facts(tmp_path), before, after)
    assert (found.rows, found.differing, found.kinds_left_out) == (5, 4, 0)
    assert found.kinds == [("c", "a", 2), ("a", "b", 1), ("b", "c", 1)]
    assert [example.row for example in found.examples] == [9, 3, 5, 7]
    first = found.examples[0]
    assert first.parts == [("row 8", False)]
    assert (first.before, first.after) == ("c", "a")
    assert (first.sure_before, first.sure_after) == pytest.approx((0.9, 0.95))
    assert len(compare(facts(tmp_path), before, after, most=2).examples) == 2


def test_weights_correct_the_second_model(tmp_path: Path) -> None:
    rows = stage([0, 1], [0.5, 0.9])
    assert compare(facts(tmp_path), rows, rows).differing == 0
    found = compare(facts(tmp_path), rows, rows, np.array([0.01, 1.0, 0.5]))
    assert found.kinds == [("a", "b", 1)]
    assert found.examples == []  # no predictions are there to take texts from


def test_a_pair_shows_both_texts(tmp_path: Path) -> None:
    (tmp_path / "predictions.jsonl").write_text('{"text": "one", "other": "two"}\n', "utf-8")
    run = facts(tmp_path, text_pair="other")
    found = compare(run, stage([0], [0.5]), stage([1], [0.5]))
    assert found.examples[0].parts == [("one / two", False)]


def test_a_word_stands_out_in_its_sentence(tmp_path: Path) -> None:
    tokens = ("The", "small", "town")
    (tmp_path / "predictions.conll").write_text(
        "".join(f"{word}\tO\n" for word in tokens) + "\nx\tO\n\nlost\tO\nwords\tO\n", "utf-8"
    )
    groups = [0, 0, 0, 1]
    run = facts(tmp_path, task="token")
    before = stage([0, 0, 0, 0], [0.5] * 4, groups)
    after = stage([0, 0, 1, 2], [0.5, 0.5, 0.9, 0.5], groups)
    found = compare(run, before, after)
    assert found.examples[0].parts == [("The small", False), ("town", True)]
    # The other is in a sentence of two words of which one has a row: which, nobody knows.
    assert len(found.examples) == 1


def test_no_example_is_shown_twice(tmp_path: Path) -> None:
    (tmp_path / "predictions.conll").write_text("a\tO\nb\tO\n\n", "utf-8")
    run = facts(tmp_path, task="token")
    found = compare(run, stage([0, 0], [0.5] * 2, [0, 0]), stage([1, 1], [0.5] * 2, [0, 0]))
    assert (found.differing, len(found.examples)) == (2, 1)
