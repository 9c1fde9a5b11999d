"""`isogloss inspect`: look at the data before training on it."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Annotated, Any

import typer

from isogloss.cli import options
from isogloss.cli.console import json_text, say, stacked, stdout
from isogloss.cli.importing import importing

if TYPE_CHECKING:
    from isogloss.data.inspection import PairReport


def inspect(
    source: Annotated[str, typer.Option(metavar="FILE", help="Data of the language you have.")],
    target: Annotated[str, typer.Option(metavar="FILE", help="Data of the language you want.")],
    task: Annotated[str, typer.Option(metavar=options.TASKS, help="Kind of task.")] = "sequence",
    text: options.Text = None,
    text_pair: options.TextPair = None,
    label: options.Label = None,
    format: options.Format = None,
    model: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Count the word pieces of this model's tokenizer."),
    ] = None,
    max_length: Annotated[
        int | None, typer.Option(min=1, help="Word pieces a text is cut to, as in adapt.")
    ] = None,
    as_json: options.Json = False,
) -> None:
    """Show sizes, labels and lengths of both sides, and what is wrong with them.

    Example: isogloss inspect --source en.csv --target de.csv --model offline
    """
    from isogloss.cli.inspect_tables import label_table, length_table, remarks, size_table

    report = look(
        {"source": source, "target": target},
        {"kind": task, "text": text, "text_pair": text_pair, "label": label},
        format=format,
        model=model,
        max_length=max_length,
    )
    said = remarks(report)
    if as_json:
        facts = dataclasses.asdict(report) | {"remarks": said}
        typer.echo(json_text(facts))
        return
    console = stdout()
    tables = [size_table(report), length_table(report)]
    if report.source.labels or report.target.labels:
        tables.insert(1, label_table(report, ascii_only=console.options.ascii_only))
    console.print(stacked(*tables))
    console.print()
    for line in said or ["Nothing stands out."]:
        say(console, f"- {line}" if said else line)


def look(
    files: dict[str, str],
    task: dict[str, Any],
    *,
    format: str | None,
    model: str | None,
    max_length: int | None,
) -> PairReport:
    """Load both sides, and the tokenizer where a model is named, and inspect them."""
    with importing():
        from isogloss.data.inspection import inspect_pair
        from isogloss.data.loading import check_different_files, load, name_of
        from isogloss.recipes.config import RunConfig
        from isogloss.tasks import make_task

    columns = make_task(task.pop("kind"), **task).columns
    check_different_files(files["source"], files["target"])
    wanted = RunConfig.max_length if max_length is None else max_length
    tokenizer, longest = None, wanted
    if model is not None:
        with importing():
            from isogloss.models.reading import load_tokenizer

        tokenizer, longest = load_tokenizer(model)
    return inspect_pair(
        load(files["source"], format=format),
        load(files["target"], format=format),
        task_columns=columns,
        tokenizer=tokenizer,
        max_length=min(wanted, longest),
        source_name=name_of(files["source"]),
        target_name=name_of(files["target"]),
    )
