"""The pictures of a report, each with words for who cannot see it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from markupsafe import Markup
from matplotlib.axes import Axes

from isogloss.labelshift.checks import Floats
from isogloss.plots import (
    plot_confusion,
    plot_features,
    plot_reliability,
    plot_scores,
    plot_training,
)
from isogloss.plots.style import axes_or_new
from isogloss.report.charts import draw_priors
from isogloss.report.reading import RunFacts, StageRows
from isogloss.report.scores import served_on_test
from isogloss.report.svg import inline_svg

# Narrow, so that their letters are legible at the width of a telephone.
SIZE, TALL = (4.4, 3.0), (4.4, 3.9)
# Lines that one picture of class shares can hold.
MOST_LINES = 8
# Points a side in a picture of features.
MOST_POINTS = 600


@dataclass(frozen=True)
class Picture:
    """A drawn plot.

    Attributes:
        svg: the element.
        caption: below it.
    """

    svg: Markup
    caption: str


def balance(run: RunFacts) -> Picture:
    """The class balance: source, as predicted, estimated."""
    ax = draw_priors(run.prior, axes_or_new(None, size=SIZE))
    named = zip(run.labels[:10], run.prior["estimate"], strict=False)
    shares = ", ".join(f"{label} {100 * share:.1f} %" for label, share in named)
    title = f"Bar chart of class shares. Estimated on the target: {shares}. All are in the table."
    return Picture(
        inline_svg(ax, name="plot-balance", title=title),
        "Share of each class: in the source, as predicted on the target, and as estimated there.",
    )


def scores(run: RunFacts, tested: Mapping[str, float]) -> Picture | None:
    """Scores of the stages on the test file, and of the served candidate."""
    if not tested:
        return None
    measure = str(run.metrics["headline"])
    ax = axes_or_new(None, size=SIZE)
    plot_scores(
        tested, measure=measure, where="on the test file", served=served_on_test(run.metrics), ax=ax
    )
    said = ", ".join(f"{stage} {100 * score:.1f} %" for stage, score in tested.items())
    title = f"Bar chart of scores on the test file: {said}."
    caption = "What each stage's model scores on the test file; the served one's bar is dark."
    return Picture(inline_svg(ax, name="plot-scores", title=title), caption)


def curves(run: RunFacts) -> list[Picture]:
    """The training's loss, what the critic made of the features, and class shares it used."""
    found = []
    losses = _logged(run, ("task_loss", "loss"))
    if losses:
        found.append(_curve(losses, "plot-loss", "loss on labelled rows",
                            "Loss over the steps of each stage."))  # fmt: skip
    critics = _logged(run, ("critic_loss",))
    if critics:
        caption = "Loss of the critic over the steps: what still tells the languages apart."
        found.append(_curve(critics, "plot-critic", "critic loss", caption))
    for number, (stage, result) in enumerate(run.stages.items()):
        shares = _shares_over_steps(run, result["log"])
        if shares:
            caption = f"Class shares of the target that {stage} trained under."
            found.append(_curve(shares, f"plot-shares-{number}", f"class shares, {stage}", caption))
    return found


def reliability(stage: StageRows, weights: Floats, *, corrected: bool) -> list[Picture]:
    """How sure and how right the served model is on held-out rows, and what it confuses.

    Args:
        stage: the served one.
        weights: (k,) of the estimated balance; rows of a class count by its weight, so that they
            stand for the target.
        corrected: whether the correction changes anything.
    """
    labels = stage.rows.source_labels
    plain = stage.probabilities("source")
    known: dict[str, Floats] = {"as it is": plain}
    if corrected:
        known["corrected"] = stage.probabilities("source", weights)
    counts = weights[labels]
    if not counts.any():
        return []
    ax = axes_or_new(None, size=TALL)
    plot_reliability(known, labels, counts=counts, ax=ax)
    title = "Reliability diagram: share of rows that are right against the confidence."
    return [
        Picture(
            inline_svg(ax, name="plot-reliability", title=title),
            "How often the model is right where it is so sure; on the dotted line it is as right "
            "as it is sure.",
        )
    ]


def confusion(
    run: RunFacts, stage: StageRows, weights: Floats, *, corrected: bool
) -> list[Picture]:
    """What the served model confuses on held-out rows, before and after the correction."""
    labels, found = stage.rows.source_labels, []
    ways = {"As it is": None, "Corrected": weights} if corrected else {"As it is": None}
    for way, factors in ways.items():
        ax = axes_or_new(None, size=TALL)
        predictions = stage.probabilities("source", factors).argmax(axis=1)
        plot_confusion(labels, predictions, run.labels, title=way, ax=ax)
        right = 100 * float((predictions == labels).mean())
        title = f"Confusion matrix of held-out source rows, {way.lower()}: {right:.1f} % are right."
        caption = f"{way}: what the rows of each true class are called, in percent."
        name = f"plot-confusion-{way.split()[0].lower()}"
        found.append(Picture(inline_svg(ax, name=name, title=title), caption))
    return found


def features(run: RunFacts, name: str, stage: StageRows, weights: Floats | None) -> Picture | None:
    """The features of both sides in the plane of their largest variance."""
    rows = stage.rows
    if rows.source_features is None or rows.target_features is None:
        return None
    ax = axes_or_new(None, size=TALL)
    plot_features(
        rows.source_features,
        rows.source_labels,
        rows.target_features,
        stage.probabilities("target", weights).argmax(axis=1),
        run.labels,
        most=MOST_POINTS,
        seed=int(run.config["seed"]),
        title=name,
        ax=ax,
    )
    title = f"Scatter plot of the features of {name}: source and target rows, coloured by class."
    number = list(run.stages).index(rows.name)
    caption = (
        f"Final features of {name} along their two directions of largest variance. Hollow: source, "
        "coloured by true class; filled: target, by predicted class."
    )
    return Picture(inline_svg(ax, name=f"plot-features-{number}", title=title), caption)


def _curve(curves: Mapping[str, Any], name: str, quantity: str, caption: str) -> Picture:
    ax: Axes = axes_or_new(None, size=SIZE)
    plot_training(curves, quantity=quantity, ax=ax)
    ends = []
    for stage, (_, values) in list(curves.items())[:MOST_LINES]:
        ends.append(f"{stage} from {values[0]:.3g} to {values[-1]:.3g}")
    title = f"Line chart of the {quantity} over steps: {', '.join(ends)}."
    return Picture(inline_svg(ax, name=name, title=title), caption)


def _logged(run: RunFacts, keys: tuple[str, ...]) -> dict[str, tuple[list[float], list[float]]]:
    """Stage -> steps and values of the first of the keys that its log has."""
    found = {}
    for stage, result in run.stages.items():
        for key in keys:
            points = [(e["step"], e[key]) for e in result["log"] if key in e and "step" in e]
            if points:
                found[stage] = _columns(points)
                break
    return found


def _shares_over_steps(
    run: RunFacts, log: list[Mapping[str, Any]]
) -> dict[str, tuple[list[float], list[float]]]:
    """Class -> steps and shares; empty where the log has none, or more than fit a picture."""
    found = {}
    for label in run.labels:
        key = f"prior/{label}"
        points = [(e["step"], e[key]) for e in log if key in e and "step" in e]
        if points:
            found[label] = _columns(points)
    return found if 0 < len(found) <= MOST_LINES else {}


def _columns(points: list[tuple[float, float]]) -> tuple[list[float], list[float]]:
    steps, values = np.asarray(points, dtype=float).T
    return steps.tolist(), values.tolist()
