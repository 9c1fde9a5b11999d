"""Records as Markdown tables and as a picture."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from shiftbench.contestants import BASELINES, OURS, QUAPY, SLOW
from shiftbench.problems import EDGES

Records = dict[str, list[dict[str, Any]]]
FAMILIES = ("stars", "tags", "same language", "languages")
SHOWN = ("auto", "PACC", "EMQ-BCTS", "KDEy", "count", "none")
STYLES = {
    "auto": ("#2a6f97", "-", 2.4),
    "PACC": ("#e07a5f", "--", 1.4),
    "EMQ-BCTS": ("#3d405b", "-.", 1.4),
    "KDEy": ("#81b29a", (0, (4, 1, 1, 1)), 1.4),
    "count": ("#b08900", ":", 1.4),
    "none": ("#9a9a9a", (0, (1, 3)), 1.4),
}


def tables(records: Records, families: dict[str, str]) -> str:
    """All tables, one after the other."""
    return "\n\n".join(
        [
            "Mean absolute error by family (mean over problems and bins)",
            _errors_by_family(records, families),
            "Mean absolute error by problem",
            _errors_by_problem(records),
            "Mean correction of `auto` by bin of shift",
            _corrections(records),
            "Intervals, test of the assumption, and time of `auto`",
            _trust(records, families),
            "Milliseconds an estimate, median over all draws",
            _times(records),
        ]
    )


def mean_error(rows: list[dict[str, Any]], name: str, *, common: bool = False) -> float:
    """The mean over bins of the mean absolute error; with `common`, on the slow ones' draws."""
    by_bin = []
    for number in range(len(EDGES) - 1):
        chosen = [r for r in rows if r["bin"] == number and name in r["error"]]
        if common:
            chosen = [r for r in chosen if "KDEy" in r["error"]]
        if chosen:
            by_bin.append(np.mean([r["error"][name] for r in chosen]))
    return float(np.mean(by_bin)) if by_bin else float("nan")


def _errors_by_family(records: Records, families: dict[str, str]) -> str:
    names = (*OURS, *QUAPY, *BASELINES, "none")
    lines = [_row("family", *names, "auto / best QuaPy"), _rule(len(names) + 2)]
    for family in FAMILIES:
        members = [records[name] for name in records if families[name] == family]
        if not members:
            continue
        means = {n: float(np.mean([mean_error(rows, n) for rows in members])) for n in names}
        ratio = _against_best(members, means)
        cells = [f"{means[n]:.4f}" + ("*" if n in SLOW else "") for n in names]
        lines.append(_row(family, *cells, f"{ratio:.2f}"))
    return "\n".join(lines)


def _against_best(members: list[list[dict[str, Any]]], means: dict[str, float]) -> float:
    """Ours over the best of QuaPy's; against a slow one, on its own draws."""
    ratios = []
    for name in QUAPY:
        if name in SLOW:
            own = float(np.mean([mean_error(rows, "auto", common=True) for rows in members]))
            ratios.append(own / means[name])
        else:
            ratios.append(means["auto"] / means[name])
    return max(ratios)


def _errors_by_problem(records: Records) -> str:
    names = ("auto", *QUAPY, "none")
    lines = [_row("problem", *names), _rule(len(names) + 1)]
    for problem, rows in records.items():
        lines.append(_row(problem, *(f"{mean_error(rows, name):.4f}" for name in names)))
    return "\n".join(lines)


def _corrections(records: Records) -> str:
    bins = [f"{a:g}–{b:g}" for a, b in itertools.pairwise(EDGES[1:])]
    lines = [_row("problem", *bins), _rule(len(bins) + 1)]
    for problem, rows in records.items():
        cells = []
        for number in range(1, len(EDGES) - 1):
            found = [
                1.0 - r["distance"]["auto"] / r["distance"]["none"]
                for r in rows
                if r["bin"] == number
            ]
            cells.append(f"{np.mean(found):.3f}" if found else "–")
        lines.append(_row(problem, *cells))
    return "\n".join(lines)


def _trust(records: Records, families: dict[str, str]) -> str:
    lines = [
        _row("problem", "family", "coverage of 95 %", "assumption rejected", "shift significant"),
        _rule(5),
    ]

    def share(rows: list[dict[str, Any]], of: Callable[[dict[str, Any]], Any]) -> str:
        return f"{100 * np.mean([of(r) for r in rows]):.1f} %"

    for problem, rows in records.items():
        lines.append(
            _row(
                problem,
                families[problem],
                share(rows, lambda r: r["inside"]),
                share(rows, lambda r: r["p_value"] < 0.05),
                share(rows, lambda r: r["significant"]),
            )
        )
    return "\n".join(lines)


def _times(records: Records) -> str:
    names = (*OURS, *QUAPY, *BASELINES)
    rows = [r for found in records.values() for r in found]
    cells = [
        f"{1000 * np.median([r['seconds'][n] for r in rows if n in r['seconds']]):.1f}"
        for n in names
    ]
    return "\n".join([_row(*names), _rule(len(names)), _row(*cells)])


def draw_errors(records: Records, families: dict[str, str], path: Path) -> None:
    """Error by shift, a panel a family."""
    figure = Figure(figsize=(11.0, 3.4), dpi=150, layout="constrained")
    FigureCanvasAgg(figure)
    shown = [f for f in FAMILIES if f in families.values()]
    panels = np.atleast_1d(figure.subplots(1, len(shown), sharey=True))
    places = [(a + b) / 2 for a, b in itertools.pairwise(EDGES)]
    for axes, family in zip(panels, shown, strict=True):
        members = [records[name] for name in records if families[name] == family]
        for name in SHOWN:
            line = [_distance(members, number, name) for number in range(len(places))]
            colour, style, width = STYLES[name]
            label = "no estimate" if name == "none" else name
            axes.plot(places, line, color=colour, ls=style, lw=width, label=label)
        axes.set_title(family, fontsize=10, loc="left")
        axes.set_xlabel("true shift (total variation)", fontsize=9)
        axes.set_ylim(0, 0.6)
        axes.spines[["top", "right"]].set_visible(False)
    panels[0].set_ylabel("error (total variation)", fontsize=9)
    handles, labels = panels[0].get_legend_handles_labels()
    figure.legend(
        handles, labels, loc="outside lower center", ncols=len(SHOWN), frameon=False, fontsize=9
    )
    figure.savefig(path)


def _distance(members: list[list[dict[str, Any]]], number: int, name: str) -> float:
    found = [
        np.mean([r["distance"][name] for r in rows if r["bin"] == number and name in r["distance"]])
        for rows in members
        if any(r["bin"] == number and name in r["distance"] for r in rows)
    ]
    return float(np.mean(found)) if found else float("nan")


def _row(*cells: str) -> str:
    return "| " + " | ".join(cells) + " |"


def _rule(columns: int) -> str:
    return "|" + " --- |" * columns
