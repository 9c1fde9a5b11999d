"""Other libraries' scores are asked the right way, and stand beside ours where they are there."""

from __future__ import annotations

import sys
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import sklearn
from scipy.special import softmax
from sklearn.metrics import accuracy_score, balanced_accuracy_score

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "benchmarks"))

import selection
from isogloss.selection import CandidateRows, score_candidates
from isogloss.selection.light import fit_light
from selectionbench import outside
from selectionbench.cases import Case
from selectionbench.measures import read_lines
from selectionbench.outside import Shown, load_scorers, outside_names, shown_of
from selectionbench.rules import rules
from tests.helpers.candidates import candidate, draw_sides
from tests.test_benchmarks_selection import METHODS, write_runs

STUB = "selectionbench_stub"
# Whether they are there is asked without importing them: skada changes scikit-learn's settings.
needs = {
    name: pytest.mark.skipif(find_spec(name) is None, reason=f"{name} is not installed")
    for name in ("skada", "pytorch_adapt")
}
# Scores that need no more than sure and right predictions to be high.
RANKING = {
    "skada": (
        "ImportanceWeightedScorer",
        "PredictionEntropyScorer",
        "CircularValidation",
        "DeepEmbeddedValidation, losses as a column",
        "MixValScorer",
    ),
    "pytorch_adapt": (
        "EntropyValidator",
        "IMValidator",
        "BNMValidator",
        "NearestSourceValidator",
        "ClassClusterValidator",
    ),
}


@pytest.fixture
def rows() -> CandidateRows:
    return candidate(draw_sides(150, 200, seed=3))


@pytest.fixture
def shown(rows: CandidateRows) -> Shown:
    return shown_of(rows, 0)


@pytest.fixture(scope="module")
def case(tmp_path_factory: pytest.TempPathFactory) -> Case:
    root = tmp_path_factory.mktemp("quality")
    write_runs(root, METHODS)
    return Case(pair="tweets-de", shift="natural", seed=0, methods=("zero-shot",), root=root)


@pytest.fixture
def stub(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """A library of one score, the mean confidence, in the place of all others."""
    module = ModuleType(STUB)
    module.SCORERS = {"Confidence": lambda shown: confidence(shown.target_logits)}  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, STUB, module)
    monkeypatch.setattr(outside, "LIBRARIES", {"stub": STUB})
    return module


def confidence(logits: np.ndarray) -> float:
    return float(softmax(logits, axis=1).max(axis=1).mean())


def run(monkeypatch: pytest.MonkeyPatch, root: Path, output: Path) -> None:
    words = ["selection.py", "--runs", str(root), "--results", str(root / "results.jsonl")]
    monkeypatch.setattr(sys, "argv", [*words, "--output", str(output), "--draws", "0"])
    selection.main()


def test_scorers_are_shown_what_a_candidate_says_in_use(rows: CandidateRows) -> None:
    corrected = rows.corrected([0.5, 0.0, 2.0], name="corrected")
    for each in (rows, corrected):
        shown = shown_of(each, 0)
        for found, logits in (
            (shown.source_logits, each.source_logits),
            (shown.target_logits, each.target_logits),
        ):
            np.testing.assert_allclose(softmax(found, axis=1), each.served(logits), atol=1e-6)
        np.testing.assert_array_equal(shown.source_labels, each.source_labels)


def test_rows_of_large_sides_are_drawn_together(
    rows: CandidateRows, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outside, "MOST_ROWS", 40)
    shown, whole = shown_of(rows, 5), shown_of(replace(rows, name="again"), 5)
    assert len(shown.source_labels) == len(shown.target_logits) == 40
    np.testing.assert_array_equal(shown.target_logits, whole.target_logits)
    sampled = {row.tobytes() for row in shown.source_features}
    float32 = rows.source_features.astype(np.float32)
    places = [place for place, row in enumerate(float32) if row.tobytes() in sampled]
    np.testing.assert_array_equal(rows.source_labels[places], shown.source_labels)


def test_libraries_that_are_not_there_are_left_out_and_named(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("skada", "pytorch_adapt", *outside.LIBRARIES.values()):
        monkeypatch.setitem(sys.modules, name, None)
    scorers, left_out = load_scorers()
    assert not scorers
    assert [sentence.split(",")[0] for sentence in left_out] == [
        "the scores of skada",
        "the scores of pytorch-adapt",
    ]


def test_their_scores_are_rules_among_ours(
    stub: ModuleType,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    write_runs(tmp_path, METHODS)
    run(monkeypatch, tmp_path, tmp_path / "out")
    printed = capsys.readouterr().out
    assert printed.count("| stub: Confidence | ") == 1
    path = tmp_path / "out" / "outside.jsonl"
    kept, written = read_lines(path), path.stat().st_mtime_ns
    values = [record["scores"]["stub: Confidence"] for record in kept]
    case = outside.add_outside(read_lines(tmp_path / "out" / "values.jsonl"), kept)
    assert outside_names([case]) == ["stub: Confidence"]
    known = rules(outside=["stub: Confidence"])
    assert known["stub: Confidence"](case) == int(np.argmax(values))
    run(monkeypatch, tmp_path, tmp_path / "out")
    assert path.stat().st_mtime_ns == written
    # Another set of scores is measured anew.
    stub.SCORERS["Doubt"] = lambda shown: -confidence(shown.target_logits)
    run(monkeypatch, tmp_path, tmp_path / "out")
    assert "| stub: Doubt | " in capsys.readouterr().out


def test_a_score_that_is_refused_is_named_and_chooses_nothing(
    stub: ModuleType,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def refuse(shown: Shown) -> float:
        raise ValueError("a class has no row")

    stub.SCORERS["Refused"] = refuse
    write_runs(tmp_path, METHODS)
    run(monkeypatch, tmp_path, tmp_path / "out")
    captured = capsys.readouterr()
    assert "stub: Refused for iwda of tweets-de/natural/seed-0: a class has no row" in captured.err
    assert "| stub: Refused | " not in captured.out
    case = [{"scores": {"stub: x": 1.0}}, {"scores": {}}, {"scores": {"stub: x": 2.0}}]
    assert rules(outside=["stub: x"])["stub: x"](case) == 2


@needs["skada"]
def test_skada_is_asked_what_it_says_it_measures(rows: CandidateRows, shown: Shown) -> None:
    scorers = load_scorers()[0]
    # skada turns this on for the process when it is imported.
    assert not sklearn.get_config()["enable_metadata_routing"]
    found = {name: scorer(shown) for name, scorer in scorers.items() if name.startswith("skada")}
    assert np.isfinite(list(found.values())).all()
    target = softmax(shown.target_logits.astype(np.float64), axis=1)
    entropy = -(target * np.log(target + 1e-7)).mean()
    assert found["skada: PredictionEntropyScorer"] == pytest.approx(-entropy)
    ours = score_candidates([rows], ["snd"])["snd"][0]
    assert found["skada: SoftNeighborhoodDensity"] == pytest.approx(ours, rel=1e-4)
    light = fit_light(shown.target_features, target.argmax(axis=1))
    backwards = light.predict(shown.source_features)
    wanted = balanced_accuracy_score(shown.source_labels, backwards)
    assert found["skada: CircularValidation"] == pytest.approx(wanted)
    same = accuracy_score(shown.source_labels, shown.source_logits.argmax(axis=1))
    assert abs(found["skada: ImportanceWeightedScorer"] - same) < 0.15


@needs["pytorch_adapt"]
def test_pytorch_adapt_is_asked_what_it_says_it_measures(rows: CandidateRows, shown: Shown) -> None:
    scorers, _ = load_scorers()
    # A placeholder that stayed would be taken for the library.
    assert not hasattr(sys.modules.get("torchvision"), "NoSuchName")
    found = {name: scorer(shown) for name, scorer in scorers.items() if name.startswith("pytorch")}
    assert np.isfinite(list(found.values())).all()
    target = softmax(shown.target_logits.astype(np.float64), axis=1)
    entropy = -(target * np.log(target)).sum(axis=1).mean()
    mean = target.mean(axis=0)
    diversity = -(mean * np.log(mean)).sum()
    assert found["pytorch-adapt: EntropyValidator"] == pytest.approx(-entropy, rel=1e-4)
    assert found["pytorch-adapt: DiversityValidator"] == pytest.approx(diversity, rel=1e-4)
    assert found["pytorch-adapt: IMValidator"] == pytest.approx(diversity - entropy, rel=1e-4)
    ours = score_candidates([rows], ["snd"])["snd"][0]
    assert found["pytorch-adapt: SNDValidator"] == pytest.approx(ours, rel=1e-4)


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(f"{library.replace('_', '-')}: {name}", marks=needs[library])
        for library, names in RANKING.items()
        for name in names
    ],
)
def test_a_model_that_knows_nothing_is_ranked_below(name: str) -> None:
    good = shown_of(candidate(draw_sides(150, 200, seed=3)), 0)
    rng = np.random.default_rng(0)
    noise = {
        side: 0.01 * rng.normal(size=getattr(good, side).shape).astype(np.float32)
        for side in ("source_logits", "target_logits")
    }
    scorer = load_scorers()[0][name]
    assert scorer(good) > scorer(replace(good, **noise))


@pytest.mark.parametrize(
    "library", [pytest.param(name, marks=needs[name]) for name in ("skada", "pytorch_adapt")]
)
def test_the_same_rows_have_the_same_scores(library: str, case: Case) -> None:
    prefix = library.replace("_", "-")
    some = {name: each for name, each in load_scorers()[0].items() if name.startswith(prefix)}
    first, again = (outside.measure_outside(case, "stamp", some) for _ in range(2))
    assert first == again
    assert [set(record["scores"]) for record in first] == [set(some)] * len(first)


def test_the_versions_are_those_that_are_described() -> None:
    folder = Path(selection.__file__).parent
    wanted = dict(
        line.split("==")
        for line in (folder / "requirements-scorers.txt").read_text().splitlines()
        if not line.startswith("#")
    )
    for library, module in outside.LIBRARIES.items():
        described = (folder / f"{module.replace('.', '/')}.py").read_text().splitlines()[0]
        assert f"{library} {wanted[library]}" in described
