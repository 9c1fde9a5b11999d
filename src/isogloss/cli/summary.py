"""What `isogloss adapt` says in the end."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.table import Table
from rich.text import Text

from isogloss.cli.console import (
    cell,
    duration,
    one_line,
    percent,
    say,
    share_cell,
    stacked,
    stdout,
    table,
)
from isogloss.report.scores import SETS, scored_candidates

if TYPE_CHECKING:
    from isogloss.recipes.adapt import AdaptResult
    from isogloss.recipes.config import RunConfig

MOST_CLASSES = 20


def show_result(result: AdaptResult, config: RunConfig) -> None:
    """Print what was done, how good it is and may be, the class balance, and how to go on."""
    console = stdout()
    narrow = console.options.ascii_only
    console.print(Text(one_line(what_was_done(result, config))), soft_wrap=True)
    console.print()
    balance = balance_table(result.prior, ascii_only=narrow)
    console.print(stacked(metrics_table(result.metrics), balance))
    console.print()
    for line in shift_sentences(result.prior):
        console.print(Text(one_line(line)), soft_wrap=True)
    for line in result.metrics.get("labelled", {}).get("sentences", ()):
        console.print(Text(one_line(line)), soft_wrap=True)
    for line in result.metrics.get("chosen", {}).get("reasons", ()):
        console.print(Text(one_line(line)), soft_wrap=True)
    # A run that an earlier version finished has none.
    if expected := result.metrics.get("expected"):
        console.print(Text(f"\n{one_line(expected['sentence'])}"), soft_wrap=True)
    console.print()
    for line in where_to_go_on(result, config):
        say(console, line)


def what_was_done(result: AdaptResult, config: RunConfig) -> str:
    """One sentence: recipe, model, data, time."""
    return (
        f"Done in {duration(result.seconds)}: {config.recipe} with {config.model} "
        f"({config.preset} preset, seed {config.seed}), from {config.source} to {config.target}."
    )


def metrics_table(metrics: Mapping[str, Any]) -> Table:
    """The headline metric by candidate, on each set it was measured on, and what is expected."""
    headline, candidates = metrics["headline"], scored_candidates(metrics)
    sets = [name for name in SETS if any(name in each.sets for each in candidates)]
    title = {"macro_f1": "Macro-F1", "f1": "Entity F1"}.get(headline, headline)
    expected = [each.expected for each in candidates if each.expected is not None][:1]
    told = ["expected" + ", macro-F1 of tags" * bool(each.get("words")) for each in expected]
    out = table(title, ["candidate", *(SETS[name] for name in sets), *told])
    for each in candidates:
        shares = [each.sets.get(name, {}).get(headline) for name in sets]
        shares += [None if each.expected is None else each.expected["value"]] * len(told)
        out.add_row(cell(each.label, "bold" * each.served), *(percent(share) for share in shares))
    return out


def balance_table(
    prior: Mapping[str, Any], *, ascii_only: bool, title: str = "Class balance of the target"
) -> Table:
    """Class balance: source, raw predictions on the target, estimate with its interval."""
    columns = ["class", "source", "as predicted", "estimate", interval_name(prior)]
    out = table(title, columns, kinds="tbbbn")
    largest = max(*prior["source"], *prior["predicted"], *prior["estimate"])
    order = shown_classes(prior["estimate"])
    for index in order:
        low, high = prior["interval"][index]
        shares = (prior[name][index] for name in ("source", "predicted", "estimate"))
        out.add_row(
            cell(prior["labels"][index]),
            *(share_cell(share, largest, ascii_only=ascii_only) for share in shares),
            f"{100 * low:.1f} to {100 * high:.1f}",
        )
    if len(order) < len(prior["labels"]):
        out.add_row(cell(f"and {len(prior['labels']) - len(order)} smaller", "dim"))
    return out


def shown_classes(estimate: Sequence[float]) -> list[int]:
    """Indices of the largest classes, in the order of the labels."""
    by_size = sorted(range(len(estimate)), key=lambda index: -estimate[index])
    return sorted(by_size[:MOST_CLASSES])


def interval_name(prior: Mapping[str, Any]) -> str:
    """Heading of the interval column."""
    return f"{100 * prior.get('level', 0.95):g} % interval"


def shift_sentences(prior: Mapping[str, Any]) -> list[str]:
    """How large the shift is, and what the estimate says of itself."""
    size = f"Prior shift {prior['shift']:.2f} (total variation, 0 to 1)"
    if "sentences" in prior:
        return [f"{size}.", *prior["sentences"]]
    # A run that an earlier version finished.
    if prior["significant"]:
        return [f"{size}: the target's class balance differs from the source's."]
    return [f"{size}: no difference from the source's class balance can be made out."]


def where_to_go_on(result: AdaptResult, config: RunConfig) -> list[str]:
    """Paths of what was written, and the command that uses it."""
    ending = Path(str(config.target)).suffix or ".csv"
    folder = shlex.quote(str(result.folder))
    # A run that an earlier version finished has none.
    report = result.folder / "report.html"
    return [
        f"model        {result.model}",
        f"predictions  {result.predictions}",
        f"settings     {result.folder / 'config.yaml'}",
        f"picture      {result.folder / 'run.png'}",
        *([f"report       {report}"] if report.is_file() else []),
        "",
        "Label more data with:",
        f"  isogloss predict {folder} FILE{ending} -o OUT{ending}",
        *other_candidates(result.metrics, folder),
    ]


def other_candidates(metrics: Mapping[str, Any], folder: str) -> list[str]:
    """How to serve another candidate, and which there are; nothing where there is no other.

    Args:
        metrics: of the run.
        folder: of the run, as a shell takes it.
    """
    chosen = metrics.get("chosen", {})
    others = [name for name in chosen.get("candidates", ()) if name != chosen["name"]]
    if not others:
        return []
    return [
        "",
        "Serve another candidate with:",
        f"  isogloss select {folder} NAME",
        f"NAME is one of {', '.join(others)}." if len(others) > 1 else f"NAME is {others[0]}.",
    ]
