"""The benchmark of labelled rows draws what it says, scores on the rest and compares rightly."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
from sklearn.metrics import f1_score

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "benchmarks"))

import labelled
from labelledbench.refits import FACTORS, refits, refits_table
from labelledbench.tables import RULES, alone, choices_table, counts, guarded, sharp, tuning_tables
from labelledbench.trials import Setting, Trial, prepare, prior_errors, trials
from selectionbench.cases import Case, find_cases
from selectionbench.tables import signed
from tests.test_benchmarks_selection import METHODS, write_runs


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("quality")
    write_runs(root, METHODS)
    return root


@pytest.fixture(scope="module")
def setting(runs: Path) -> Setting:
    case = Case(pair="tweets-de", shift="natural", seed=0, methods=tuple(METHODS), root=runs)
    return prepare(case)


@pytest.fixture(scope="module")
def drawn(setting: Setting) -> list[Trial]:
    return list(trials(setting, (0, 10, 60, 150), times=4))


def test_one_method_more_than_zero_shot_makes_a_case(tmp_path: Path) -> None:
    records = write_runs(tmp_path, {"zero-shot": 0.0, "iwda": 0.4})
    cases, left_out = find_cases(tmp_path, records, tuple(METHODS), needed=("zero-shot",))
    assert [each.methods for each in cases] == [("zero-shot", "iwda")]
    assert not left_out


def test_trials_score_on_rows_that_are_never_labelled(setting: Setting, drawn: list[Trial]) -> None:
    # 150 of 200 test rows would leave too few to score on.
    assert counts(drawn) == [0, 10, 60]
    assert [trial.count for trial in drawn[:3]] == [0, 10, 60]
    assert {len(trial.evidence) for trial in drawn if trial.count} == {len(setting.standings)}
    assert all(not trial.evidence for trial in drawn if not trial.count)
    order = np.random.default_rng(0).permutation(np.arange(200))
    rest = np.sort(order[60:])
    predicted = setting.test.predicted[0][rest]
    wanted = f1_score(setting.labels[rest], predicted, average="macro")
    assert drawn[0].truths[0] == pytest.approx(wanted)
    assert {id(trial.truths) for trial in drawn[:3]} == {id(drawn[0].truths)}
    some = order[:10]
    right = (setting.test.predicted[0][some] == setting.labels[some]).mean()
    assert drawn[1].evidence[0].scores["accuracy"].value == pytest.approx(right)


def test_rules_choose_among_the_candidates(drawn: list[Trial]) -> None:
    for trial in drawn:
        chosen = {name: rule(trial) for name, rule in RULES.items()}
        assert chosen["always zero-shot"] == 0
        assert trial.truths[chosen["oracle"]] == trial.truths.max()
    free = [trial for trial in drawn if not trial.count]
    assert len({guarded(trial) for trial in free}) == 1
    assert all(RULES["labelled rows alone"](trial) == 0 for trial in free)


def test_scores_are_told_with_and_without_labels(drawn: list[Trial]) -> None:
    free, few, many = drawn[:3]
    assert sharp(free, 0).value == free.setting.expected[0].value
    assert alone(free, 0) is None
    told = [sharp(trial, 0).interval for trial in (few, many)]
    assert told[1][1] - told[1][0] < told[0][1] - told[0][0]
    own = alone(many, 1)
    assert own is not None
    assert own.interval[0] <= own.value <= own.interval[1]


def test_the_balance_is_better_known_with_more_rows(setting: Setting) -> None:
    errors = prior_errors(setting, (0, 10, 100), times=3)
    assert set(errors) == {0, 10, 100}
    assert errors[100][1] < errors[10][1] < errors[0][1] == 1.0


def test_tables_have_a_row_for_each_rule_and_count(drawn: list[Trial]) -> None:
    lines = choices_table(drawn).splitlines()
    assert len(lines) == 2 + len(RULES) * 3
    zero = [line for line in lines if line.startswith("| always zero-shot | 10 ")]
    assert zero[0].split("|")[4].strip() == "+0.0"
    assert "root mean square" in tuning_tables(drawn)


def test_the_command_prints_and_keeps_its_tables(
    runs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["labelled.py", "--runs", str(runs), "--results", str(runs / "results.jsonl")]
    command += ["--output", str(tmp_path / "out"), "--counts", "10", "--times", "2"]
    command += ["--candidates", ",".join(METHODS), "--draws", "1", "--prior-times", "1"]
    command += ["--refit-times", "1"]
    monkeypatch.setattr(sys, "argv", command)
    labelled.main()
    printed = capsys.readouterr().out
    assert "## As they are (1 cases)" in printed
    assert "## Other balances (2 cases)" in printed
    assert "### Heads trained on them" in printed
    assert (tmp_path / "out" / "tables.md").read_text("utf-8") == printed


@pytest.mark.slow
def test_heads_are_refitted_to_target_rows(runs: Path) -> None:
    case = Case(pair="tweets-de", shift="natural", seed=0, methods=tuple(METHODS), root=runs)
    # 200 of 300 target rows would leave too few to score on, and of 5 no head can be held out.
    found = list(refits(case, (0, 5, 50, 200), times=2))
    assert [(each.method, each.count) for each in found] == [("zero-shot", 50)] * 2 + [
        ("last", 50)
    ] * 2
    assert all(each.accepted(None) and not each.accepted(1e9) for each in found)
    lines = refits_table(found).splitlines()
    assert len(lines) == 2 + 2 * len(FACTORS)
    always = [each.gain for each in found if each.method == "zero-shot"]
    assert lines[2].split("|")[5].strip() == signed(float(np.mean(always)))
