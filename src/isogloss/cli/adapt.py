"""`isogloss adapt`: train on one language, adapt to another."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from isogloss.cli import options
from isogloss.cli.importing import importing
from isogloss.recipes.methods import RECIPES
from isogloss.recipes.presets import PRESETS

KNOWN, NAMED = ", ".join(RECIPES), ", ".join(PRESETS)
_MODEL, _TRAINING = "Method", "Training"


def adapt(
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="DIR", help="Folder of the run, new or begun.")
    ],
    source: Annotated[
        str | None, typer.Option(metavar="FILE", help="Labelled data of the language you have.")
    ] = None,
    target: Annotated[
        str | None, typer.Option(metavar="FILE", help="Data of the language you want, unlabelled.")
    ] = None,
    test: Annotated[
        str | None, typer.Option(metavar="FILE", help="Labelled target data, only to measure on.")
    ] = None,
    labelled_target: Annotated[
        str | None,
        typer.Option(
            metavar="FILE",
            help="A few labelled random target rows, 5 or (better) 50 or more, to check and choose "
            "by; from 200 on also to refit the last layer, where that gains "
            "(--set train_on_labelled=false: never).",
        ),
    ] = None,
    task: Annotated[
        str | None, typer.Option(metavar=options.TASKS, help="Kind of task (default: sequence).")
    ] = None,
    text: options.Text = None,
    text_pair: options.TextPair = None,
    label: options.Label = None,
    format: options.Format = None,
    model: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="Hub name, folder, or 'offline' (the default).",
            rich_help_panel=_MODEL,
        ),
    ] = None,
    recipe: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help=f"{KNOWN} (default: auto; with a preset of the paper's: iwda).",
            rich_help_panel=_MODEL,
        ),
    ] = None,
    teacher: Annotated[
        str | None,
        typer.Option(
            metavar="DIR",
            help="Run or model to learn from, for kd and wu2020 (default: the run's own).",
            rich_help_panel=_MODEL,
        ),
    ] = None,
    student: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="For kd, wu2020 and iwda+kd: encoder that learns from the teacher (default: the "
            "model).",
            rich_help_panel=_MODEL,
        ),
    ] = None,
    preset: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help=f"{NAMED}: what measures best, or as published (default: default).",
            rich_help_panel=_MODEL,
        ),
    ] = None,
    budget: Annotated[
        float | None,
        typer.Option(
            metavar="MINUTES",
            help="For auto: of training; what would not end in time is left out "
            "(default: no limit).",
            rich_help_panel=_TRAINING,
        ),
    ] = None,
    averages: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            help="Snapshots of each stage whose mean is a candidate, too; 0: none (default: 5 for "
            "auto, else 0).",
            rich_help_panel=_TRAINING,
        ),
    ] = None,
    seeds: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            help="For auto: train each stage under so many seeds; the mean is a candidate, too "
            "(default: 1).",
            rich_help_panel=_TRAINING,
        ),
    ] = None,
    seed: Annotated[
        int | None,
        typer.Option(help="Seed of every random draw (default: 0).", rich_help_panel=_TRAINING),
    ] = None,
    epochs: Annotated[
        float | None,
        typer.Option(
            help="Passes over the source (distillation: over both sides' texts), each stage.",
            rich_help_panel=_TRAINING,
        ),
    ] = None,
    max_steps: Annotated[
        int | None,
        typer.Option(help="Steps, at most, each stage.", rich_help_panel=_TRAINING),
    ] = None,
    batch_size: Annotated[
        int | None,
        typer.Option(
            help="Examples a step, of each side (distillation: of both together).",
            rich_help_panel=_TRAINING,
        ),
    ] = None,
    accumulation: Annotated[
        int | None,
        typer.Option(
            help="Batches summed into one step: large batches in little memory.",
            rich_help_panel=_TRAINING,
        ),
    ] = None,
    gradient_checkpointing: Annotated[
        bool | None,
        typer.Option(
            "--gradient-checkpointing",
            help="Compute activations twice rather than keep them.",
            rich_help_panel=_TRAINING,
        ),
    ] = None,
    config: Annotated[
        Path | None,
        typer.Option(
            metavar="YAML",
            help="Settings from a file; options given here go before it.",
            rich_help_panel=_TRAINING,
        ),
    ] = None,
    set_: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="KEY=VALUE",
            help="Any other setting, such as iwda.n_critic=4 or finetune.sampling=balanced; may be "
            "repeated.",
            rich_help_panel=_TRAINING,
        ),
    ] = None,
) -> None:
    """Train a classifier on a labelled language and adapt it to an unlabelled one.

    Without options it adapts the offline encoder, for one text and one label a row: it trains
    several candidates, and serves the zero-shot model unless another is expected to be better.
    If it is stopped, the same command goes on where it was.

    Example: isogloss adapt --source en.csv --target de.csv --output runs/de
    """
    given = {
        "source": source,
        "target": target,
        "test": test,
        "labelled_target": labelled_target,
        "task": task,
        "text": text,
        "text_pair": text_pair,
        "label": label,
        "format": format,
        "model": model,
        "recipe": recipe,
        "teacher": teacher,
        "student": student,
        "preset": preset,
        "budget": budget,
        "averages": averages,
        "seeds": seeds,
        "seed": seed,
        "epochs": epochs,
        "max_steps": max_steps,
        "batch_size": batch_size,
        "accumulation": accumulation,
        "gradient_checkpointing": gradient_checkpointing,
    }
    settings = build_config(given, config_file=config, assignments=set_ or [])
    with importing():
        from isogloss.cli.progress import shown_progress
        from isogloss.cli.summary import show_result
        from isogloss.recipes.adapt import run

    with shown_progress(live=True) as progress:
        result = run(settings, output, progress=progress)
    show_result(result, settings)


def build_config(given: dict[str, Any], *, config_file: Path | None, assignments: list[str]) -> Any:
    """The run's settings: the file's, then the options given, then `--set`.

    Args:
        given: option values by setting; `None` for an option that was not given.
        config_file: YAML settings, or None.
        assignments: `key=value` texts.

    Returns:
        A `RunConfig`.

    Raises:
        IsoglossError: E640 to E644.
    """
    from isogloss.recipes.config import RunConfig, assign, read_yaml

    values = {} if config_file is None else read_yaml(config_file)
    values |= {name: value for name, value in given.items() if value is not None}
    return RunConfig.from_dict(assign(values, assignments))
