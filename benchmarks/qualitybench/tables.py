"""Records to a Markdown table: mean and spread over runs, difference from zero-shot."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from qualitybench.grid import METHODS, place_of

HEADS = ("pair", "shift", "method", "score", "mean ± sd", "accuracy", "macro-F1")
HEADS += ("macro-F1 over zero-shot (95 %)", "feature shift", "scaled", "prior error", "runs")
Record = dict[str, Any]


def table(records: Iterable[Record]) -> str:
    """Scores by pair, shift and method, in percent, with the gain over zero-shot."""
    lines = ["| " + " | ".join(HEADS) + " |", "| --- " * len(HEADS) + "|"]
    for (pair, shift), methods in by_case(records).items():
        lines += [_line(pair, shift, method, methods) for method in METHODS if method in methods]
    return "\n".join(lines)


def by_case(records: Iterable[Record]) -> dict[tuple[str, str], dict[str, list[Record]]]:
    """(pair, shift) -> method -> its records, in the order of the grid."""
    grouped: dict[tuple[str, str], dict[str, list[Record]]] = defaultdict(lambda: defaultdict(list))
    for record in records:
        grouped[record["pair"], record["shift"]][record["method"]].append(record)
    return {case: grouped[case] for case in sorted(grouped, key=lambda case: place_of(*case))}


def _line(pair: str, shift: str, method: str, methods: dict[str, list[Record]]) -> str:
    found = methods[method]
    name = found[0]["headline"]
    cells = [pair, shift, method, name.replace("macro_f1", "macro-F1")]
    cells += [spread([100 * r["scores"][name] for r in found])]
    cells += [
        spread([100 * r["scores"][score] for r in found]) if score in found[0]["scores"] else ""
        for score in ("accuracy", "macro_f1")
    ]
    cells += [gain(methods.get("zero-shot", []), found) if method != "zero-shot" else ""]
    cells += [f"{mean(found, 'feature_shift'):.1f}", scaled_shift(found)]
    cells += [f"{mean(found, 'prior_error'):.3f}"]
    return "| " + " | ".join([*cells, str(len(found))]) + " |"


def mean(records: Sequence[Record], name: str) -> float:
    """Of one field."""
    return float(np.mean([r[name] for r in records]))


def scaled_shift(records: Sequence[Record]) -> str:
    """The feature shift in spreads of a class, which lines of an earlier version lack."""
    name = "scaled_feature_shift"
    return f"{mean(records, name):.2f}" if all(name in record for record in records) else ""


def spread(values: Sequence[float]) -> str:
    """Mean and standard deviation."""
    sd = f" ± {np.std(values, ddof=1):.1f}" if len(values) > 1 else ""
    return f"{np.mean(values):.1f}{sd}"


def gain(zero_shot: Sequence[Record], found: Sequence[Record]) -> str:
    """The mean gain over zero-shot of the same seed and machine, with its interval; see `gains`."""
    drawn = gains(zero_shot, found)
    if drawn is None:
        return ""
    low, high = np.quantile(drawn[1:], [0.025, 0.975])
    return f"{100 * drawn[0]:+.1f} ({100 * low:+.1f} to {100 * high:+.1f})"


def gains(zero_shot: Sequence[Record], found: Sequence[Record]) -> np.ndarray | None:
    """Gains in macro-F1 of rows (for tagging, of words), which needs no decoding.

    Returns:
        (1 + resamples,) means over the seeds and machines that both have, the first on the test
        set as it is, the others on test examples drawn anew, the same ones for both; None without
        such a run.
    """
    before = {run_of(r): np.array(r["draws"]) for r in zero_shot}
    pairs = [np.array(r["draws"]) - before[run_of(r)] for r in found if run_of(r) in before]
    return np.mean(pairs, axis=0) if pairs else None


def run_of(record: Record) -> tuple[int, str]:
    """Seed and kind of machine: where these agree, what methods share is the same model."""
    return record["seed"], record.get("machine", "")
