"""The report of a run: one HTML file that needs nothing else, and no network."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import yaml
from jinja2 import Environment, PackageLoader, StrictUndefined

from isogloss.data.atomic import naming, replacing
from isogloss.errors import IsoglossError
from isogloss.models.card import EXAMPLES, OFFLINE_BASE, is_control
from isogloss.report import wording
from isogloss.report.findings import Findings, look
from isogloss.report.reading import REPORT, RunFacts, read_run
from isogloss.report.scores import (
    SETS,
    Scored,
    expected_name,
    scored_candidates,
    scores_on_test,
    served_on_test,
)

# Rows of a table of classes, and characters of a text of the user's.
MOST_CLASSES, MOST_CHARACTERS = 40, 300
MOST_WARNINGS = 50
# Line ends are for settings, and halves of characters for the encoder, which shows them.
_KEPT = re.compile("[\n\t\ud800-\udfff]")
# Sections that have pictures.
SECTIONS = ("scores", "balance", "trust", "layers", "features", "curves")


def write_report(
    folder: str | Path, path: str | Path | None = None, *, findings: Findings | None = None
) -> Path:
    """Write the report of a finished run.

    Args:
        folder: of the run.
        path: the file to write, whole or not at all; `report.html` in the run folder by default.
        findings: what `look` found, where that is known already.

    Returns:
        The file. A part that cannot be made is left out, with the warning W708.

    Raises:
        IsoglossError: E524, E525, E532 as `read_run`; E740 for a path that does not end in .html;
            E121 where it cannot be written.

    Example:
        >>> write_report("runs/de")
    """
    run = read_run(folder)
    path = run.root / REPORT if path is None else Path(path)
    if path.suffix.lower() not in (".html", ".htm"):
        raise IsoglossError("E740", path=path)
    text = inactive(render(run, look(run) if findings is None else findings))
    with replacing(path) as temporary, naming(path):
        # Half a character, which no UTF-8 can hold, becomes a question mark.
        temporary.write_text(text, "utf-8", errors="replace")
    return path


def inactive(page: str) -> str:
    """The page with spaces for control characters, and for those that turn the direction around.

    Only texts of the user's hold any.
    """
    active = {mark for mark in set(page) if is_control(mark) and not _KEPT.match(mark)}
    return page.translate(dict.fromkeys(map(ord, active), " "))


def render(run: RunFacts, found: Findings) -> str:
    """The page as text.

    Args:
        run: its facts.
        found: from `look`.
    """
    environment = Environment(
        loader=PackageLoader("isogloss.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"percent": wording.percent, "cut": cut}
    pictures = draw(run, found)
    candidates = scored_candidates(run.metrics)
    return environment.get_template("report.html").render(
        run=run,
        found=found,
        pictures=pictures,
        words=wording,
        asked=asked(run),
        scores=[row for each in candidates for row in score_rows(each)],
        measures=measures(candidates),
        summary=summary(run, found),
        balance=balance_rows(run),
        warnings=[wording.warning_text(text) for text in run.metrics.get("warnings", ())],
        most_warnings=MOST_WARNINGS,
        settings=yaml.safe_dump(dict(run.config), sort_keys=False, allow_unicode=True),
        example=EXAMPLES[run.config["task"]].replace(
            "path/to/this/folder", str(run.root / "model")
        ),
        commands=commands(run),
        version=version("isogloss"),
    )


def draw(run: RunFacts, found: Findings) -> dict[str, list[Any]]:
    """The pictures by section; a section without any has an empty list."""
    # Not on top: it loads the plotting library, which the text alone does not need.
    from isogloss.report import figures
    from isogloss.report.layers import draw_layers, layer_shifts

    tested = scores_on_test(run.metrics)
    served, weights = found.rows.get(run.stage), found.weights
    pictures = {
        "balance": found.attempt("the picture of the balance", lambda: [figures.balance(run)]),
        "scores": found.attempt("the picture of scores", lambda: [figures.scores(run, tested)]),
        "curves": found.attempt("the training curves", lambda: figures.curves(run)),
    }
    if served is not None:
        pictures["trust"] = found.attempt(
            "reliability and confusion",
            lambda: (
                figures.reliability(served, weights, corrected=found.corrects)
                + figures.confusion(run, served, weights, corrected=found.corrects)
            ),
        )
    analysis = run.analysis
    if analysis is not None:
        pictures["layers"] = found.attempt(
            "the shift by layer",
            lambda: [draw_layers(i, each) for i, each in enumerate(layer_shifts(analysis))],
        )
    shown = dict.fromkeys((found.before, found.after))
    stages = {name: found.rows.get(name.removesuffix("+prior")) for name in shown}
    pictures["features"] = found.attempt(
        "the pictures of features",
        lambda: [
            figures.features(run, name, rows, weights if name.endswith("+prior") else None)
            for name, rows in stages.items()
            if rows is not None
        ],
    )
    return {name: [each for each in pictures.get(name) or [] if each] for name in SECTIONS}


def measures(candidates: Sequence[Scored]) -> list[str]:
    """The measures that any candidate has a score of, in their order, those expected last."""
    taken = [measure for each in candidates for found in each.sets.values() for measure in found]
    told = [each.expected["metric"] for each in candidates if each.expected is not None]
    return list(dict.fromkeys([*taken, *told]))


def score_rows(candidate: Scored) -> list[tuple[str, str, Mapping[str, float]]]:
    """Rows of the table of scores: the candidate, what they are of, and the score by measure."""
    name = candidate.label
    found = [(name, SETS[key], candidate.sets[key]) for key in SETS if key in candidate.sets]
    if candidate.expected is not None:
        place = "target, expected"
        if candidate.expected.get("words"):
            place += ", of words' tags"
        value = float(candidate.expected["value"])
        found.append((name, place, {str(candidate.expected["metric"]): value}))
    return found


def asked(run: RunFacts) -> list[tuple[str, str]]:
    """What the run was told, as pairs of a name and a value."""
    config = run.config
    model = OFFLINE_BASE if config["model"] == "offline" else config["model"]
    pairs = [
        ("Task", wording.TASKS[config["task"]]),
        ("Source, with labels", config["source"]),
        ("Target, without", config["target"]),
        ("Test, to measure on", config["test"]),
        ("Column of the text", run.served.get("text")),
        ("Column of the second text", run.served.get("text_pair")),
        ("Column of the label", run.served.get("label")),
        ("Classes", f"{len(run.labels)}"),
        ("Encoder", model),
        ("Teacher", config.get("teacher")),
        ("Student", config.get("student")),
        ("Recipe", f"{config['recipe']}: {', then '.join(run.stages)}"),
        ("Preset", config["preset"]),
        ("Seed", config["seed"]),
    ]
    return [(name, str(value)) for name, value in pairs if value is not None]


def summary(run: RunFacts, found: Findings) -> list[tuple[str, str, str]]:
    """The main figures: what it is, the figure, and a remark."""
    measure = wording.measure_name(run.metrics["headline"])
    by = wording.BY.get(run.chosen["by"], "")
    # Rows with labels say something, too.
    told = "labelled" in run.metrics
    if told and run.chosen["by"] == "guard":
        by = "chosen among the candidates"
    figures = [("Model served", str(run.chosen["name"]), by)]
    tested, served = scores_on_test(run.metrics), served_on_test(run.metrics)
    if served in tested:
        first = next(iter(tested))
        rest = f"{first}: {wording.percent(tested[first])}" if first != served else ""
        if run.is_corrected and served == run.stage:
            rest = f"{run.stage} before its correction"
        figures.append((f"{measure} on the test file", wording.percent(tested[served]), rest))
    expected = run.metrics.get("expected") or {}
    if "value" in expected:
        low, high = expected["interval"]
        level = f"{100 * expected['level']:g} % interval"
        figures.append(
            (
                f"Expected {expected_name(expected)} on the target",
                f"{100 * low:.1f} to {100 * high:.1f}\u00a0%",
                f"{level}, estimated {'by' if told else 'without'} target labels",
            )
        )
    significant = "significant" if run.prior["significant"] else "not significant"
    figures.append(
        ("Shift of the class balance", f"{run.prior['shift']:.2f}",
         f"total variation, 0 to 1; {significant}")
    )  # fmt: skip
    if found.disagreement is not None:
        rate = found.disagreement.differing / max(1, found.disagreement.rows)
        figures.append(
            ("Predictions that changed", wording.percent(rate), f"{found.before} to {found.after}")
        )
    return figures


def balance_rows(run: RunFacts) -> list[dict[str, Any]]:
    """The largest classes with their shares, in the order of the labels."""
    prior = run.prior
    order = sorted(range(len(run.labels)), key=lambda index: -prior["estimate"][index])
    test: Sequence[float] | None = run.metrics["data"].get("test_shares")
    return [
        {
            "label": run.labels[index],
            "source": prior["source"][index],
            "predicted": prior["predicted"][index],
            "estimate": prior["estimate"][index],
            "interval": prior["interval"][index],
            "true": None if test is None else test[index],
        }
        for index in sorted(order[:MOST_CLASSES])
    ]


def commands(run: RunFacts) -> dict[str, str]:
    """What to type, by purpose."""
    root = shlex.quote(str(run.root))
    ending = Path(str(run.config["target"])).suffix or ".csv"
    others = [name for name in run.chosen["candidates"] if name != run.chosen["name"]]
    config = shlex.quote(str(run.root / "config.yaml"))
    found = {
        "Repeat the run": f"isogloss adapt --config {config} --output AGAIN",
        "Label more data": f"isogloss predict {root} FILE{ending} -o OUT{ending}",
        "Count the classes of other data": f"isogloss prior {root} FILE{ending}",
        "Write this report again": f"isogloss report {root}",
    }
    if others:
        found["Serve another candidate"] = f"isogloss select {root} {others[0]}"
    return found


def cut(text: Any, most: int = MOST_CHARACTERS) -> str:
    """A text of the user's, no longer than `most` characters."""
    spelled = str(text)
    return spelled if len(spelled) <= most else spelled[: most - 1] + "…"
