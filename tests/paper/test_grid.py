from __future__ import annotations

import dataclasses
import pickle
from pathlib import Path

import pytest

from isogloss.errors import IsoglossError
from isogloss.paper.grid import Cell, Choices, Wanted, as_wanted, cells_of
from isogloss.paper.sides import DataPlan
from isogloss.paper.specification import names, specification
from isogloss.paper.work import Job
from isogloss.recipes.presets import PRESETS


def keys(name: str, choices: Choices | None = None, **wanted: object) -> list[str]:
    spec = specification(name)
    return [c.key for c in cells_of(spec, choices or Choices(), Wanted(**wanted))]  # type: ignore[arg-type]


def test_one_zero_shot_model_serves_every_language_and_method() -> None:
    cells = cells_of(specification("table1"), Choices(), Wanted(seeds=2))
    trained = [cell for cell in cells if cell.start is None and cell.method == "zero-shot"]
    assert [(cell.language, cell.seed) for cell in trained] == [("en", 0), ("en", 1)]
    # 5 languages with 8 methods, and the source's own model, for each seed.
    assert len(cells) == 2 * (5 * 8 + 1)
    for cell in cells:
        if cell.method in ("iwda+kd", "iwda+st"):
            assert cell.start is not None
            assert (cell.start.method, cell.start.language) == ("iwda", cell.language)


@pytest.mark.parametrize("name", [n for n in names() if specification(n).draws != ("study",)])
def test_everything_stands_behind_what_it_starts_from(name: str) -> None:
    seen: set[str] = set()
    for cell in cells_of(specification(name), Choices(), Wanted(sets=2)):
        assert cell.start is None or cell.start.key in seen
        assert cell.key not in seen
        seen.add(cell.key)


def test_what_a_wanted_method_starts_from_is_added() -> None:
    found = keys("table2", languages=("nl",), methods=("iwda+kd",), seeds=1)
    assert [key.split("/")[3:5] for key in found] == [
        ["en", "zero-shot"],
        ["nl", "iwda"],
        ["nl", "iwda+kd"],
    ]


def test_tables_share_runs_where_nothing_differs() -> None:
    plain, alternating = set(keys("table2")), set(keys("table5"))
    shared = {key.split("/")[4] for key in plain & alternating}
    assert shared == {"zero-shot"}
    assert set(keys("table1")).isdisjoint(keys("table7"))
    assert {key.split("/")[0] for key in keys("table3")} == {"wikiann"}
    assert set(keys("table3")) & set(keys("table4"))


def test_appendix_c_for_xlm_r() -> None:
    base = next(iter(cells_of(specification("table8"), Choices(), Wanted())))
    files = {name: Path(f"{name}.parquet") for name in ("source", "target", "test", "english")}
    config = base.config(files, start=None, most=None).resolved()
    assert config.model == "FacebookAI/xlm-roberta-large"
    for group in ("finetune", "iwda", "selftrain", "distill"):
        rate = getattr(config, group)["learning_rate"]
        assert rate == PRESETS["paper"][group]["learning_rate"] / 2
    other = dataclasses.replace(base, model="some/encoder").config(files, start=None, most=None)
    assert other.resolved().finetune["learning_rate"] == 1e-5


def test_sets_are_targets_of_their_own() -> None:
    cells = cells_of(specification("figure3"), Choices(), Wanted(languages=("ja",), sets=3))
    iwda = [cell for cell in cells if cell.method == "iwda"]
    assert [cell.number for cell in iwda] == [0, 1, 2]
    assert len({cell.sides()["target"].name for cell in iwda}) == 3
    assert len({cell.sides()["source"].name for cell in iwda}) == 1


def test_the_shift_is_measured_whatever_comes_first() -> None:
    spec = specification("table2")
    part = dataclasses.replace(spec.parts[0], methods=("iwda+kd", "iwda", "zero-shot"))
    cells = cells_of(dataclasses.replace(spec, parts=(part,)), Choices(), Wanted(seeds=1))
    assert {c.language for c in cells if c.measures == ("shift",)} == {"de", "es", "nl"}
    assert {c.method for c in cells if c.measures == ("shift",)} == {"iwda"}


def test_a_job_can_be_sent_elsewhere(tmp_path: Path) -> None:
    cell = cells_of(specification("table6"), Choices(), Wanted())[3]
    job = Job(cell=cell, plan=DataPlan(where="hub", root=tmp_path), root=tmp_path)
    assert pickle.loads(pickle.dumps(job)) == job


@pytest.mark.parametrize(
    ("wanted", "text"),
    [
        (Wanted(languages=("fr",)), "language 'fr'; choose among de, es, nl"),
        (Wanted(methods=("magic",)), "method 'magic'"),
    ],
)
def test_e806_what_there_is_not(wanted: Wanted, text: str) -> None:
    with pytest.raises(IsoglossError, match=f"^E806: table2 has no {text}"):
        cells_of(specification("table2"), Choices(), wanted)


def test_languages_and_methods_beyond_the_papers_are_run_too() -> None:
    wanted = Wanted(languages=("ur", "sw"), methods=("iwda", "kd"))
    spec = as_wanted(specification("table3"), wanted)
    assert spec.parts[0].languages == ("bn", "my", "ur", "sw")
    assert spec.parts[0].methods[-1] == "kd"
    found = {(cell.language, cell.method) for cell in cells_of(spec, Choices(), wanted)}
    assert found == {
        ("en", "zero-shot"), ("ur", "iwda"), ("ur", "kd"), ("sw", "iwda"), ("sw", "kd")
    }  # fmt: skip


def test_what_the_paper_has_somewhere_is_asked_of_that_part_alone() -> None:
    """German is CoNLL's in figure 3, though MARC has it; Spanish is nobody's, and both have it."""
    both = specification("figure3")
    german = as_wanted(both, Wanted(languages=("de",)))
    assert [part.languages for part in german.parts] == [("ja",), ("de",)]
    spanish = as_wanted(both, Wanted(languages=("es",)))
    assert [part.languages for part in spanish.parts] == [("ja", "es"), ("de", "es")]


def test_a_corpus_without_the_language_is_left_alone() -> None:
    french = as_wanted(specification("figure3"), Wanted(languages=("fr",)))
    assert [part.languages for part in french.parts] == [("ja", "fr"), ("de",)]


@pytest.mark.parametrize("wanted", [Wanted(seeds=0), Wanted(sets=-1)])
def test_e808_numbers_below_one(wanted: Wanted) -> None:
    with pytest.raises(IsoglossError, match=r"^E808"):
        cells_of(specification("table2"), Choices(), wanted)


def test_a_cell_without_changes_has_a_plain_folder() -> None:
    part = specification("table2").parts[0]
    cell = Cell(part=part, language="nl", method="iwda", seed=4, model="a/b", preset="paper")
    assert cell.key == "conll/a--b/paper/nl/iwda/seed-4"
