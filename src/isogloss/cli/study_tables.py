"""A study on the terminal: scores and correlations, and how they move with prior shift."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rich.table import Table

from isogloss.cli.console import cell, percent, table

SCORES = {"macro_f1": "macro-F1", "f1": "entity F1", "accuracy": "accuracy"}
SHIFTS = {"prior_shift": "prior shift", "feature_shift": "feature shift"}
EVERY = "all"


def study_tables(report: Mapping[str, Any]) -> list[Table]:
    """The tables of a study.

    Args:
        report: as in `study.json`.
    """
    results = report["results"]
    tables = [score_table(report), correlation_table(report)]
    tables.append(
        band_table(results, "estimate_error", "Error of the estimated prior (total variation)")
    )
    if any("improvement" in result["bands"] for result in results):
        title = f"Percent improvement of {SCORES[report['score']]} over the baseline"
        tables.append(band_table(results, "improvement", title))
    return tables


def score_table(report: Mapping[str, Any]) -> Table:
    """Means and standard deviations over the sets."""
    sizes = {target["set_rows"] for target in report["targets"]}
    rows = " or ".join(f"{size:,}" for size in sorted(sizes))
    title = f"{report['settings']['sets']:,} sets of {rows} rows from each target"
    names = [name for name in SCORES if name in report["results"][0]["scores"]]
    shown = [SCORES[name] for name in names]
    out = table(
        title,
        ["model", "target", *shown, "prior shift", "feature shift"],
        kinds="tt" + "n" * (len(names) + 2),
    )
    for result in report["results"]:
        scores = [spread_cell(result["scores"][name], percent) for name in names]
        shifts = [
            spread_cell(result["shifts"].get(name), digits)
            for name, digits in zip(SHIFTS, (three, one), strict=True)
        ]
        out.add_row(*_names(result), *scores, *shifts)
    return out


def correlation_table(report: Mapping[str, Any]) -> Table:
    """Correlations of the score with each shift, and with the other one held fixed."""
    title = (
        f"Correlation of {SCORES[report['score']]} with shift (partial: the other shift held fixed)"
    )
    names = ["model", "target", "with", "Pearson", "Spearman", "partial P.", "partial S."]
    out = table(title, names, kinds="tttnnnn")
    for result in report["results"]:
        for name, found in result["correlations"]["score"].items():
            keys = ("pearson", "spearman", "partial_pearson", "partial_spearman")
            out.add_row(*_names(result), SHIFTS[name], *(signed(found[key]) for key in keys))
    return out


def band_table(results: Sequence[Mapping[str, Any]], name: str, title: str) -> Table:
    """The means of a quantity in bands of prior shift."""
    bands = sorted({b["from"] for r in results for b in r["bands"].get(name, ())})
    heads = [f"{low:.1f}" for low in bands]
    out = table(
        f"{title}, in bands of prior shift from",
        ["model", "target", *heads],
        kinds="tt" + "n" * len(heads),
    )
    shown = three if name == "estimate_error" else one
    for result in results:
        if name not in result["bands"]:
            continue
        means = {band["from"]: band["mean"] for band in result["bands"][name]}
        out.add_row(*_names(result), *(shown(means[b]) if b in means else "" for b in bands))
    return out


def spread_cell(found: Mapping[str, float | None] | None, shown: Any) -> str:
    """A mean with its standard deviation; a dash where there is none."""
    if found is None or found["mean"] is None:
        return "–"
    return f"{shown(found['mean'])} ± {shown(found['sd'])}".replace(" % ±", " ±")


def three(value: float) -> str:
    """Three decimals."""
    return f"{value:.3f}"


def one(value: float) -> str:
    """One decimal."""
    return f"{value:.1f}"


def signed(value: float | None) -> str:
    """A correlation; a dash where it is not defined."""
    return "–" if value is None else f"{value:+.2f}"


def _names(result: Mapping[str, Any]) -> tuple[Any, Any]:
    return cell(result["model"]), cell(EVERY if result["target"] is None else result["target"])
