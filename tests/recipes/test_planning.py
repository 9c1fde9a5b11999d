from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import isogloss
from isogloss.progress import Progress
from isogloss.recipes.planning import (
    about,
    describe_plan,
    describe_times,
    listed,
    pace_of,
    pieces,
)
from tests.helpers.shops import shop_of


@pytest.mark.parametrize(
    ("settings", "wanted"),
    [
        ({}, (4 * 200, 4 * (200 + 400), 4 * (200 + 1200), 2 * (200 + 400))),
        ({"epochs": 1.0}, (200, 600, 1400, 600)),
        # Words of longer texts: twice as many passes for what looks at the target.
        ({"epochs": 1.0, "kind": "token"}, (200, 2 * 600, 2 * 1400, 2 * 600)),
        ({"max_steps": 5, "batch_size": 2}, (200, 600, 350, 600)),
        ({"distill": {"domains": "target", "source_loss_weight": 0.0}}, (800, 2400, 4800, 1200)),
    ],
)
def test_word_pieces_of_each_stage(settings: dict[str, Any], wanted: tuple[float, ...]) -> None:
    shop = shop_of(**settings)
    found = [pieces(shop, stage) for stage in shop.config.stages()]
    assert found == pytest.approx(list(wanted))


def test_times_by_the_pace_of_the_first() -> None:
    assert describe_times(shop_of(epochs=1.0)) == (
        "By the pace of zero-shot, training takes about: iwda 3 min, iwda+kd 7 min, iwda+st 3 min."
    )
    done = shop_of(epochs=1.0)
    done.folder.results |= {"iwda": {}, "iwda+kd": {}}
    assert str(describe_times(done)).endswith("about: iwda+st 3 min.")


def test_a_pace_is_seconds_a_word_piece() -> None:
    shop = shop_of(epochs=1.0)
    first, second, *_ = shop.config.stages()
    assert pace_of(shop, first) == pytest.approx(60.0 / 200)
    assert pace_of(shop, second) is None
    shop.folder.results["iwda"] = {"seconds": 0.9}
    assert pace_of(shop, second) is None


def test_no_times_where_nothing_tells_them() -> None:
    assert describe_times(shop_of(seconds=0.4)) is None
    assert describe_times(shop_of(recipe="zero-shot")) is None
    assert describe_times(shop_of(recipe="kd", student="offline")) is None
    begun = shop_of()
    begun.folder.results.clear()
    assert describe_times(begun) is None


def test_the_plan_says_what_ends_it() -> None:
    assert describe_plan(shop_of(averages=0)) == (
        "Candidates are zero-shot, iwda, iwda+kd and iwda+st; the one to serve is chosen without "
        "target labels. There is no limit of time; a budget in minutes would set one."
    )
    few = describe_plan(shop_of(labelled_target="few.csv"))
    assert "chosen by the labelled target rows and by what is known without them." in few
    limited = describe_plan(shop_of(budget=7.5, seeds=2))
    assert "iwda+kd-seed-1 and iwda+st-seed-1 and averages of their weights;" in limited
    assert limited.endswith(
        "What is not expected to be trained within 7.5 minutes in all is left out."
    )


@pytest.mark.parametrize(
    ("seconds", "wanted"),
    [(0.2, "1 s"), (89, "89 s"), (95, "2 min"), (5340, "89 min"), (9000, "2.5 h")],
)
def test_rough_times(seconds: float, wanted: str) -> None:
    assert about(seconds) == wanted


def test_names_in_a_row() -> None:
    assert [listed(list("abc")[:n]) for n in (1, 2, 3)] == ["a", "a and b", "a, b and c"]


def test_a_run_says_its_plan_once(files: dict[str, Any], tmp_path: Path) -> None:
    said: list[str] = []

    class Listener(Progress):
        def say(self, text: str) -> None:
            said.append(text)

    files |= {"recipe": "auto", "max_steps": 1, "budget": 0.0}
    run = isogloss.adapt(output=tmp_path / "run", progress=Listener(), **files).folder
    assert said[0].startswith("Candidates are zero-shot, iwda,")
    assert json.loads((run / "metrics.json").read_text())["chosen"]["by"] == "guard"
    said.clear()
    isogloss.adapt(output=tmp_path / "run", progress=Listener(), **files)
    assert not [line for line in said if line.startswith("Candidates")]
