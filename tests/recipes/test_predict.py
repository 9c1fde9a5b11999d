from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

import isogloss
from isogloss.errors import IsoglossError, IsoglossWarning
from isogloss.recipes.evaluate import evaluate_file
from isogloss.recipes.predict import predict_file, predict_with
from isogloss.recipes.serving import open_served
from tests.recipes.conftest import SETTINGS, write_csv


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory, encoder: Path) -> Path:
    folder = tmp_path_factory.mktemp("trained")
    isogloss.adapt(
        write_csv(folder / "en.csv", rows=40, labels=True, seed=0),
        write_csv(folder / "de.csv", rows=30, labels=False, seed=1),
        output=folder / "run",
        model=str(encoder),
        **SETTINGS | {"recipe": "zero-shot"},
    )
    return folder / "run"


def code_of(call: Any) -> str:
    with pytest.raises(IsoglossError) as caught:
        call()
    return caught.value.code


def test_batches_do_not_change_the_answer(run: Path, tmp_path: Path) -> None:
    source = write_csv(tmp_path / "x.csv", rows=23, labels=True, seed=4)
    assert predict_file(run, source, tmp_path / "all.csv", precision="fp32") == 23
    predict_file(run, source, tmp_path / "few.csv", batch_rows=5, precision="fp32")
    with (tmp_path / "all.csv").open(newline="") as a, (tmp_path / "few.csv").open(newline="") as b:
        whole, parts = list(csv.DictReader(a)), list(csv.DictReader(b))
    assert [r["prediction"] for r in whole] == [r["prediction"] for r in parts]
    assert list(whole[0]) == ["text", "label", "prediction", "probability"]
    for one, other in zip(whole, parts, strict=True):
        assert float(one["probability"]) == pytest.approx(float(other["probability"]), abs=1e-5)


def test_an_open_model_labels_one_file_after_another(run: Path, tmp_path: Path) -> None:
    served = open_served(run, precision="fp32")
    for seed in (4, 5):
        source = write_csv(tmp_path / f"{seed}.csv", rows=9, labels=False, seed=seed)
        assert predict_with(served, source, tmp_path / "open.csv") == 9
        predict_file(run, source, tmp_path / "file.csv", precision="fp32")
        assert (tmp_path / "open.csv").read_text() == (tmp_path / "file.csv").read_text()
    assert code_of(lambda: predict_with(served, source, source)) == "E529"


def test_bfloat16_says_the_same_of_nearly_all_rows(run: Path, tmp_path: Path) -> None:
    source = write_csv(tmp_path / "x.csv", rows=200, labels=False, seed=4)
    for precision in ("fp32", "bf16"):
        predict_file(run, source, tmp_path / f"{precision}.csv", precision=precision)  # type: ignore[arg-type]
    predict_file(run, source, tmp_path / "again.csv", precision="bf16")
    assert (tmp_path / "again.csv").read_text() == (tmp_path / "bf16.csv").read_text()
    exact, rounded = (
        list(csv.DictReader((tmp_path / f"{name}.csv").open())) for name in ("fp32", "bf16")
    )
    same = [a["prediction"] == b["prediction"] for a, b in zip(exact, rounded, strict=True)]
    assert sum(same) >= 195
    for one, other in zip(exact, rounded, strict=True):
        assert float(one["probability"]) == pytest.approx(float(other["probability"]), abs=0.05)


def test_formats_convert(run: Path, tmp_path: Path) -> None:
    source = write_csv(tmp_path / "x.csv", rows=5, labels=False, seed=4)
    predict_file(run, source, tmp_path / "o.jsonl")
    predict_file(run, source, tmp_path / "o.parquet")
    rows = [json.loads(line) for line in (tmp_path / "o.jsonl").read_text("utf-8").splitlines()]
    assert sum(rows[0]["probabilities"].values()) == pytest.approx(1.0, abs=1e-4)
    assert max(rows[0]["probabilities"], key=rows[0]["probabilities"].get) == rows[0]["prediction"]
    table = pq.read_table(tmp_path / "o.parquet").to_pylist()
    assert [r["prediction"] for r in table] == [r["prediction"] for r in rows]


def test_bad_row_leaves_no_file(run: Path, tmp_path: Path) -> None:
    bad = tmp_path / "bad.csv"
    bad.write_text("text\n" + "gut\n" * 7 + '""\n', "utf-8")
    with pytest.raises(IsoglossError, match="row 8") as caught:
        predict_file(run, bad, tmp_path / "out.csv", batch_rows=3)
    assert caught.value.code == "E108"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["bad.csv"]


def test_refusals(run: Path, tmp_path: Path) -> None:
    source = write_csv(tmp_path / "x.csv", rows=5, labels=False, seed=4)
    out = tmp_path / "out.csv"
    assert code_of(lambda: predict_file(run, source, source)) == "E529"
    assert code_of(lambda: predict_file(tmp_path / "no", source, out)) == "E524"
    assert code_of(lambda: predict_file(tmp_path, source, out)) == "E526"
    (tmp_path / "half" / "stages").mkdir(parents=True)
    assert code_of(lambda: predict_file(tmp_path / "half", source, out)) == "E525"
    taken = write_csv(tmp_path / "y.csv", rows=5, labels=False, seed=4, header="prediction")
    assert code_of(lambda: predict_file(run, taken, out, columns={"text": "prediction"})) == "E530"
    assert not out.exists()


def write_jsonl(path: Path, rows: list[dict[str, Any]]) -> Path:
    path.write_text("\n".join(map(json.dumps, rows)), "utf-8")
    return path


def test_a_file_without_rows_and_texts_as_words_are_refused(run: Path, tmp_path: Path) -> None:
    (tmp_path / "empty.csv").write_text("text\n", "utf-8")
    (tmp_path / "one.csv").write_text("text\ngut\n", "utf-8")
    for name, output, code in (
        ("empty.csv", "out.csv", "E102"),
        ("empty.csv", "out.parquet", "E102"),
        ("one.csv", "out.conll", "E138"),
    ):
        with pytest.raises(IsoglossError) as caught:
            predict_file(run, tmp_path / name, tmp_path / output)
        assert caught.value.code == code
        assert not (tmp_path / output).exists()


def test_a_value_that_is_no_text_is_named_with_its_row(run: Path, tmp_path: Path) -> None:
    rows = [{"text": "gut"}, {"text": "arm"}, {"text": 3}]
    source = write_jsonl(tmp_path / "x.jsonl", rows)
    with pytest.raises(IsoglossError, match=r"x\.jsonl, row 3: column 'text' holds a number") as e:
        predict_file(run, source, tmp_path / "out.jsonl", batch_rows=2)
    assert e.value.code == "E109"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["x.jsonl"]


@pytest.mark.parametrize("batch_rows", [1, 2048])
def test_columns_that_nobody_reads_may_hold_anything(
    run: Path, tmp_path: Path, batch_rows: int
) -> None:
    rows = [{"text": "gut", "id": 1, "o": {"a": 1}}, {"text": "arm", "id": "b", "o": None}]
    source = write_jsonl(tmp_path / "x.jsonl", rows)
    predict_file(run, source, tmp_path / "out.jsonl", batch_rows=batch_rows)
    written = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text().splitlines()]
    assert [{n: row[n] for n in rows[0]} for row in written] == rows
    predict_file(run, source, tmp_path / "out.parquet", batch_rows=batch_rows)
    predict_file(run, tmp_path / "x.jsonl", tmp_path / "again.parquet")
    table = isogloss.load(tmp_path / "out.parquet")
    assert table["id"][:] == ["1", "b"]
    renamed = {"text": "id"}
    source = tmp_path / "out2.parquet"
    pq.write_table(pq.read_table(tmp_path / "out.parquet").select(["id"]), source)
    assert predict_file(run, source, tmp_path / "ids.csv", columns=renamed) == 2


def test_long_rows_are_counted_in_all_batches(run: Path, tmp_path: Path) -> None:
    source = tmp_path / "x.csv"
    source.write_text("text\n" + "gut\n" * 3 + f"{'gut ' * 99}\n" * 4, "utf-8")
    with pytest.warns(IsoglossWarning, match=r"W522: 4 of 7 rows of x\.csv are longer than 64"):
        predict_file(run, source, tmp_path / "out.csv", batch_rows=2)


def test_an_output_without_a_format_is_refused_before_any_work(run: Path, tmp_path: Path) -> None:
    source = write_csv(tmp_path / "x.csv", rows=5, labels=False, seed=4)
    assert (
        code_of(lambda: predict_file(tmp_path / "no model", source, tmp_path / "o.xyz")) == "E104"
    )


def test_other_column_names(run: Path, tmp_path: Path) -> None:
    source = write_csv(tmp_path / "x.csv", rows=5, labels=False, seed=4, header="body")
    assert code_of(lambda: predict_file(run, source, tmp_path / "o.csv")) == "E105"
    assert predict_file(run, source, tmp_path / "o.csv", columns={"text": "body"}) == 5


def test_model_folder_serves_as_well_as_the_run(run: Path) -> None:
    served = open_served(run / "model", precision="fp32")
    assert served.task.known_labels.names == ("class-0", "class-1", "class-2")
    assert served.max_length == 64


def test_evaluate(run: Path, tmp_path: Path) -> None:
    labelled = write_csv(tmp_path / "x.csv", rows=30, labels=True, seed=4)
    report = evaluate_file(run, labelled, precision="fp32")
    assert report["rows"] == 30
    assert set(report["metrics"]) == {"accuracy", "macro_f1"}
    assert sum(c["support"] for c in report["per_class"].values()) == 30
    assert sum(c["predicted_share"] for c in report["per_class"].values()) == pytest.approx(1.0)
    predict_file(run, labelled, tmp_path / "p.csv", precision="fp32")
    with (tmp_path / "p.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    right = sum(r["label"] == r["prediction"] for r in rows) / 30
    assert report["metrics"]["accuracy"] == pytest.approx(right)


def test_evaluate_needs_known_labels(run: Path, tmp_path: Path) -> None:
    unlabelled = write_csv(tmp_path / "x.csv", rows=5, labels=False, seed=4)
    assert code_of(lambda: evaluate_file(run, unlabelled)) == "E106"
    strange = tmp_path / "y.csv"
    strange.write_text("text,label\ngut,class-0\ngut,class-9\n", "utf-8")
    assert code_of(lambda: evaluate_file(run, strange)) == "E202"
