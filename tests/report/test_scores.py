"""What tables and pictures show of a run's candidates."""

from __future__ import annotations

from typing import Any

from isogloss.report.page import measures, score_rows
from isogloss.report.scores import (
    expected_name,
    scored_candidates,
    scores_on_test,
    served_on_test,
)


def metrics_of(name: str, **more: Any) -> dict[str, Any]:
    sets = {"labelled": {"macro_f1": 0.4}, "test": {"macro_f1": 0.5, "accuracy": 0.6}}
    return {
        "headline": "macro_f1",
        "stages": {"zero-shot": sets, "iwda": sets},
        "chosen": {"name": name, "candidates": ["zero-shot", "iwda", "iwda+prior"]},
        **more,
    }


def test_a_corrected_candidate_has_scores_of_its_own() -> None:
    served = {"name": "iwda+prior", "scores": {"test": {"macro_f1": 0.7}}}
    metrics = metrics_of("iwda+prior", served=served)
    assert [(each.name, each.served) for each in scored_candidates(metrics)] == [
        ("zero-shot", False),
        ("iwda", False),
        ("iwda+prior", True),
    ]
    assert scores_on_test(metrics) == {"zero-shot": 0.5, "iwda": 0.5, "iwda+prior": 0.7}
    assert served_on_test(metrics) == "iwda+prior"
    # Where it was not scored its stage's bar stands for it.
    assert served_on_test(metrics_of("iwda+prior")) == "iwda"
    assert served_on_test(metrics_of("zero-shot")) == "zero-shot"


def test_a_run_of_an_earlier_version_has_its_rows() -> None:
    metrics = metrics_of("iwda")
    metrics["chosen"]["table"] = [{"name": "iwda", "expected": 0.5}]
    del metrics["headline"]
    assert [each.expected for each in scored_candidates(metrics)] == [None, None]
    del metrics["chosen"]
    assert [each.served for each in scored_candidates(metrics)] == [False, True]


def test_scores_on_labelled_rows_and_expected_ones_are_in_the_table_of_the_report() -> None:
    told = {"metric": "macro_f1", "value": 0.3, "words": True}
    found = scored_candidates(metrics_of("iwda", expected=told))
    rows = [row for each in found for row in score_rows(each)]
    assert [(name, place) for name, place, _ in rows] == [
        ("zero-shot", "labelled target"),
        ("zero-shot", "target test"),
        ("iwda (served)", "labelled target"),
        ("iwda (served)", "target test"),
        ("iwda (served)", "target, expected, of words' tags"),
    ]
    assert rows[-1][2] == {"macro_f1": 0.3}
    assert measures(found) == ["macro_f1", "accuracy"]
    assert expected_name(told) == "macro-F1 (over the tags of words, not the entity F1)"
