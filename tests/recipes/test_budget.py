"""What a budget leaves out: by foretold times, and in runs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import isogloss
from isogloss.progress import Progress
from isogloss.recipes import planning
from isogloss.recipes.budget import foretold, is_spent, seconds_spent, why_left_out
from isogloss.recipes.starting import TAKEN_OVER
from tests.helpers.shops import shop_of


def left_out(shop: Any) -> dict[str, str]:
    """Why each stage is left out that is, if all others take the time that is foretold."""
    found = {}
    for stage in shop.config.stages():
        if shop.folder.stage_result(stage.name) is not None:
            continue
        why = why_left_out(shop, stage)
        if why is None:
            shop.folder.results[stage.name] = {"seconds": foretold(shop, stage)}
        else:
            found[stage.name] = why
    return found


@pytest.mark.parametrize(
    ("minutes", "wanted"),
    [
        (14.0, {}),
        # 1 min; 3 min; 7 min; 3 min: a short stage may fit where a longer one does not.
        (13.9, {"iwda+st": "it would take about 3 min, the budget has 3 min left"}),
        (10.0, {"iwda+kd": "it would take about 7 min, the budget has 6 min left"}),
        (
            5.0,
            {
                "iwda+kd": "it would take about 7 min, the budget has 60 s left",
                "iwda+st": "it would take about 3 min, the budget has 60 s left",
            },
        ),
        (
            3.0,
            {
                "iwda": "it would take about 3 min, the budget has 2 min left",
                "iwda+kd": "it would go on from iwda",
                "iwda+st": "it would go on from iwda",
            },
        ),
        (
            1.0,
            {
                "iwda": "the budget is used up",
                "iwda+kd": "it would go on from iwda",
                "iwda+st": "it would go on from iwda",
            },
        ),
    ],
)
def test_a_stage_that_would_not_end_in_time_is_left_out(
    minutes: float, wanted: dict[str, str]
) -> None:
    shop = shop_of(epochs=1.0, budget=minutes)
    assert left_out(shop) == {name: f"left out, {why}" for name, why in wanted.items()}
    assert seconds_spent(shop) <= 60 * max(1.0, minutes)
    # Taken up again, it decides as before.
    assert set(left_out(shop)) == set(wanted)


def test_further_seeds_go_first() -> None:
    shop = shop_of(epochs=1.0, budget=29.0, seeds=3, averages=0)
    names = [name for name in left_out(shop) if not name.endswith("-seeds")]
    assert names == [f"{name}-seed-2" for name in ("iwda", "iwda+kd", "iwda+st")]


def test_without_a_budget_and_of_the_first_stage_nothing_is_left_out() -> None:
    assert left_out(shop_of()) == {}
    assert not is_spent(shop_of())
    shop = shop_of(budget=0.0)
    assert is_spent(shop)
    shop.folder.results.clear()
    assert why_left_out(shop, shop.config.stages()[0]) is None


def test_what_another_run_took_is_no_time_of_this_one() -> None:
    shop = shop_of(epochs=1.0, budget=4.0)
    shop.folder.results["zero-shot"][TAKEN_OVER] = "runs/before"
    _, aligned, student, trained = shop.config.stages()
    # Nothing was trained here that tells how long anything takes.
    assert seconds_spent(shop) == 0.0
    assert foretold(shop, aligned) is None
    assert why_left_out(shop, aligned) is None
    shop.folder.results["iwda"] = {"seconds": 120.0}
    assert foretold(shop, student) == pytest.approx(120.0 * 1400 / 600)
    assert why_left_out(shop, student) is not None
    assert why_left_out(shop, trained) is None


def test_a_run_trains_what_the_budget_has_room_for(
    files: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[str] = []

    class Listener(Progress):
        def say(self, text: str) -> None:
            said.append(text)

    # Tiny models train in no time: by this pace only the student, the longest, is too slow.
    sizes = {"zero-shot": 1.0, "iwda": 1.0, "iwda+kd": 1000.0, "iwda+st": 1.0}
    monkeypatch.setattr(planning, "pieces", lambda shop, stage: sizes[stage.name])
    monkeypatch.setattr("isogloss.recipes.budget.pieces", planning.pieces)
    monkeypatch.setattr("isogloss.recipes.budget.pace_of", lambda shop, stage: 1.0)
    options = {**files, "max_steps": 2, "averages": 0, "recipe": "auto", "budget": 10.0}
    run = isogloss.adapt(output=tmp_path / "run", progress=Listener(), **options)
    assert list(run.metrics["stages"]) == ["zero-shot", "iwda", "iwda+st"]
    assert any(line.startswith("iwda+kd: left out, it would take about 17 min,") for line in said)
    chosen = json.loads((run.folder / "metrics.json").read_text())["chosen"]
    assert chosen["left_out"] == ["iwda+kd"]
    assert "The budget left no time for iwda+kd." in chosen["reasons"]
    assert "The budget left no time for iwda+kd." in (run.folder / "report.html").read_text("utf-8")
