"""`isogloss study`: how fixed models fare as the class balance moves."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.text import Text

from isogloss.cli import options
from isogloss.cli.console import json_text, one_line, stacked, stdout
from isogloss.cli.facts import read_shares
from isogloss.cli.importing import importing

_SETS = "Sets"
_MEASURES = "Measures"


def study(
    model: Annotated[
        list[Path],
        typer.Option(
            metavar="DIR",
            help="Folder of a run (all its stages), of a stage, or of any model; may be repeated.",
            show_default=False,
        ),
    ],
    target: Annotated[
        list[str],
        typer.Option(
            metavar="FILE",
            help="Labelled file or hub data set to draw sets from; may be repeated.",
            show_default=False,
        ),
    ],
    output: Annotated[
        Path,
        typer.Option(
            "--output", "-o", metavar="DIR", help="Folder for the results.", show_default=False
        ),
    ],
    source: Annotated[
        str | None,
        typer.Option(
            metavar="FILE",
            help="Labelled source rows to measure shifts from; by default those that a run kept.",
        ),
    ] = None,
    sets: Annotated[
        int, typer.Option(min=1, help="Sets drawn from each target.", rich_help_panel=_SETS)
    ] = 500,
    size: Annotated[
        int | None,
        typer.Option(
            min=1,
            metavar="ROWS",
            help="Rows (sentences) of a set; by default 2500, or as a small file allows.",
            rich_help_panel=_SETS,
        ),
    ] = None,
    concentration: Annotated[
        float,
        typer.Option(
            help="Of the Dirichlet distribution of the priors: lower for larger shifts.",
            rich_help_panel=_SETS,
        ),
    ] = 1.0,
    grid: Annotated[
        int,
        typer.Option(
            min=0, help="All priors in steps of 1/GRID instead; 0: none.", rich_help_panel=_SETS
        ),
    ] = 0,
    prior: Annotated[
        list[str] | None,
        typer.Option(
            metavar="LABEL=SHARE,…",
            help="This prior instead; may be repeated. Labels left out share the rest.",
            rich_help_panel=_SETS,
        ),
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Of the draws.", rich_help_panel=_SETS)] = 0,
    baseline: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="Model that improvements are over; by default the run's zero-shot stage.",
            rich_help_panel=_MEASURES,
        ),
    ] = None,
    estimate: Annotated[
        str,
        typer.Option(
            metavar="NAME",
            help="How priors are estimated: bbse, or bbse-hard as published.",
            rich_help_panel=_MEASURES,
        ),
    ] = "bbse",
    least: Annotated[
        int,
        typer.Option(
            min=1,
            help="Rows a class needs in a set to count in its feature shift; published: 1.",
            rich_help_panel=_MEASURES,
        ),
    ] = 10,
    plot: Annotated[bool, typer.Option("--plot", help="Draw study.png and study.svg.")] = False,
    text: options.Text = None,
    text_pair: options.TextPair = None,
    label: options.Label = None,
    format: options.Format = None,
    as_json: options.Json = False,
) -> None:
    """Evaluate models on many sets with other class balances, drawn from labelled targets.

    Each model passes over each target once. DIR gets study.json, and study.csv with a row for each
    set and model: scores, prior shift, feature shift, and the error of the estimated prior.

    Example: isogloss study --model runs/de --target test.de.csv --output studies/de --plot
    """
    given = tuple(read_shares(text, code="E720") for text in prior or [])
    with importing():
        from isogloss.cli.progress import shown_progress
        from isogloss.data.atomic import check_writable
        from isogloss.recipes.study import StudySettings, save_study, study_files
        from isogloss.study.plans import PriorPlan

    settings = StudySettings(
        sets=sets,
        size=size,
        plan=PriorPlan(concentration=concentration, grid=grid, given=given),
        estimate=estimate,
        least_rows=least,
        baseline=baseline,
        seed=seed,
    )
    check_writable(output)
    with shown_progress() as progress:
        found = study_files(
            model,
            target,
            source=source,
            settings=settings,
            columns={"text": text, "text_pair": text_pair, "label": label},
            format=format,
            progress=progress,
        )
    save_study(found, output)
    pictures = []
    if plot:
        from isogloss.plots.study import draw_study

        pictures = draw_study(found.report, found.columns, output)
    if as_json:
        typer.echo(json_text(found.report))
        return
    from isogloss.cli.study_tables import study_tables

    console = stdout()
    console.print(stacked(*study_tables(found.report)))
    console.print()
    places = [output / "study.json", output / "study.csv", *pictures]
    for place in places:
        console.print(Text(one_line(str(place))), soft_wrap=True)
