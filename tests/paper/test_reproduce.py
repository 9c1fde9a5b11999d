"""Tiny grids from corpus files to tables."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from isogloss.data.loading import load
from isogloss.errors import IsoglossError, IsoglossWarning
from isogloss.paper import work
from isogloss.paper.engine import Work
from isogloss.paper.estimating import estimate
from isogloss.paper.grid import Choices, Wanted
from isogloss.paper.planning import Request, open_folder, plan
from isogloss.paper.reproduce import reproduce
from isogloss.paper.sides import DataPlan, prepared
from isogloss.paper.steps import cost_of
from isogloss.paper.work import Job, Record, carry_out
from isogloss.progress import Progress
from tests.paper.conftest import pairs, reviews, sentences, write_conll, write_reviews


class Listener(Progress):
    def __init__(self) -> None:
        self.lines: list[str] = []
        self.phases: list[str] = []

    def start(self, phase: str, total: int | None, unit: str) -> None:
        self.phases.append(phase)

    def say(self, text: str) -> None:
        self.lines.append(text)


def request(
    name: str,
    data: Path | str,
    output: Path,
    encoder: Path,
    *,
    fraction: float = 1.0,
    **wanted: Any,
) -> Request:
    return Request(
        name=name,
        data=str(data),
        output=output,
        choices=Choices(model=str(encoder), max_steps=2),
        wanted=Wanted(**wanted),
        fraction=fraction,
    )


def code_of(call: Any) -> str:
    with pytest.raises(IsoglossError) as caught:
        call()
    return caught.value.code


SCORED = {
    "scores": {"target": {"accuracy": 0.5}},
    "prior": {"source": [0.5, 0.5], "true": [0.5, 0.5], "training": None},
}


def without_training(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Give every run the same scores; the list gets the cells that would be trained."""
    runs: list[str] = []

    def train(job: Job, *_: Any) -> Record:
        runs.append(job.cell.key)
        (job.run_folder / "model").mkdir(parents=True)
        return SCORED

    monkeypatch.setattr(work, "train", train)
    return runs


METHODS = ("supervised", "zero-shot", "iwda", "iwda+st")


@pytest.fixture(scope="module")
def table1(marc: Path, encoder: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Two languages and four methods of table 1."""
    folder = tmp_path_factory.mktemp("table1")
    listener = Listener()
    asked = request(
        "table1", marc, folder / "out", encoder, languages=("de", "es"), methods=METHODS, seeds=1
    )
    report = reproduce(asked, progress=listener)
    return {"report": report, "request": asked, "listener": listener, "folder": folder / "out"}


def test_scores_stand_beside_the_paper_s(table1: dict[str, Any]) -> None:
    report = table1["report"]
    assert (report["done"], report["failed"]) == (1 + 2 * 4, [])
    scores = report["scores"]["marc"]
    iwda = scores["iwda"]["de"]
    assert iwda["published"] == 51.94
    assert iwda["difference"] == pytest.approx(iwda["mean"] - 51.94)
    assert 0.0 <= iwda["mean"] <= 100.0
    assert scores["iwda"]["fr"]["values"] == []
    # In the source's own language supervised and zero-shot are one model.
    assert scores["supervised"]["en"]["values"] == scores["zero-shot"]["en"]["values"] != []
    assert len(scores["iwda+st"]["en"]["values"]) == 1


def test_a_score_is_what_its_run_measured(table1: dict[str, Any]) -> None:
    run = next(table1["folder"].glob("runs/*/*/paper/es/iwda/seed-0"))
    metrics = json.loads((run / "metrics.json").read_text("utf-8"))
    accuracy = metrics["stages"]["iwda"]["test"]["accuracy"]
    shown = table1["report"]["scores"]["marc"]["iwda"]["es"]["values"]
    assert shown == [pytest.approx(100 * accuracy)]


def test_shared_stages_are_trained_once(table1: dict[str, Any]) -> None:
    phases = table1["listener"].phases
    assert phases.count("zero-shot") == 1
    assert phases.count("iwda") == 2
    assert phases.count("iwda+st") == 2


def test_the_shift_is_measured_for_its_claim(table1: dict[str, Any]) -> None:
    claims = {one["claim"]: one for one in table1["report"]["claims"]}
    assert set(claims) == {"iwda-above-zero-shot", "combination-best", "shift-reduction"}
    assert claims["shift-reduction"]["units"] == "2 languages"
    assert claims["shift-reduction"]["published"] == 51.53
    record = next(table1["folder"].glob("cells/*/*/paper/de/iwda/seed-0.json"))
    shift = json.loads(record.read_text("utf-8"))["shift"]
    assert set(shift) == {"zero-shot", "iwda"}
    assert min(shift.values()) > 0


def test_the_files_say_what_was_not_the_paper_s(table1: dict[str, Any]) -> None:
    text = (table1["folder"] / "table1.md").read_text("utf-8")
    page = (table1["folder"] / "table1.html").read_text("utf-8")
    for words in ("fewer steps than the paper", "another encoder than the paper"):
        assert words in text
        assert words in page
    written = json.loads((table1["folder"] / "table1.json").read_text("utf-8"))
    assert written == table1["report"]


def test_a_finished_grid_is_not_run_again(
    table1: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any) -> None:
        raise AssertionError

    monkeypatch.setattr(work, "train", fail)
    listener = Listener()
    again = reproduce(table1["request"], progress=listener)
    assert again == table1["report"]
    assert listener.phases == []


def test_an_engine_of_another_kind(table1: dict[str, Any]) -> None:
    class Backwards:
        """Takes jobs in another order, each behind what it starts from."""

        def run(self, jobs: Sequence[Job], work: Work) -> Iterator[tuple[Job, Record]]:
            assert work is carry_out
            yield from [(job, work(job)) for job in jobs][::-1]

    again = reproduce(table1["request"], engine=Backwards())
    assert again == table1["report"]


def test_the_estimate_counts_the_steps_that_are_left(
    table1: dict[str, Any], marc: Path, encoder: Path, tmp_path: Path
) -> None:
    found = estimate(table1["request"])
    assert (found["steps"], found["seconds"], found["why"]) == ({}, 0, None)


def test_e807_other_settings_in_the_same_folder(
    table1: dict[str, Any], marc: Path, encoder: Path
) -> None:
    other = request("table1", marc, table1["folder"], encoder, fraction=0.5, seeds=1)
    with pytest.raises(IsoglossError, match=r"^E807.*fraction: 1.0 there, 0.5 now"):
        reproduce(other)


def test_a_failed_cell_is_recorded_and_the_rest_goes_on(
    marc: Path, encoder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs = without_training(monkeypatch)
    data = tmp_path / "marc"
    shutil.copytree(marc, data)
    bad = data / "json/train/dataset_de_train.json"
    text = bad.read_text("utf-8")
    bad.write_text(text.replace('"5"', '"6"', 1), "utf-8")
    asked = request(
        "table1", data, tmp_path / "out", encoder, languages=("de", "es"), seeds=1,
        methods=("zero-shot", "iwda", "iwda+kd"),
    )  # fmt: skip
    report = reproduce(asked)
    failed = {one["key"].split("/")[3:5][1]: one["error"] for one in report["failed"]}
    assert set(failed) == {"zero-shot", "iwda", "iwda+kd"}
    assert failed["iwda"].startswith("E804")
    assert failed["iwda+kd"].startswith("E816")
    assert len(report["scores"]["marc"]["iwda+kd"]["es"]["values"]) == 1
    assert "E804" in (tmp_path / "out" / "table1.md").read_text("utf-8")
    # Mended, the same call carries out what is left.
    bad.write_text(text, "utf-8")
    runs.clear()
    assert reproduce(asked)["failed"] == []
    assert [key.split("/")[3:5] for key in runs] == [
        ["de", "zero-shot"],
        ["de", "iwda"],
        ["de", "iwda+kd"],
    ]


def test_an_interruption_goes_on(
    marc: Path, encoder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = request(
        "table1", marc, tmp_path / "out", encoder, languages=("es",), seeds=2,
        methods=("zero-shot",),
    )  # fmt: skip
    runs: list[str] = []

    def stops(job: Job, *_: Any) -> Record:
        runs.append(job.cell.key)
        if len(runs) == 3:
            raise KeyboardInterrupt
        return SCORED

    monkeypatch.setattr(work, "train", stops)
    with pytest.raises(KeyboardInterrupt):
        reproduce(asked)
    report = reproduce(asked)
    assert (report["done"], report["failed"]) == (4, [])
    # The third was begun twice, the first two only once.
    assert len(runs) == 5


def test_any_other_fault_is_recorded_with_its_place(
    marc: Path, encoder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def breaks(job: Job, *_: Any) -> Record:
        raise RuntimeError("no\nroom")

    monkeypatch.setattr(work, "train", breaks)
    asked = request("table1", marc, tmp_path / "out", encoder, languages=("es",), seeds=1)
    report = reproduce(asked)
    # All others start from the one that broke.
    assert report["failed"][0]["error"] == "RuntimeError: no room"
    key = report["failed"][0]["key"]
    record = json.loads((tmp_path / "out/cells" / f"{key}.json").read_text("utf-8"))
    assert "in breaks" in record["traceback"]


@pytest.mark.parametrize(
    ("name", "fraction", "methods"),
    [
        pytest.param(
            *("table2", 0.4, ("supervised", "iwda+kd", "wu2020", "keung2019")),
            marks=pytest.mark.slow,
        ),
        ("table1", 0.3, ("st",)),
    ],
)
def test_steps_are_those_that_runs_make(
    corpora: Path,
    encoder: Path,
    tmp_path: Path,
    name: str,
    fraction: float,
    methods: tuple[str, ...],
) -> None:
    asked = Request(
        name=name,
        data=str(corpora),
        output=tmp_path / "out",
        choices=Choices(model=str(encoder)),
        wanted=Wanted(languages=("es",), methods=methods, seeds=1),
        fraction=fraction,
    )
    open_folder(asked)
    planned = {job.cell.key: cost_of(job).steps for job in plan(asked, Progress()).jobs}
    assert len(planned) > len(methods)
    assert reproduce(asked)["failed"] == []
    for key, steps in planned.items():
        record = json.loads((tmp_path / "out/cells" / f"{key}.json").read_text("utf-8"))
        assert [list(record["steps"].values())[-1]] == list(steps.values()), key


def test_the_estimate_times_each_kind_of_training(
    marc: Path, encoder: Path, tmp_path: Path
) -> None:
    asked = request(
        "table1", marc, tmp_path / "out", encoder, languages=("es",), methods=("iwda",), seeds=3
    )
    found = estimate(asked)
    assert found["steps"] == {"finetune": 3 * 2, "align": 3 * 2}
    paces = found["seconds_per_step"]
    assert set(paces) == set(found["steps"])
    wanted = sum(paces[kind] * steps for kind, steps in found["steps"].items())
    assert found["seconds"] == pytest.approx(wanted)
    # Nothing of the timing stays, and the grid is still to be trained.
    assert not (tmp_path / "out" / "runs").exists()
    assert len(found["cells"]) == 3 * 2


def test_no_timing_without_the_model(marc: Path, tmp_path: Path) -> None:
    asked = request("table1", marc, tmp_path / "out", tmp_path / "none", languages=("es",), seeds=1)
    found = estimate(asked)
    assert found["seconds"] is None
    assert found["why"].startswith("E3")
    assert found["steps"]["finetune"] > 0


def test_a_figure_of_targets_at_other_balances(marc: Path, encoder: Path, tmp_path: Path) -> None:
    data = tmp_path / "marc"
    shutil.copytree(marc, data)
    for split, rows in (("train", 300), ("test", 200)):
        path = data / "json" / split / f"dataset_ja_{split}.json"
        write_reviews(path, reviews(rows, seed=9 + rows))
    asked = request(
        "figure3", data, tmp_path / "out", encoder, languages=("ja",), sets=2,
        methods=("zero-shot", "iwda"),
    )  # fmt: skip
    report = reproduce(asked)
    assert report["failed"] == []
    claims = {(one["corpus"], one["claim"]): one for one in report["claims"]}
    assert claims["marc", "iwda-above-zero-shot"]["units"] == "2 sets"
    assert claims["conll", "iwda-above-zero-shot"]["verdict"] == "no data"
    assert claims["marc", "prior-correction"]["mean"] is not None
    priors = [
        json.loads(path.read_text("utf-8"))["prior"]["true"]
        for path in sorted((tmp_path / "out/cells").rglob("iwda/seed-0.json"))
    ]
    assert len(priors) == 2
    assert priors[0] != priors[1]


def test_partitions_are_disjoint_across_languages(
    encoder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for language in ("en", "de", "sw"):
        for split, count in (("train", 150), ("test", 30)):
            rows = [
                {"premise": f"{number}", "hypothesis": text, "label": label}
                for number, (label, _, text) in enumerate(pairs(count, seed=3))
            ]
            path = tmp_path / "xnli" / f"{language}.{split}.jsonl"
            path.parent.mkdir(exist_ok=True)
            path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    asked = request(
        "table6", tmp_path, tmp_path / "out", encoder, fraction=0.0005, languages=("de", "sw"),
        methods=("zero-shot",), seeds=1,
    )  # fmt: skip

    without_training(monkeypatch)
    assert reproduce(asked)["failed"] == []
    parts = [
        set(load(path)["text"])
        for path in sorted((tmp_path / "out/data/xnli").glob("*.train.part-20000.parquet"))
    ]
    assert [len(part) for part in parts] == [10, 10, 10]
    together = [text for part in parts for text in part]
    assert len(together) == len(set(together)) == 30


def test_w800_targets_whose_data_is_missing(
    marc: Path, encoder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    without_training(monkeypatch)
    asked = request(
        "table1", marc, tmp_path / "out", encoder, languages=("es", "fr"), seeds=1,
        methods=("zero-shot",),
    )  # fmt: skip
    with pytest.warns(IsoglossWarning, match=r"^W800.*\(marc/fr\)"):
        report = reproduce(asked)
    assert [one["error"][:4] for one in report["failed"]] == ["E801"]
    assert report["done"] == 2


def test_refusals_write_nothing(marc: Path, encoder: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"

    def asked(name: str = "table1", data: Any = marc, **more: Any) -> Any:
        return lambda: reproduce(request(name, data, out, encoder, **more))

    assert code_of(asked(fraction=0.0)) == "E808"
    assert code_of(asked(fraction=1.5)) == "E808"
    assert code_of(asked(data=tmp_path / "none")) == "E813"
    assert code_of(asked(data="hub")) == "E802"
    assert code_of(asked(languages=("fr",))) == "E801"
    assert code_of(asked("table2", data="hub", languages=("de",))) == "E803"
    wrong = Request(name="table1", data=str(marc), output=out, choices=Choices(preset="none"))
    assert code_of(lambda: reproduce(wrong)) == "E640"
    assert not out.exists()


def test_e812_a_folder_with_something_else(marc: Path, encoder: Path, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine", "utf-8")
    assert code_of(lambda: reproduce(request("table1", marc, tmp_path, encoder))) == "E812"
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]


def test_licences_are_said_before_a_download(
    encoder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import datasets

    listener = Listener()

    def unreachable(*_: Any, **__: Any) -> None:
        assert any("agreement with NIST" in line for line in listener.lines)
        raise ConnectionError("no route")

    monkeypatch.setattr(datasets, "load_dataset", unreachable)
    asked = request(
        "table2", "hub", tmp_path / "out", encoder, languages=("es",), methods=("zero-shot",),
        seeds=1,
    )  # fmt: skip
    report = reproduce(asked, progress=listener)
    assert {one["error"][:4] for one in report["failed"]} == {"E118", "E816"}


def test_a_figure_that_is_a_study(marc: Path, encoder: Path, tmp_path: Path) -> None:
    asked = request(
        "figure1", marc, tmp_path / "out", encoder, languages=("de", "es"), sets=9, seeds=1
    )
    report = reproduce(asked)
    assert (report["done"], report["failed"]) == (1, [])
    (study,) = report["studies"]
    # Nine sets are shared among two languages, and there is a line for both together.
    assert [one["sets"] for one in study["results"]] == [5, 5, 10]
    for path in study["files"]:
        assert Path(path).stat().st_size > 0
    assert {Path(path).suffix for path in study["files"]} == {".json", ".csv", ".png", ".svg"}
    text = (tmp_path / "out" / "figure1.md").read_text("utf-8")
    assert "rank correlation" in text
    assert "all targets" in text


def test_studies_of_skewed_sources(marc: Path, encoder: Path, tmp_path: Path) -> None:
    data = tmp_path / "corpora"
    shutil.copytree(marc, data)
    for name in ("en.train", "en.test", "ur.test"):
        write_conll(data / "wikiann" / f"{name}.conll", sentences(9, seed=1))
    (data / "wikiann" / "en.train.conll").write_text("anna\tB-PER\n\nsang\tO\n", "utf-8")

    def jobs(*languages: str) -> list[Job]:
        asked = request("figure6", data, tmp_path / "out", encoder, languages=languages, sets=3)
        return plan(asked, Progress()).jobs

    with pytest.warns(IsoglossWarning, match=r"^W800.*\(wikiann/es\)"):
        both = jobs("es", "ur")
    skewed, with_o = (job.cell.sides()["source"] for job in both)
    assert len(jobs("ur")) == 1
    where = DataPlan(where=str(data), root=tmp_path / "data")
    stars = list(load(prepared(where, skewed))["label"])
    assert stars.count("5") == 12
    assert stars.count("5") / len(stars) == pytest.approx(0.5141, abs=0.05)
    assert list(load(prepared(where, with_o))["tags"]) == [["O"]]
