"""`isogloss reproduce`: the paper's tables and figures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.text import Text

from isogloss.cli import options
from isogloss.cli.console import cell, duration, json_text, one_line, stdout, table
from isogloss.cli.engines import PANEL, Address, Engine, check_engine
from isogloss.cli.importing import importing

LIST = "list"
_PART, _TRAINING = "Part of the grid", "Training"


def reproduce(
    name: Annotated[
        str,
        typer.Argument(
            metavar="LIST|table1|figure3|…",
            help="What to reproduce; LIST: what there is. Also a .yaml file of your own.",
            show_default=False,
        ),
    ],
    data: Annotated[
        str | None,
        typer.Option(metavar="DIR", help="Folder of the corpora, or 'hub' to download them."),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="DIR", help="Folder for runs and tables."),
    ] = None,
    model: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="mbert, xlm-r-large, offline, a hub name or a folder (default: the paper's).",
            rich_help_panel=_TRAINING,
        ),
    ] = None,
    languages: Annotated[
        str | None,
        typer.Option(
            metavar="es,nl", help="Targets (default: the paper's).", rich_help_panel=_PART
        ),
    ] = None,
    methods: Annotated[
        str | None,
        typer.Option(
            metavar="iwda,…", help="Methods (default: the paper's).", rich_help_panel=_PART
        ),
    ] = None,
    seeds: Annotated[
        int | None,
        typer.Option(help="Trainings of each cell (default: the paper's).", rich_help_panel=_PART),
    ] = None,
    sets: Annotated[
        int | None,
        typer.Option(
            help="Of a figure: targets at other class balances (default: the paper's).",
            rich_help_panel=_PART,
        ),
    ] = None,
    fraction: Annotated[
        float,
        typer.Option(
            metavar="SHARE",
            help="Share of the rows to take; of a test side 500 at least.",
            rich_help_panel=_TRAINING,
        ),
    ] = 1.0,
    max_steps: Annotated[
        int | None,
        typer.Option(min=1, help="Steps, at most, in each stage.", rich_help_panel=_TRAINING),
    ] = None,
    preset: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="Settings of training (default: the paper's).",
            rich_help_panel=_TRAINING,
        ),
    ] = None,
    keep_models: Annotated[
        bool,
        typer.Option(
            "--keep-models",
            help="Keep every model, also when no cell needs it any more.",
            rich_help_panel=PANEL,
        ),
    ] = False,
    engine: Engine = "local",
    address: Address = None,
    dry_run: Annotated[
        bool,
        typer.Option(
            "--dry-run",
            help="Say what would be trained and how long it may take; times a few steps.",
        ),
    ] = False,
    as_json: options.Json = False,
) -> None:
    """Run the grid of one of the paper's tables or figures, and compare with what was published.

    Each cell is kept when it is done: after an interruption the same command goes on. At the end
    there are tables as Markdown, HTML and JSON, with a verdict on each of the paper's claims.

    Example: isogloss reproduce table2 --data corpora/conll --output runs/table2 --dry-run
    """
    if name.lower() == LIST:
        show_list(as_json=as_json)
        return
    for option, value in (("--data", data), ("--output", output)):
        if value is None:
            raise typer.BadParameter("is needed to reproduce something", param_hint=option)
    assert data is not None
    assert output is not None
    check_engine(engine, address)
    with importing():
        from isogloss.cli.progress import shown_progress
        from isogloss.paper.estimating import estimate
        from isogloss.paper.grid import Choices, Wanted
        from isogloss.paper.planning import Request
        from isogloss.paper.reproduce import reproduce as run
    request = Request(
        name=name,
        data=data,
        output=output,
        choices=Choices(model=model, preset=preset, max_steps=max_steps),
        wanted=Wanted(languages=split(languages), methods=split(methods), seeds=seeds, sets=sets),
        fraction=fraction,
        keep_models=keep_models,
    )
    with shown_progress(live=True) as progress:
        if dry_run:
            result = estimate(request, progress=progress)
        else:
            result = run(request, engine=engine_named(engine, address, progress), progress=progress)
    if as_json:
        typer.echo(json_text(result))
    elif dry_run:
        show_estimate(result)
    else:
        show_report(result)
    if not dry_run and result["failed"]:
        raise typer.Exit(FAILED)


# Some cells failed, though the rest is there.
FAILED = 3


def engine_named(engine: str, address: str | None, progress: Any) -> Any:
    """The engine, or None for the local one.

    Raises:
        IsoglossError: E817 where Ray is wanted and not installed.
    """
    if engine == "local":
        return None
    from isogloss.paper.distributed import RayEngine

    return RayEngine(address, progress=progress)


def split(names: str | None) -> tuple[str, ...] | None:
    """Names with commas between; None where there is none."""
    found = (part.strip() for part in (names or "").split(","))
    return tuple(name for name in found if name) or None


def show_list(*, as_json: bool) -> None:
    """Print what can be reproduced."""
    from isogloss.paper.specification import names, specification

    found = [specification(name) for name in names()]
    if as_json:
        rows = [
            {"name": one.name, "title": one.title, "seeds": one.seeds, "draws": list(one.draws)}
            for one in found
        ]
        typer.echo(json_text(rows))
        return
    out = table("The paper's tables and figures", ["name", "shows"], kinds="tt")
    for one in found:
        out.add_row(cell(one.name), cell(one.title))
    stdout().print(out)


def show_estimate(found: Mapping[str, Any]) -> None:
    """Print the grid, its steps, and the time that they may take."""
    console = stdout()
    kinds = list(found["steps"])
    out = table(f"{found['name']}: steps still to train", ["cell", *kinds])
    for one in found["cells"]:
        steps = [f"{one['steps'][kind]:,}" if kind in one["steps"] else "–" for kind in kinds]
        out.add_row(cell(one["key"]), *steps)
    out.add_section()
    out.add_row(cell("in all"), *(f"{found['steps'][kind]:,}" for kind in kinds))
    console.print(out)
    for line in estimate_sentences(found):
        console.print(Text(one_line(line)), soft_wrap=True)


def estimate_sentences(found: Mapping[str, Any]) -> list[str]:
    """What to say below the grid."""
    lines = [f"{place}: left out, {why}" for place, why in found["missing"].items()]
    if found["bytes"]:
        lines.append(
            f"Up to {found['bytes'] / 1e9:,.1f} GB on disk at once, for {found['models']:,} models "
            "and checkpoints, cell after cell; rows and predictions come on top."
        )
    if found["why"] is not None:
        return [*lines, f"Nothing was timed, so there is no estimate of the time: {found['why']}"]
    paces = found["seconds_per_step"].items()
    listed = ", ".join(f"{kind} {1000 * pace:,.0f} ms a step" for kind, pace in paces)
    if not listed:
        return [*lines, "Nothing is left to train."]
    return [
        *lines,
        f"About {duration(found['seconds'])} of training on this machine, by a few steps of each "
        f"kind ({listed}); loading, measuring and writing come on top.",
    ]


def show_report(report: Mapping[str, Any]) -> None:
    """Print the claims, and where the tables are."""
    console = stdout()
    if report["claims"]:
        console.print(claims_shown(report["claims"]))
    total = report["done"] + len(report["failed"])
    console.print(Text(f"{report['done']} of {total} cells are finished."))
    for one in report["failed"]:
        console.print(Text(one_line(f"failed   {one['key']}: {one['error']}")), soft_wrap=True)
    for figure in (*report["studies"], *report["layers"]):
        for path in figure["files"]:
            console.print(Text(one_line(f"figure   {path}")), soft_wrap=True)
    for end, path in report["files"].items():
        console.print(Text(one_line(f"{end:8} {path}")), soft_wrap=True)


def claims_shown(claims: Sequence[Mapping[str, Any]]) -> Any:
    """The claims as a table."""
    out = table(
        "What the paper claims", ["claim", "here", "mean", "95 % interval", "paper"], kinds="ttnnn"
    )
    for one in claims:
        reach = "–" if one["low"] is None else f"{one['low']:+.2f} to {one['high']:+.2f}"
        mean, published = (
            "–" if one[name] is None else f"{one[name]:+.2f}" for name in ("mean", "published")
        )
        out.add_row(
            cell(f"{one['corpus']}: {one['sentence']}"),
            cell(one["verdict"]),
            cell(mean),
            cell(reach),
            cell(published),
        )
    return out
