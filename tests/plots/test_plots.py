"""The plots: each draws what it was given, on the axes it was given, whatever the names are."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import matplotlib.pyplot
import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.colors import to_hex
from matplotlib.figure import Figure

from isogloss import plots
from isogloss.errors import IsoglossError
from isogloss.plots.style import COLOURS, SERIES, name_series, percent, short

NASTY = ["_hidden", "$\\frac{", "a" * 300, "<b>\x00\ud800"]
RNG = np.random.default_rng(0)
LABELS = np.arange(40) % 4
ROWS = RNG.dirichlet(np.ones(4), size=40)
FEATURES = RNG.normal(size=(40, 5))


def priors(names: list[str], **more: Any) -> Axes:
    interval = [[0.1, 0.4]] * 4
    shares = {"source": [0.25] * 4, "estimate": [0.1, 0.2, 0.3, 0.4]}
    return plots.plot_priors(shares, names, interval=interval, **more)


def scores(names: list[str], **more: Any) -> Axes:
    return plots.plot_scores(dict.fromkeys(names, 0.5), served=names[1], optimum=0.9, **more)


def training(names: list[str], **more: Any) -> Axes:
    return plots.plot_training({name: ([1, 2], [0.5, 0.25]) for name in names}, **more)


def reliability(names: list[str], **more: Any) -> Axes:
    return plots.plot_reliability(dict.fromkeys(names, ROWS), LABELS, **more)


def confusion(names: list[str], **more: Any) -> Axes:
    return plots.plot_confusion(LABELS, LABELS[::-1], names, **more)


def features(names: list[str], **more: Any) -> Axes:
    return plots.plot_features(FEATURES, LABELS, FEATURES + 1, LABELS, names, **more)


ALL = [priors, scores, training, reliability, confusion, features]


@pytest.mark.parametrize("plot", ALL)
def test_names_are_text_and_nothing_else(plot: Callable[..., Axes], tmp_path: Path) -> None:
    """No dollar is mathematics, no underscore hides, and no half character stops the writing."""
    ax = plot(NASTY)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.filterwarnings("ignore", message="Glyph")
        plots.save_plot(ax, tmp_path / "a.svg")
    legend = ax.get_legend()
    shown = [t.get_text() for t in (*ax.get_xticklabels(), *ax.get_yticklabels())]
    shown += [] if legend is None else [t.get_text() for t in legend.get_texts()]
    assert any(text.startswith("_hidden") for text in shown)
    assert any(text.startswith("$\\frac{") for text in shown)
    assert all(len(text) < 60 for text in shown)


@pytest.mark.parametrize("plot", ALL)
def test_draws_on_the_axes_given_or_its_own(plot: Callable[..., Axes], tmp_path: Path) -> None:
    names = ["a", "b", "c", "d"]
    ax = Figure().subplots()
    assert plot(names, ax=ax) is ax
    own = plot(names)
    assert own.figure is not ax.figure
    assert matplotlib.pyplot.get_fignums() == []
    for ending in ("svg", "pdf"):
        paths = [tmp_path / f"{which}.{ending}" for which in "ab"]
        for path in paths:
            plots.save_plot(plot(names), path)
        assert paths[0].read_bytes() == paths[1].read_bytes()


def test_settings_of_the_user_are_left_alone() -> None:
    before = dict(matplotlib.rcParams)
    priors(["a", "b", "c", "d"])
    assert dict(matplotlib.rcParams) == before


def test_colours_differ_in_lightness_or_hue_for_everyone() -> None:
    """Series by lightness, as a copy in grey keeps nothing else."""

    def lightness(colour: str) -> float:
        red, green, blue = (int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5))
        return 0.299 * red + 0.587 * green + 0.114 * blue

    levels = sorted(lightness(colour) for colour in SERIES.values())
    assert min(np.diff(levels)) > 0.05
    assert len(set(COLOURS)) == len(COLOURS)
    ax = priors(["a", "b", "c", "d"])
    assert {to_hex(bar.get_facecolor()) for bar in ax.patches} == {
        SERIES["source"],
        SERIES["estimate"],
    }


def test_reliability_against_counting_by_hand() -> None:
    probabilities = np.array([[0.9, 0.1], [0.85, 0.15], [0.4, 0.6], [0.3, 0.7]])
    labels = [0, 1, 1, 1]
    found = plots.reliability(probabilities, labels, bins=5)
    np.testing.assert_allclose(found.confidence, [0.65, 0.875])
    np.testing.assert_allclose(found.accuracy, [1.0, 0.5])
    np.testing.assert_allclose(found.share, [0.5, 0.5])
    assert found.error == pytest.approx(0.5 * 0.35 + 0.5 * 0.375)
    weighted = plots.reliability(probabilities, labels, bins=5, counts=[3, 1, 0, 0])
    assert weighted.accuracy.tolist() == [0.75]
    naive = sum(
        abs(float(probabilities.argmax(1)[i] == labels[i]) - probabilities[i].max())
        for i in range(4)
    )
    assert found.error <= naive / 4 + 1e-12


def test_a_row_counted_twice_is_two_rows() -> None:
    twice = np.concatenate([ROWS, ROWS[:7]])
    labels = np.concatenate([LABELS, LABELS[:7]])
    counts = np.where(np.arange(40) < 7, 2.0, 1.0)
    one, other = plots.reliability(twice, labels), plots.reliability(ROWS, LABELS, counts=counts)
    np.testing.assert_allclose(one.accuracy, other.accuracy)
    assert one.error == pytest.approx(other.error)
    predictions = twice.argmax(axis=1)
    np.testing.assert_allclose(
        plots.confusion_shares(labels, predictions, 4),
        plots.confusion_shares(LABELS, predictions[:40], 4, counts=counts),
    )


def test_confusion_rows_are_true_classes() -> None:
    shares = plots.confusion_shares([0, 0, 0, 1], [0, 1, 1, 1], 3)
    np.testing.assert_allclose(shares, [[1 / 3, 2 / 3, 0], [0, 1, 0], [0, 0, 0]])
    ax = plots.plot_confusion([0, 0, 0, 1], [0, 1, 1, 1], ["x", "y", "z"])
    assert [text.get_text() for text in ax.texts] == [
        "33",
        "67",
        "0",
        "0",
        "100",
        "0",
        "0",
        "0",
        "0",
    ]
    many = plots.plot_confusion(np.arange(30), np.arange(30), [f"{i}" for i in range(30)])
    assert "16 most frequent of 30" in many.get_title(loc="left")
    assert not many.texts


def test_principal_components_are_those_of_the_covariance() -> None:
    rows = RNG.normal(size=(60, 4)) * [5.0, 3.0, 1.0, 0.5]
    points = plots.principal_components(rows)
    values, vectors = np.linalg.eigh(np.cov(rows.T))
    np.testing.assert_allclose(np.var(points, axis=0, ddof=1), values[::-1][:2])
    for place in range(2):
        direction = vectors[:, -1 - place]
        direction *= np.sign(direction[np.abs(direction).argmax()])
        np.testing.assert_allclose(points[:, place], (rows - rows.mean(0)) @ direction, atol=1e-9)
    np.testing.assert_allclose(plots.principal_components(rows + 7.0), points, atol=1e-9)
    flat = plots.principal_components(np.outer(np.arange(5.0), [1.0, 0.0]))
    np.testing.assert_allclose(flat[:, 0], np.arange(5.0) - 2)
    np.testing.assert_allclose(flat[:, 1], 0.0, atol=1e-12)


def test_another_projection_and_a_sample_of_the_rows() -> None:
    seen = []

    def first_two(rows: np.ndarray) -> np.ndarray:
        seen.append(rows)
        return rows[:, :2]

    for _ in range(2):
        ax = plots.plot_features(
            FEATURES, LABELS, FEATURES[:8], LABELS[:8], list("abcd"), project=first_two, most=10
        )
    assert seen[0].shape == (18, 5)
    np.testing.assert_array_equal(seen[0], seen[1])
    np.testing.assert_array_equal(seen[0][10:], FEATURES[:8])
    drawn = np.concatenate([part.get_offsets() for part in ax.collections])
    assert sorted(map(tuple, drawn.tolist())) == sorted(map(tuple, seen[0][:, :2].tolist()))


def test_values_at_their_places() -> None:
    ax = scores(["zero-shot", "iwda"])
    assert [bar.get_height() for bar in ax.patches] == [0.5, 0.5]
    assert "50.0" in [text.get_text() for text in ax.texts]
    assert "best possible 90.0" in [text.get_text() for text in ax.texts]
    bounded = plots.plot_scores({"x": 0.5}, intervals={"x": (0.25, 0.75)})
    assert list(bounded.lines[0].get_ydata()) == [0.25, 0.75]
    drawn = training(["x"]).lines[0]
    np.testing.assert_array_equal(drawn.get_xydata(), [[1, 0.5], [2, 0.25]])
    assert percent(0.5) == "50 %"
    assert short("a\nb") == "a b"
    crowd = Figure(figsize=(2, 2)).subplots()
    name_series(crowd, crowd.plot([[0, 1]] * 2), ["w" * 30, "v" * 30], ncols=2)
    assert crowd.get_legend()._ncols == 1


def test_a_gap_where_a_value_is_not_finite() -> None:
    ax = plots.plot_training({"x": ([1, 2, 3], [1.0, np.nan, 2.0])})
    assert np.isnan(ax.lines[0].get_ydata()[1])


@pytest.mark.parametrize(
    ("code", "call"),
    [
        ("E404", lambda: plots.plot_priors({}, ["a"])),
        ("E405", lambda: plots.plot_priors({"source": [0.5, 0.5]}, ["a"])),
        ("E405", lambda: plots.plot_priors({"estimate": [1.0]}, ["a"], interval=[0.1, 0.2])),
        ("E401", lambda: plots.plot_priors({"source": [-0.5]}, ["a"])),
        ("E404", lambda: plots.plot_scores({})),
        ("E407", lambda: plots.plot_scores({"x": 1.5})),
        ("E404", lambda: plots.plot_training({})),
        ("E405", lambda: plots.plot_training({"x": ([1, 2], [1.0])})),
        ("E400", lambda: plots.plot_training({"x": ([np.nan], [1.0])})),
        ("E404", lambda: plots.plot_reliability({}, LABELS)),
        ("E407", lambda: plots.reliability(ROWS, LABELS, bins=1)),
        ("E404", lambda: plots.reliability(ROWS, LABELS, counts=np.zeros(40))),
        ("E405", lambda: plots.reliability(ROWS, LABELS, counts=[1.0])),
        ("E406", lambda: plots.reliability(ROWS + 1, LABELS)),
        ("E403", lambda: plots.plot_confusion([0, 4], [0, 0], list("abcd"))),
        ("E405", lambda: plots.plot_confusion([0, 1], [0], list("abcd"))),
        ("E405", lambda: plots.principal_components([1.0, 2.0])),
        ("E400", lambda: plots.principal_components([[np.inf, 2.0]])),
        ("E405", lambda: features(list("abcd"), project=lambda rows: rows)),
        ("E407", lambda: features(list("abcd"), most=0)),
        ("E650", lambda: plots.save_plot(scores(["a", "b"]), "a.docx")),
    ],
)
def test_what_cannot_be_drawn(code: str, call: Callable[[], Any]) -> None:
    with pytest.raises(IsoglossError) as caught:
        call()
    assert caught.value.code == code
