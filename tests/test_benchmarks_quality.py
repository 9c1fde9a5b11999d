"""What the table of methods stands on."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.metrics import f1_score

FOLDER = Path(__file__).parents[1] / "benchmarks"
sys.path.insert(0, str(FOLDER))

import quality  # noqa: E402
from qualitybench.grid import METHODS, Cell  # noqa: E402
from qualitybench.resampling import SEED, macro_f1_draws  # noqa: E402
from qualitybench.tables import gains, table  # noqa: E402
from qualitybench.targets import resampled  # noqa: E402
from qualitybench.workers import run_cells  # noqa: E402


def _cell(method: str, pair: str = "tweets-de", shift: str = "natural") -> Cell:
    return Cell(pair=pair, shift=shift, method=method, seed=0)


def _record(method: str, draws: list[float], seed: int = 0, **more: Any) -> dict[str, Any]:
    return {
        "pair": "tweets-de",
        "shift": "natural",
        "method": method,
        "seed": seed,
        "headline": "macro_f1",
        "scores": {"accuracy": draws[0], "macro_f1": draws[0]},
        "feature_shift": 1.0,
        "prior_error": 0.1,
        "settings": [],
        "draws": draws,
        **more,
    }


def test_draws_are_the_scores_of_sentences_drawn_anew() -> None:
    rng = np.random.default_rng(0)
    examples = np.sort(rng.integers(0, 20, 80))
    labels, probabilities = rng.integers(0, 3, 80), rng.dirichlet(np.ones(4), 80)
    found = macro_f1_draws(probabilities, labels, examples, resamples=5)
    predicted = probabilities.argmax(1)
    names, example = np.unique(examples, return_inverse=True)
    rng = np.random.default_rng(SEED)
    expected = [np.ones(len(names))]
    expected += [rng.multinomial(len(names), np.full(len(names), 1 / len(names))) for _ in range(5)]
    for value, weights in zip(found, expected, strict=True):
        naive = f1_score(
            labels,
            predicted,
            labels=[0, 1, 2],
            average="macro",
            sample_weight=weights[example],
            zero_division=0,
        )
        assert value == pytest.approx(naive, abs=1e-4)


def test_a_gain_is_paired_by_seed_and_draw() -> None:
    before = [_record("zero-shot", [0.5, 0.4, 0.6], seed=s) for s in (0, 1)]
    after = [_record("iwda", [0.6, 0.6, 0.6], seed=s) for s in (1, 2)]
    found = gains(before, after)
    assert found is not None
    np.testing.assert_allclose(found, [0.1, 0.2, 0.0])
    assert gains(before[:1], after) is None


def test_a_gain_is_over_the_same_machine() -> None:
    before = [_record("zero-shot", [0.5, 0.5], machine=name) for name in ("one", "other")]
    before[0]["draws"] = [0.3, 0.3]
    found = gains(before, [_record("iwda", [0.6, 0.7], machine="other")])
    assert found is not None
    np.testing.assert_allclose(found, [0.1, 0.2])
    assert gains(before, [_record("iwda", [0.6, 0.7])]) is None


def test_on_another_machine_zero_shot_is_trained_first() -> None:
    wanted = [_cell("iwda"), _cell("keung2019"), _cell("zero-shot", shift="0.4")]
    found = quality.with_references(wanted, set())
    assert found == [_cell("zero-shot"), *wanted]
    assert quality.with_references(wanted, {_cell("zero-shot").key}) == wanted


def test_the_table_has_a_line_for_each_method_of_each_case() -> None:
    records = [_record("iwda", [0.6, 0.6]), _record("zero-shot", [0.5, 0.4])]
    lines = table(records).splitlines()
    assert [line.split("|")[3].strip() for line in lines[2:]] == ["zero-shot", "iwda"]
    assert "+10.0 (+20.0 to +20.0)" in lines[3]


def test_records_of_other_settings_and_cut_off_lines_do_not_count(tmp_path: Path) -> None:
    results = tmp_path / "results.jsonl"
    mine, other = _record("iwda", [0.5]), _record("iwda", [0.7], settings=["a=1"])
    quality.append(results, mine)
    quality.append(results, other)
    with results.open("a") as file:
        file.write(json.dumps(mine)[:30])
    assert quality.read(results, []) == [mine]
    assert quality.read(results, ["a=1"]) == [other]
    later = _record("kd", [0.6])
    quality.append(results, later)
    assert quality.read(results, []) == [mine, later]


def test_what_a_cell_starts_from_is_made_again_where_it_is_gone(tmp_path: Path) -> None:
    found = quality.with_starts([_cell("iwda+st")], tmp_path)
    assert [cell.method for cell in found] == ["zero-shot", "iwda", "iwda+st"]
    done = tmp_path / "runs" / _cell("iwda").key
    done.mkdir(parents=True)
    (done / "metrics.json").write_text("{}")
    assert [c.method for c in quality.with_starts([_cell("iwda+st")], tmp_path)] == ["iwda+st"]


def fail_or_name(cell: Cell) -> dict[str, Any]:
    """Stands for a run; picklable."""
    if cell.method == "kd":
        raise RuntimeError("as asked")
    return {"method": cell.method}


def test_a_cell_starts_from_one_with_the_same_first_stage() -> None:
    for name, method in METHODS.items():
        start = METHODS[method.shared] if method.shared else None
        # A stage is taken over only where its settings agree; zero-shot's group is `finetune`.
        found, wanted = (
            {k: v for k, v in each.settings.items() if k.startswith("finetune.")}
            for each in (start or method, method)
        )
        assert found == wanted, name


@pytest.mark.parametrize("workers", [1, 2])
def test_a_failed_cell_is_left_out_and_the_rest_goes_on(workers: int) -> None:
    wanted = [_cell("zero-shot"), _cell("kd"), _cell("iwda"), _cell("iwda+kd")]
    found = {c.method: r for c, r in run_cells(wanted, fail_or_name, workers=workers)}
    assert found.pop("kd") is None
    assert found == {name: {"method": name} for name in ("zero-shot", "iwda", "iwda+kd")}


def test_side_by_side_a_cell_waits_for_its_start() -> None:
    wanted = [_cell("iwda+st"), _cell("iwda"), _cell("zero-shot")]
    order = [cell.method for cell, _ in run_cells(wanted, fail_or_name, workers=2)]
    assert order == ["zero-shot", "iwda", "iwda+st"]


@pytest.mark.parametrize("strength", [0.2, 0.4, 0.6])
def test_a_resampled_target_has_the_balance_asked_for(strength: float) -> None:
    labels = ["a"] * 300 + ["b"] * 310 + ["c"] * 290
    rows = resampled(labels, strength=strength)
    shares = np.unique(np.array(labels)[rows], return_counts=True)[1] / len(rows)
    assert np.abs(shares - 1 / 3).sum() / 2 == pytest.approx(strength, abs=0.01)
    assert len(np.unique(rows)) == len(rows)
