"""Records to a Markdown table: mean and spread over seeds, difference from zero-shot."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.metrics import f1_score

from qualitybench.grid import METHODS, PAIRS, Cell

RESAMPLES = 500
Record = dict[str, Any]


def table(records: Iterable[Record], folder: Path) -> str:
    """Scores by pair, shift and method, in percent, with the gain over zero-shot."""
    grouped: dict[tuple[str, str], dict[str, list[Record]]] = defaultdict(lambda: defaultdict(list))
    for record in records:
        grouped[record["pair"], record["shift"]][record["method"]].append(record)
    heads = [
        "pair",
        "shift",
        "method",
        "score",
        "mean ± sd",
        "macro-F1 of rows over zero-shot (95 %)",
    ]
    heads += ["macro-F1", "feature shift", "prior error", "seeds"]
    lines = ["| " + " | ".join(heads) + " |", "| --- " * len(heads) + "|"]
    for (pair, shift), methods in sorted(grouped.items(), key=_place):
        for method in (name for name in METHODS if name in methods):
            lines.append(_line(pair, shift, method, methods, folder))
    return "\n".join(lines)


def _place(item: tuple[tuple[str, str], Any]) -> tuple[int, str]:
    (pair, shift), _ = item
    # "natural" goes before the numbers.
    return list(PAIRS).index(pair), shift.replace("natural", "")


def _line(
    pair: str, shift: str, method: str, methods: dict[str, list[Record]], folder: Path
) -> str:
    found = methods[method]
    name = found[0]["headline"]
    cells = [pair, shift, method, name.replace("macro_f1", "macro-F1")]
    cells += [spread([100 * r["scores"][name] for r in found])]
    cells += [gain(methods.get("zero-shot", []), found, folder) if method != "zero-shot" else ""]
    macro = [100 * r["scores"]["macro_f1"] for r in found if "macro_f1" in r["scores"]]
    cells += [spread(macro) if macro else "", f"{mean(found, 'feature_shift'):.1f}"]
    cells += [f"{mean(found, 'prior_error'):.3f}", str(len(found))]
    return "| " + " | ".join(cells) + " |"


def mean(records: Sequence[Record], name: str) -> float:
    """Of one field."""
    return float(np.mean([r[name] for r in records]))


def spread(values: Sequence[float]) -> str:
    """Mean and standard deviation."""
    sd = f" ± {np.std(values, ddof=1):.1f}" if len(values) > 1 else ""
    return f"{np.mean(values):.1f}{sd}"


def gain(zero_shot: Sequence[Record], found: Sequence[Record], folder: Path) -> str:
    """The mean gain over zero-shot of the same seed, with a paired bootstrap interval.

    Test examples are drawn anew, the same ones for both methods and all seeds. The score is
    macro-F1 of the classes of rows (for tagging, of words), which needs no decoding.
    """
    before = {r["seed"]: r for r in zero_shot}
    pairs = [
        (_arrays(before[r["seed"]], folder), _arrays(r, folder))
        for r in found
        if r["seed"] in before
    ]
    if not pairs:
        return ""
    gains = bootstrap(pairs, resamples=RESAMPLES)
    low, high = np.quantile(gains[1:], [0.025, 0.975])
    return f"{100 * gains[0]:+.1f} ({100 * low:+.1f} to {100 * high:+.1f})"


def _arrays(record: Record, folder: Path) -> dict[str, np.ndarray]:
    cell = Cell(**{name: record[name] for name in ("pair", "shift", "method", "seed")})
    with np.load(folder / "runs" / cell.key / "test.npz") as file:
        return {name: file[name] for name in file.files}


def bootstrap(
    pairs: Sequence[tuple[dict[str, np.ndarray], dict[str, np.ndarray]]], *, resamples: int
) -> np.ndarray:
    """Mean gains: the first on the test set as it is, the others on resampled ones.

    Args:
        pairs: by seed, `probabilities` (m, k), `labels` (m,) and `examples` (m,) before and after.
        resamples: number of these.

    Returns:
        (1 + resamples,).
    """
    first = pairs[0][0]
    count = int(first["examples"].max()) + 1
    rng = np.random.default_rng(0)
    draws = [np.ones(count, dtype=int)]
    draws += [np.bincount(rng.integers(0, count, count), minlength=count) for _ in range(resamples)]
    return np.array([np.mean([_difference(pair, draw) for pair in pairs]) for draw in draws])


def _difference(
    pair: tuple[dict[str, np.ndarray], dict[str, np.ndarray]], draw: np.ndarray
) -> float:
    before, after = (macro_f1(side, draw[side["examples"]]) for side in pair)
    return after - before


def macro_f1(rows: dict[str, np.ndarray], weights: np.ndarray) -> float:
    """Macro-F1 of weighted rows over the classes that the test set has."""
    predicted = rows["probabilities"].argmax(1)
    classes = np.unique(rows["labels"])
    return float(
        f1_score(
            rows["labels"],
            predicted,
            labels=classes,
            average="macro",
            sample_weight=weights,
            zero_division=0,
        )
    )
