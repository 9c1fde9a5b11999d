"""The benchmark of choices reads runs as they are left, knows the truth, and compares rightly."""

from __future__ import annotations

import json
import os
import shutil
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.metrics import f1_score

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "benchmarks"))

import selection
from isogloss.labelshift.calibration import softmax
from isogloss.recipes.candidates import CANDIDATE, save_candidate
from isogloss.selection import Rule, choose, expected_score
from isogloss.trainers.rows import CollectedRows
from selectionbench.anchored import with_expected
from selectionbench.balances import draw_rows
from selectionbench.candidates import candidates_of
from selectionbench.cases import Case, find_cases, lineage
from selectionbench.keeping import KEPT, foretold_by_rule, keep, kept_cases
from selectionbench.measures import measure_all
from selectionbench.outcomes import foretold, outcome
from selectionbench.rules import ORACLE, VALIDATION, rank_correlation, rules, truths
from selectionbench.tables import (
    by_case,
    by_nature,
    choices_table,
    groups,
    rules_table,
    verdict,
)
from selectionbench.truth import Labelled, summary, true_scores
from selectionbench.tuning import expected_with, tuning_tables
from tests.helpers.candidates import SOURCE_PRIOR, draw_sides

NAMES = ("negative", "neutral", "positive")
METHODS = {"zero-shot": 0.0, "iwda": 0.4, "iwda+st": 1.5}
SIZES = {"source": 240, "target": 300, "test": 200}


def write_runs(root: Path, methods: dict[str, float]) -> list[dict[str, object]]:
    """Runs of linear models on Gaussian rows; the noise in their weights makes them worse."""
    sides = draw_sides(SIZES["source"], SIZES["target"] + SIZES["test"], seed=1)
    labels = dict(zip(("target", "test"), np.split(sides.target_labels, [300]), strict=True))
    for side, stem in (("target", "tweets-de.train-1839"), ("test", "tweets-de.test-870")):
        write_csv(root / "data" / f"{stem}-natural.csv", labels[side])
    write_csv(root / "data" / "tweets-en.train-1839-natural.csv", sides.source_labels)
    for method, noise in methods.items():
        weights = 2.0 * np.eye(3) + noise * np.random.default_rng(7).normal(size=(3, 3))
        logits = (sides.source @ weights, *np.split(sides.target @ weights, [300]))
        offset = np.log(SOURCE_PRIOR)
        run = root / "runs" / "tweets-de" / "natural" / "seed-0" / method
        stage = run / "stages" / method
        stage.mkdir(parents=True)
        source, target = (
            CollectedRows(
                (some + offset).astype(np.float32), known, np.arange(len(known)), features
            )
            for some, known, features in (
                (logits[0], sides.source_labels, sides.source),
                (logits[1], labels["target"], sides.target[:300]),
            )
        )
        save_candidate(stage / CANDIDATE, source=source, target=target)
        test = {"labels": labels["test"], "examples": np.arange(200)}
        np.savez(run / "test.npz", probabilities=softmax(logits[2] + offset), **test)
        (run / "prior.json").write_text(json.dumps({"labels": NAMES}))
    place = {"pair": "tweets-de", "shift": "natural", "seed": 0, "settings": []}
    records = [place | {"method": method} for method in methods]
    lines = "".join(json.dumps(record) + "\n" for record in records)
    (root / "results.jsonl").write_text(lines)
    return records


def write_csv(path: Path, labels: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = [f"text {place},{NAMES[label]}" for place, label in enumerate(labels)]
    path.write_text("\n".join(["text,label", *lines]) + "\n")


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("quality")
    write_runs(root, METHODS)
    return root


@pytest.fixture(scope="module")
def case(runs: Path) -> Case:
    return Case(pair="tweets-de", shift="natural", seed=0, methods=tuple(METHODS), root=runs)


@pytest.fixture(scope="module")
def records(case: Case, tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, object]]:
    cases = [case, *case.drawn((0.4,), 1)]
    found = measure_all(cases, tmp_path_factory.mktemp("values") / "values.jsonl")
    return [record | {"truth": record["truths"]["test"]} for record in found]


def by_candidate(records: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return {record["candidate"]: record for record in records}


def test_cases_that_are_not_finished_are_left_out_and_named(tmp_path: Path) -> None:
    records = write_runs(tmp_path, METHODS)
    cases, left_out = find_cases(tmp_path, records, tuple(METHODS))
    assert [each.methods for each in cases] == [("zero-shot", "iwda", "iwda+st")]
    assert not left_out
    assert find_cases(tmp_path, records[:2], tuple(METHODS)) == (
        [],
        ["tweets-de/natural/seed-0: iwda+st not there yet"],
    )
    cases[0].files("iwda")[1].unlink()
    cases, left_out = find_cases(tmp_path, records, tuple(METHODS))
    assert not cases
    assert "test.npz" in left_out[0]


def test_methods_that_go_on_from_one_another_are_of_one_lineage(case: Case) -> None:
    assert case.jury == {"zero-shot": "zero-shot", "iwda": "zero-shot", "iwda+st": "zero-shot"}
    assert {lineage(name) for name in ("st", "st-published", "iwda-oracle")} == {"zero-shot"}
    for name in ("kd", "iwda+kd", "wu2020", "keung2019", "zero-shot-balanced"):
        assert lineage(name) == name
    assert lineage("iwda-balanced") == "zero-shot-balanced"


def test_averages_are_judged_and_judge_nobody(tmp_path: Path) -> None:
    records = write_runs(tmp_path, METHODS)
    run = tmp_path / "runs" / "tweets-de" / "natural" / "seed-0"
    wanted = ("zero-shot", "zero-shot-average", "iwda", "iwda-average", "iwda+st")
    cases, left_out = find_cases(tmp_path, records, wanted)
    assert not cases
    assert "zero-shot-average" in left_out[0]
    # As if averaging a stage gave what the stage behind it predicts.
    for method, other in (("zero-shot", "iwda"), ("iwda", "iwda+st")):
        shutil.copytree(
            run / other / "stages" / other, run / method / "stages" / f"{method}-average"
        )
        shutil.copy(run / other / "test.npz", run / method / "test-average.npz")
    (case,) = find_cases(tmp_path, records, wanted)[0]
    assert case.methods == wanted
    assert case.jury == dict.fromkeys(METHODS, "zero-shot")
    with_averages = by_candidate(measure_all([case], tmp_path / "with.jsonl"))
    (case,) = find_cases(tmp_path, records, tuple(METHODS))[0]
    without = by_candidate(measure_all([case], tmp_path / "without.jsonl"))
    assert set(with_averages) > set(without)
    for name, record in without.items():
        assert with_averages[name]["standing"] == record["standing"]
        assert with_averages[name]["truths"] == record["truths"]
    for average, same in (("zero-shot-average", "iwda"), ("iwda-average", "iwda+st")):
        assert with_averages[average]["truths"] == without[same]["truths"]
        found, known = (
            each["standing"]["macro_f1"] for each in (with_averages[average], without[same])
        )
        for name in ("gain", "source_gain", "changed"):
            assert found[name] == pytest.approx(known[name])


def test_the_truth_is_that_of_the_labels(case: Case) -> None:
    plain = candidates_of(case)[0]
    with np.load(case.files("zero-shot")[1]) as file:
        predicted, labels = file["probabilities"].argmax(axis=1), file["labels"]
    found = true_scores(plain.test)
    assert found["accuracy"][0] == pytest.approx((predicted == labels).mean())
    assert found["macro_f1"][0] == pytest.approx(f1_score(labels, predicted, average="macro"))
    both = true_scores(plain.both)["accuracy"][0]
    assert len(plain.both.labels) == 500
    assert both == pytest.approx((plain.both.predicted == plain.both.labels).mean())
    # Rows that are drawn a thousand times at random would be right in a third of the cases.
    assert both > 0.7


def test_noise_is_that_of_whole_examples() -> None:
    rng = np.random.default_rng(0)
    labels, hits = rng.integers(0, 2, 400), rng.random(400) < 0.8
    rows = Labelled(
        predicted=np.where(hits, labels, 1 - labels),
        labels=labels,
        examples=np.arange(400),
        num_classes=2,
    )
    alone = true_scores(rows)
    noise = summary(alone, alone)
    assert noise["accuracy_noise"] == pytest.approx(np.sqrt(0.8 * 0.2 / 400), rel=0.2)
    assert noise["accuracy_gain_noise"] == 0.0
    fours = replace(
        rows,
        predicted=np.repeat(rows.predicted, 4),
        labels=np.repeat(labels, 4),
        examples=np.repeat(np.arange(400), 4),
    )
    assert true_scores(fours)["accuracy"] == pytest.approx(alone["accuracy"])


def test_drawn_rows_have_the_wanted_balance() -> None:
    labels = np.random.default_rng(0).integers(0, 3, 900)
    kept = draw_rows(labels, np.array([0.6, 0.3, 0.1]), np.random.default_rng(1))
    shares = np.bincount(labels[kept]) / len(kept)
    np.testing.assert_allclose(shares, [0.6, 0.3, 0.1], atol=0.01)
    assert len(np.unique(kept)) == len(kept) > 450


def test_drawn_cases_have_both_sets_at_one_balance(case: Case) -> None:
    drawn = candidates_of(case.drawn((0.4,), 1)[0])[0]
    test = np.bincount(drawn.test.labels, minlength=3) / len(drawn.test.labels)
    rows = len(drawn.test.labels)
    both = np.bincount(drawn.both.labels, minlength=3) - np.bincount(drawn.test.labels, minlength=3)
    target = both / both.sum()
    assert drawn.rows.num_target_rows == both.sum()
    np.testing.assert_allclose(test, target, atol=0.02)
    whole = candidates_of(case)[0].both
    natural = np.bincount(whole.labels, minlength=3) / len(whole.labels)
    assert 0.5 * np.abs(test - natural).sum() == pytest.approx(0.4, abs=0.08)
    assert rows < 200


def test_values_are_kept_until_a_file_changes(tmp_path: Path) -> None:
    records = write_runs(tmp_path, METHODS)
    cases, _ = find_cases(tmp_path, records, tuple(METHODS))
    path = tmp_path / "values.jsonl"
    first = measure_all(cases, path)
    written = path.stat().st_mtime_ns
    # What is read back is what was measured, but for tuples that JSON knows as lists.
    again = measure_all(cases, path)
    assert again == json.loads(json.dumps(first))
    assert path.stat().st_mtime_ns == written
    os.utime(cases[0].files("iwda")[1], ns=(1, 1))
    measure_all(cases, path)
    assert path.stat().st_mtime_ns != written
    assert len(path.read_text().splitlines()) == len(first)


def test_rules_choose_what_they_say(records: list[dict[str, object]]) -> None:
    case = by_case(records)[0]
    known = rules()
    names = [record["candidate"] for record in case]
    assert names[known["always zero-shot"](case)] == "zero-shot"
    assert names[known["always the last stage"](case)] == "iwda+st"
    assert truths(case)[known[ORACLE](case)] == truths(case).max()
    validated = [record["scores"]["source-macro-f1"] for record in case]
    assert known[VALIDATION](case) == int(np.argmax(validated))
    residuals = [record["scores"]["residual"] for record in case]
    assert known["residual"](case) == int(np.argmin(residuals))
    assert rank_correlation(case, truths(case)) == pytest.approx(1.0)
    assert rank_correlation(case, np.zeros(len(case))) == 0.0


def test_the_guard_leaves_the_model_that_is_much_worse(records: list[dict[str, object]]) -> None:
    for case in by_case(records):
        chosen = case[rules()["guard"](case)]
        assert chosen["method"] != "iwda+st"
        worst = [record["truth"]["macro_f1"] for record in case if record["method"] == "iwda+st"]
        assert case[0]["truth"]["macro_f1"] > max(worst) + 0.05


def test_outcomes_are_regret_and_harm(records: list[dict[str, object]]) -> None:
    cases = by_case(records)
    best = outcome(cases, rules()[ORACLE])
    assert best.regret == best.harmed == 0.0
    last = outcome(cases, rules()["always the last stage"])
    true = [truths(case) for case in cases]
    places = [[r["candidate"] for r in case].index("iwda+st") for case in cases]
    gains = [found[place] - found[0] for found, place in zip(true, places, strict=True)]
    assert last.gain == pytest.approx(np.mean(gains))
    assert last.worst == pytest.approx(min(gains))
    assert last.harmed == last.surely == 1.0
    assert verdict(true[0], places[0]) == "**harms**"


@pytest.mark.parametrize("metric", ["accuracy", "macro_f1"])
def test_candidates_are_expected_where_the_guard_expects_them(case: Case, metric: str) -> None:
    """What the benchmark puts together of records is what a run would have said."""
    records = measure_all([case], case.root / "values.jsonl")
    (found,) = with_expected(by_case(records))
    plain = [each for each in candidates_of(case) if each.rows.correction is None]
    choice = choose(
        [each.rows for each in plain],
        {each.method: each.estimate for each in plain},
        zero_shot="zero-shot",
        metric=metric,
        jury=case.jury,
        seed=case.seed,
    )
    for record in found:
        expected = choice.expected[record["candidate"]]
        beside = record["beside"][metric]
        assert beside["value"] == pytest.approx(expected.value)
        assert beside["interval"] == pytest.approx(expected.interval)
    if metric == "macro_f1":
        assert rules()["guard"](found) == [r["candidate"] for r in found].index(choice.name)


def test_what_was_foretold_is_held_against_the_truth(records: list[dict[str, object]]) -> None:
    cases = by_case(records)
    found = foretold(cases, metric="accuracy", how="alone")
    errors = [
        record["alone"]["accuracy"]["value"] - record["truth"]["accuracy"] for record in records
    ]
    assert found.count == len(records)
    assert found.error == pytest.approx(np.abs(errors).mean())
    assert found.bias == pytest.approx(np.mean(errors))
    assert found.covered <= found.covered_with_noise


@pytest.mark.parametrize("own", [(0.01, 0.01), (0.05, 0.10), (0.15, 0.02)])
def test_other_constants_need_no_new_measurement(case: Case, own: tuple[float, float]) -> None:
    candidate = candidates_of(case)[0]
    rule = Rule(confidence_error=(own[0], own[0]), weighted_error=(own[1], own[1]))
    wanted = expected_score(candidate.rows, candidate.estimate, metric="macro_f1", rule=rule)
    kept = measure_all([case], case.root / "kept.jsonl")[0]
    value, error = expected_with(kept, "macro_f1", own)
    assert value == pytest.approx(wanted.value)
    assert error == pytest.approx(wanted.parts["standard_error"])
    # What the two estimates are apart where label shift is refuted is there under any constants.
    kept["alone"]["macro_f1"]["parts"]["disagreement"] = 0.9
    assert expected_with(kept, "macro_f1", own) == (value, 0.9)


def test_tables_and_the_command(
    runs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    results = str(runs / "results.jsonl")
    words = ["selection.py", "--runs", str(runs), "--results", results]
    kept = tmp_path / "selection.jsonl"
    words += ["--output", str(tmp_path), "--kept", str(kept), "--draws", "1"]
    monkeypatch.setattr(sys, "argv", [*words, "--tune"])
    selection.main()
    printed = capsys.readouterr().out
    assert (tmp_path / "tables.md").read_text() == printed
    # Without the runs the same is said of the cases as they are.
    monkeypatch.setattr(sys, "argv", ["selection.py", "--table", "--kept", str(kept)])
    selection.main()
    table = section(capsys.readouterr().out, "## Rules, set on (1 cases")
    assert table
    assert table == section(printed, "## Rules, set on (1 cases")
    for head in ("## Rules, set on (1 cases", "other balances (3 cases", "Constants of the guard"):
        assert head in printed
    assert "| always the last stage | " in printed
    monkeypatch.setattr(sys, "argv", [*words[:-2], "--candidates", "zero-shot,iwda"])
    with pytest.raises(SystemExit, match="no case"):
        selection.main()
    monkeypatch.setattr(sys, "argv", ["selection.py", "--table", "--kept", str(tmp_path / "none")])
    with pytest.raises(SystemExit, match="no case"):
        selection.main()


def section(text: str, head: str) -> str:
    """A heading and what is below it, up to the next."""
    parts = [part for part in text.split("\n\n##") if f"##{part}".startswith(head)]
    return "".join(parts)


def test_other_candidates_are_not_kept_with_the_usual_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    def kept(*words: str) -> Path:
        monkeypatch.setattr(sys, "argv", ["selection.py", "--output", "out", *words])
        found: Path = selection.parse_arguments().kept
        return found

    assert kept() == KEPT
    assert kept("--candidates", "zero-shot,iwda,iwda+st") == Path("out/kept.jsonl")
    assert kept("--set", "seed=3") == Path("out/kept.jsonl")
    assert kept("--results", "mine.jsonl") == Path("out/kept.jsonl")


def test_kept_cases_are_whole_and_of_this_version(case: Case, tmp_path: Path) -> None:
    records = measure_all([case, *case.drawn((0.4,), 1)], tmp_path / "values.jsonl")
    path = tmp_path / "kept.jsonl"
    keep(records, path)
    (found,), left_out = kept_cases(path)
    assert not left_out
    assert [record["candidate"] for record in found] == [
        record["candidate"] for record in records if not record["drawn"]
    ]
    assert found[0]["scores"]["mano"] == pytest.approx(records[0]["scores"]["mano"], abs=1e-6)
    assert foretold_by_rule([found]) == [found]
    # As measured, not read back: of all cases, drawn ones too.
    assert len(foretold_by_rule(by_case(records))) == 2
    assert not foretold_by_rule([[record | {"rule": {}} for record in found]])
    other = [record | {"case": "tweets-de/natural/seed-1", "seed": 1} for record in records]
    keep([r | {"version": 0} if r["candidate"] == "iwda" else r for r in other], path)
    lacking = [r | {"case": "hotels-es/natural/seed-0", "pair": "hotels-es"} for r in records[:1]]
    keep(lacking, path)
    cases, left_out = kept_cases(path)
    assert cases == [found]
    assert [name.split(":")[0] for name in left_out] == [other[0]["case"], lacking[0]["case"]]
    assert "earlier version" in left_out[0]
    assert "iwda, iwda+st" in left_out[1]


def test_scores_of_other_libraries_stay_with_unchanged_candidates(
    case: Case, tmp_path: Path
) -> None:
    records, path = measure_all([case], tmp_path / "values.jsonl"), tmp_path / "kept.jsonl"
    keep([r | {"scores": r["scores"] | {"other: score": 1.0}} for r in records], path)
    written = path.stat().st_mtime_ns
    keep(records, path)
    assert path.stat().st_mtime_ns == written
    assert all(r["scores"]["other: score"] == 1.0 for r in kept_cases(path)[0][0])
    keep([record | {"stamp": "of other files"} for record in records], path)
    assert all("other: score" not in r["scores"] for r in kept_cases(path)[0][0])


def test_groups_tell_apart_what_constants_are_set_on(records: list[dict[str, object]]) -> None:
    cases = by_case(records)
    assert list(groups(cases)) == ["set on", "set on, other balances"]
    other = [[record | {"pair": "nli-de"} for record in case] for case in cases]
    assert list(groups(other)) == ["reported", "reported, other balances"]
    both = groups([*cases, *other])
    assert both["all"] == both["set on"] + both["reported"]
    assert both["all, natural"] == both["all"]
    assert "naturally shifted" not in by_nature(cases)
    assert by_nature(cases)["naturally even"] == groups(cases)["set on"]
    hotels = [[record | {"pair": "hotels-es"} for record in case] for case in cases]
    assert all(not c[0]["drawn"] for c in by_nature([*cases, *hotels])["naturally shifted"])
    regrets = [float(row.split("|")[2]) for row in rules_table(cases, rules()).splitlines()[2:]]
    assert regrets == sorted(regrets)
    assert regrets[0] == 0.0
    assert "tweets-de/natural/seed-0" in choices_table(cases, rules())
    assert tuning_tables(cases).count("\n") > 20
