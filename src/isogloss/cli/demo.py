"""`isogloss demo`: the whole thing on bundled reviews."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table
from rich.text import Text

from isogloss.cli.console import cell, duration, percent, share_cell, stacked, stdout, table

if TYPE_CHECKING:
    from isogloss.recipes.demo import DemoResult


def demo(
    to: Annotated[
        str, typer.Option(metavar="[de|es|fr|ja|zh]", help="Language to adapt to, from English.")
    ] = "de",
    seed: Annotated[int, typer.Option(min=0, help="Seed of the reviews and the training.")] = 0,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="DIR", help="By default isogloss-demo-LANGUAGE."),
    ] = None,
    model: Annotated[
        str, typer.Option(metavar="NAME", help="Hub name, folder, or 'offline'.")
    ] = "offline",
    max_steps: Annotated[
        int | None, typer.Option(min=1, help="Steps, at most, in each of the two stages.")
    ] = None,
) -> None:
    """Adapt English reviews to another language, with a very different balance of stars.

    The reviews come with isogloss, made so that the best possible score is known. Takes a few
    minutes on two cores; nothing is downloaded if the offline extra is installed.

    Example: isogloss demo --to de
    """
    from isogloss.cli.progress import shown_progress
    from isogloss.recipes.demo import run_demo

    folder = output or Path(f"isogloss-demo-{to}")
    with shown_progress(live=True) as progress:
        result = run_demo(
            folder, to=to, seed=seed, model=model, max_steps=max_steps, progress=progress
        )
    show_demo(result, folder, to)


def show_demo(result: DemoResult, folder: Path, to: str) -> None:
    """Print scores beside the optimum, and the true prior beside the estimate."""
    console = stdout()
    console.print(Text(f"Done in {duration(result.run.seconds)}: English to {to}."))
    console.print()
    prior = prior_table(result, ascii_only=console.options.ascii_only)
    console.print(stacked(score_table(result), prior))
    console.print()
    for sentence in result.run.prior["sentences"]:
        console.print(Text(sentence), soft_wrap=True)
    console.print()
    for line in what_next(result, folder, to):
        console.print(Text(line), soft_wrap=True)


def score_table(result: DemoResult) -> Table:
    """Scores on the test file, the best possible ones last."""
    out = table("Labelled test reviews of the target language", ["", "accuracy", "macro-F1"])
    for name, scores in result.scores.items():
        out.add_row(cell(name), percent(scores["accuracy"]), percent(scores["macro_f1"]))
    return out


def prior_table(result: DemoResult, *, ascii_only: bool) -> Table:
    """Shares of the stars: in English, as predicted, as estimated, and in truth."""
    prior = result.run.prior
    names = ["stars", "English", "as predicted", "estimated", "true"]
    out = table("Share of reviews by stars", names, kinds="tbbbb")
    columns = [prior["source"], prior["predicted"], prior["estimate"], result.true_prior]
    largest = max(max(column) for column in columns)
    for label, *shares in zip(prior["labels"], *columns, strict=True):
        cells = (share_cell(share, largest, ascii_only=ascii_only) for share in shares)
        out.add_row(cell(label), *cells)
    return out


def what_next(result: DemoResult, folder: Path, to: str) -> list[str]:
    """Where the files are, and a command to try on them."""
    run, test = shlex.quote(str(result.run.folder)), folder / "data" / f"test.{to}.csv"
    return [
        f"data     {folder / 'data'}",
        f"model    {result.run.model}",
        f"picture  {folder / 'demo.png'}",
        f"report   {result.run.folder / 'report.html'}",
        "",
        "Try the model with:",
        f"  isogloss predict {run} {shlex.quote(str(test))} -o predicted.csv",
    ]
