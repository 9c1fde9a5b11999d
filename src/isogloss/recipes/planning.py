"""What a run is going to train, and how long that may take, said before it does."""

from __future__ import annotations

from collections.abc import Sequence

from isogloss.data import scans
from isogloss.recipes.methods import AUTO, GROUP_OF, Stage
from isogloss.recipes.settings import GROUPS
from isogloss.recipes.stages.training import make_arguments, scale_passes
from isogloss.recipes.workshop import Workshop, rows_per_example
from isogloss.trainers.sampling import batch_examples


def describe_plan(shop: Workshop) -> str:
    """What `auto` trains, what it does with it, and what ends it, as sentences."""
    config = shop.config
    trained = listed([stage.name for stage in config.stages() if not stage.members])
    averages = " and averages of their weights" if config.averages or config.seeds else ""
    by = "without target labels"
    if config.labelled_target is not None:
        by = "by the labelled target rows and by what is known without them"
    if config.budget is None:
        limit = "There is no limit of time; a budget in minutes would set one."
    else:
        limit = (
            f"What is not expected to be trained within {config.budget:g} minutes in all is left "
            "out."
        )
    return f"Candidates are {trained}{averages}; the one to serve is chosen {by}. {limit}"


def describe_times(shop: Workshop) -> str | None:
    """How long the stages to come may take by the pace of the first, as a sentence.

    Returns:
        None where no stage is finished, none is to come, the first trained for less than a second,
            or a student is another encoder, whose pace is not known.
    """
    if shop.config.student is not None:
        return None
    first, *others = (stage for stage in shop.config.stages() if not stage.members)
    to_come = [stage for stage in others if shop.folder.stage_result(stage.name) is None]
    pace = pace_of(shop, first)
    if pace is None or not to_come:
        return None
    times = [f"{stage.name} {about(pace * pieces(shop, stage))}" for stage in to_come]
    return f"By the pace of {first.name}, training takes about: {', '.join(times)}."


def pace_of(shop: Workshop, stage: Stage) -> float | None:
    """Seconds a word piece of a stage; None where it is not finished or took less than a second."""
    found = shop.folder.stage_result(stage.name)
    if found is None or found["seconds"] < 1.0:
        return None
    return float(found["seconds"]) / pieces(shop, stage)


def pieces(shop: Workshop, stage: Stage) -> float:
    """The word pieces that a stage trains on, all passes together; padding does not count.

    A target that gets pseudo-labels is counted as if each of its texts had one from the start.

    Args:
        shop: the run.
        stage: one that trains.
    """
    group = GROUP_OF[stage.method]
    args = make_arguments(GROUPS[group], shop, stage, getattr(shop.config, group))
    source, target = shop.data.train, shop.data.target
    each_source = float(scans.numbers(source, "length").mean())
    each_target = float(scans.numbers(target, "length").mean())
    if stage.method == "distill":
        args.num_train_epochs *= rows_per_example(target) / rows_per_example(source)
        texts = len(source) * args.uses_source + len(target)
        a_pass = each_source * len(source) * args.uses_source + each_target * len(target)
    else:
        texts, a_pass = len(source), each_source * len(source)
        if stage.method != "finetune":
            scale_passes(args, shop)
            a_pass += each_target * len(source)
    passes = float(args.num_train_epochs)
    if shop.config.max_steps is not None:
        batch = batch_examples(args) * args.gradient_accumulation_steps
        passes = min(passes, shop.config.max_steps * batch / texts)
    return passes * a_pass


def about(seconds: float) -> str:
    """A rough time in words, such as "4 min"."""
    if seconds < 90:
        return f"{max(1, round(seconds))} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{seconds / 3600:.1f} h"


def listed(names: Sequence[str]) -> str:
    """Names with commas and "and"."""
    return " and ".join([*filter(None, [", ".join(names[:-1])]), *names[-1:]])


def announce(shop: Workshop) -> None:
    """Say what `auto` is going to do, unless there is nothing left to do."""
    names = (stage.name for stage in shop.config.stages())
    if shop.config.recipe == AUTO and any(shop.folder.stage_result(n) is None for n in names):
        shop.progress.say(describe_plan(shop))


def announce_times(shop: Workshop) -> None:
    """Say, once the first stage is finished, how long the others may take."""
    if (times := describe_times(shop)) is not None:
        shop.progress.say(times)
