"""How good each candidate of a run is, and may be: what terminal, card and report show of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from isogloss.selection.opinions import CORRECTED
from isogloss.selection.wording import metric_name

# Where a measure was taken -> heading, in the order shown.
SETS = {
    "held-out": "held-out source",
    "train": "source (trained on)",
    "labelled": "labelled target",
    "test": "target test",
}


@dataclass(frozen=True, kw_only=True)
class Scored:
    """A candidate in a table.

    Attributes:
        name: of it.
        served: whether it is the one that the run serves.
        sets: set -> measure -> score, in 0..1. A corrected candidate has those on the test rows
            where it is served, and else none.
        expected: the score to expect of it on the target: `metric`, `value` and more; None where
            nothing tells.
    """

    name: str
    served: bool
    sets: Mapping[str, Mapping[str, float]]
    expected: Mapping[str, Any] | None

    @property
    def label(self) -> str:
        """The name, with a mark where it is served."""
        return self.name + " (served)" * self.served


def scored_candidates(metrics: Mapping[str, Any]) -> list[Scored]:
    """The stages in their order, each followed by its correction where there is something to say.

    Args:
        metrics: what `metrics.json` holds; runs of earlier versions know less.
    """
    found = []
    for stage, sets in metrics["stages"].items():
        found.append(_scored(metrics, stage, sets))
        name = stage + CORRECTED
        corrected = _scored(metrics, name, _as_served(metrics, name))
        if corrected.served or (corrected.expected and name in _chosen(metrics)["candidates"]):
            found.append(corrected)
    return found


def scores_on_test(metrics: Mapping[str, Any]) -> dict[str, float]:
    """The headline score on the test file by candidate; empty where there was no such file."""
    known = {each.name: each.sets for each in scored_candidates(metrics)}
    return {
        name: sets["test"][metrics["headline"]] for name, sets in known.items() if "test" in sets
    }


def served_on_test(metrics: Mapping[str, Any]) -> str:
    """Which of `scores_on_test` is the served candidate's, or its stage's where it has none."""
    name = str(_chosen(metrics)["name"])
    return name if name in scores_on_test(metrics) else name.removesuffix(CORRECTED)


def expected_name(expected: Mapping[str, Any]) -> str:
    """What people call the metric of an expected score."""
    return metric_name(expected["metric"], words=bool(expected.get("words")))


def _chosen(metrics: Mapping[str, Any]) -> Mapping[str, Any]:
    """The choice; the first versions knew of none and served their last stage."""
    unknown = {"name": list(metrics["stages"])[-1], "candidates": [], "table": []}
    return {**unknown, **metrics.get("chosen", {})}


def _scored(
    metrics: Mapping[str, Any], name: str, sets: Mapping[str, Mapping[str, float]]
) -> Scored:
    chosen = _chosen(metrics)
    served = name == chosen["name"]
    told = {row["name"]: row["expected"] for row in chosen["table"]}.get(name)
    if served:
        told = metrics.get("expected")
    known = isinstance(told, Mapping) and "value" in told
    return Scored(name=name, served=served, sets=sets, expected=told if known else None)


def _as_served(metrics: Mapping[str, Any], name: str) -> Mapping[str, Mapping[str, float]]:
    served = metrics.get("served", {})
    found: Mapping[str, Mapping[str, float]] = (
        served["scores"] if served.get("name") == name else {}
    )
    return found
