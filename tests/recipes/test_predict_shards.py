"""Prediction of shards: one row out for every row in, whatever happens in between."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from isogloss.data.locking import locked
from isogloss.data.shards import Shard
from isogloss.errors import IsoglossError, IsoglossWarning
from isogloss.progress import Progress
from isogloss.recipes import shard_engines
from isogloss.recipes.predict import predict_file
from isogloss.recipes.predict_shards import Predicted, predict_shards
from isogloss.recipes.shard_engines import Labelled, Labelling, LocalShards
from tests.helpers.models import WORDS
from tests.helpers.served import served_model

ADDED = ["prediction", "probability", "probabilities"]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return served_model(tmp_path_factory.mktemp("served"))


def write_shard(path: Path, rows: int, *, first: int = 0) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    numbers = range(first, first + rows)
    lines = [" ".join(WORDS[(n * k) % 60] for k in range(1, 3 + n % 7)) for n in numbers]
    columns = {"text": pa.array(lines, pa.string()), "id": pa.array(numbers, pa.int64())}
    pq.write_table(pa.table(columns), path, row_group_size=50)
    return path


def write_shards(folder: Path, sizes: Sequence[int]) -> Path:
    first = 0
    for number, rows in enumerate(sizes):
        write_shard(folder / f"{number}.parquet", rows, first=first)
        first += rows
    return folder


def outputs(folder: Path) -> list[Path]:
    return sorted(p for p in folder.rglob("*.parquet"))


def rows_in(folder: Path) -> list[dict[str, Any]]:
    return [row for path in outputs(folder) for row in pq.read_table(path).to_pylist()]


def code_of(call: Any) -> str:
    with pytest.raises(IsoglossError) as caught:
        call()
    return caught.value.code


class Seen(Progress):
    def __init__(self) -> None:
        self.total: int | None = None
        self.steps: list[int] = []
        self.lines: list[str] = []

    def start(self, phase: str, total: int | None, unit: str) -> None:
        self.total = total

    def advance(self, amount: int, figures: Any = None) -> None:
        self.steps.append(amount)

    def say(self, text: str) -> None:
        self.lines.append(text)


class Interrupted(LocalShards):
    """Ends after so many shards, in the middle of the next one's rows."""

    def __init__(self, after: int) -> None:
        super().__init__()
        self.after = after

    def run(
        self, shards: Sequence[Shard], labelling: Labelling, progress: Progress
    ) -> Iterator[Labelled]:
        yield from super().run(shards[: self.after], labelling, progress)
        raise KeyboardInterrupt


def test_one_row_out_for_every_row_in_with_the_labels_of_a_file(
    model: Path, tmp_path: Path
) -> None:
    source = write_shards(tmp_path / "in", [120, 0, 75])
    seen = Seen()
    done = predict_shards(model, source, tmp_path / "out", batch_rows=32, progress=seen)
    assert done == Predicted(rows=195, shards=3, already=0)
    assert (seen.total, sum(seen.steps)) == (195, 195)
    assert [p.name for p in outputs(tmp_path / "out")] == [f"{n}.parquet" for n in range(3)]
    rows = rows_in(tmp_path / "out")
    assert [row["id"] for row in rows] == list(range(195))
    tables = [pq.read_table(path) for path in outputs(tmp_path / "out")]
    assert tables[0].schema == tables[1].schema == tables[2].schema
    assert tables[0].schema.names == ["text", "id", *ADDED]
    for number in (0, 2):
        whole = tmp_path / "one.parquet"
        predict_file(model, source / f"{number}.parquet", whole, batch_rows=32)
        assert pq.read_table(whole).equals(tables[number])


def test_an_interrupted_folder_goes_on_without_a_duplicate_or_a_loss(
    model: Path, tmp_path: Path
) -> None:
    source = write_shards(tmp_path / "in", [40, 40, 40, 10])
    out = tmp_path / "out"
    with pytest.raises(KeyboardInterrupt):
        predict_shards(model, source, out, engine=Interrupted(2))
    # As a killed process leaves it: an unfinished file, and a finished one without its record.
    (out / f".2.parquet.{'0' * 32}.tmp").write_bytes(b"half")
    (out / "_isogloss" / "1.parquet.json").unlink()
    before = (out / "0.parquet").stat().st_mtime_ns
    seen = Seen()
    done = predict_shards(model, source, out, progress=seen)
    assert done == Predicted(rows=130, shards=4, already=1)
    assert seen.lines == ["1 of 4 shards are there already"]
    assert seen.steps[0] == 40
    assert sum(seen.steps) == 130
    assert (out / "0.parquet").stat().st_mtime_ns == before
    assert [row["id"] for row in rows_in(out)] == list(range(130))
    assert not list(out.rglob("*.tmp"))
    assert predict_shards(model, source, out) == Predicted(rows=130, shards=4, already=4)


def test_one_large_file_goes_to_parts(model: Path, tmp_path: Path) -> None:
    source = write_shard(tmp_path / "x.parquet", 130)
    out = tmp_path / "out"
    done = predict_shards(model, source, out, shard_rows=60)
    assert done == Predicted(rows=130, shards=3, already=0)
    assert [row["id"] for row in rows_in(out)] == list(range(130))
    assert code_of(lambda: predict_shards(model, source, out, shard_rows=50)) == "E550"


@pytest.mark.parametrize("damage", ["cut off", "fewer rows", "removed"])
def test_a_damaged_output_is_made_again(model: Path, tmp_path: Path, damage: str) -> None:
    source = write_shards(tmp_path / "in", [30, 30])
    out = tmp_path / "out"
    predict_shards(model, source, out)
    victim = out / "1.parquet"
    whole = pq.read_table(victim)
    if damage == "cut off":
        victim.write_bytes(victim.read_bytes()[:-20])
    elif damage == "fewer rows":
        pq.write_table(whole.slice(0, 29), victim)
    else:
        victim.unlink()
    assert predict_shards(model, source, out).already == 1
    assert pq.read_table(victim).equals(whole)


def test_a_changed_or_new_input_is_labelled_and_the_rest_kept(model: Path, tmp_path: Path) -> None:
    source = write_shards(tmp_path / "in", [30, 30])
    out = tmp_path / "out"
    predict_shards(model, source, out)
    write_shard(source / "1.parquet", 30, first=500)
    write_shard(source / "2.parquet", 5, first=900)
    assert predict_shards(model, source, out) == Predicted(rows=65, shards=3, already=1)
    expected = [*range(30), *range(500, 530), *range(900, 905)]
    assert [row["id"] for row in rows_in(out)] == expected


def test_what_would_mix_predictions_is_refused(model: Path, tmp_path: Path) -> None:
    source = write_shards(tmp_path / "in", [10, 10])
    out = tmp_path / "out"
    predict_shards(model, source, out, precision="fp32")
    assert code_of(lambda: predict_shards(model, source, out, precision="bf16")) == "E550"
    other = served_model(tmp_path / "other", seed=1)
    assert code_of(lambda: predict_shards(other, source, out, precision="fp32")) == "E550"
    (source / "1.parquet").unlink()
    assert code_of(lambda: predict_shards(model, source, out, precision="fp32")) == "E551"
    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / "letter.txt").write_text("dear")
    assert code_of(lambda: predict_shards(model, source, mine)) == "E551"
    assert [p.name for p in mine.iterdir()] == ["letter.txt"]
    (tmp_path / "file").write_text("x")
    assert code_of(lambda: predict_shards(model, source, tmp_path / "file")) == "E553"
    assert code_of(lambda: predict_shards(model, source, tmp_path / "out.csv")) == "E553"
    assert not (tmp_path / "out.csv").exists()


def test_a_folder_that_another_process_writes_to_is_refused(model: Path, tmp_path: Path) -> None:
    source, out = write_shards(tmp_path / "in", [10]), tmp_path / "out"
    with locked(out / "_isogloss"):
        assert code_of(lambda: predict_shards(model, source, out)) == "E546"
    assert predict_shards(model, source, out).rows == 10
    assert sorted(p.name for p in (out / "_isogloss").iterdir()) == [
        "0.parquet.json",
        "made.json",
    ]


def test_columns_of_all_shards_are_checked_before_any_work(model: Path, tmp_path: Path) -> None:
    for column, code in (("body", "E105"), ("prediction", "E530")):
        source = write_shards(tmp_path / column / "in", [10])
        table = pq.read_table(source / "0.parquet").rename_columns([column, "id"])
        pq.write_table(table, source / "1.parquet")
        assert code_of(lambda s=source: predict_shards(model, s, tmp_path / "out")) == code
        assert not (tmp_path / "out").exists()


def test_a_bad_row_is_named_and_what_is_finished_stays(model: Path, tmp_path: Path) -> None:
    source = write_shard(tmp_path / "x.parquet", 60)
    table = pq.read_table(source).to_pydict()
    table["text"][44] = ""
    pq.write_table(pa.table(table), source)
    out = tmp_path / "out"
    with pytest.raises(IsoglossError, match=r"x\.parquet, row 45") as caught:
        predict_shards(model, source, out, shard_rows=20)
    assert caught.value.code == "E108"
    assert [p.name for p in outputs(out)] == ["x-00000.parquet", "x-00001.parquet"]


def test_an_input_that_changes_while_it_is_read_stops_the_command(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = write_shards(tmp_path / "in", [30])
    inner = shard_engines.label_batches

    def meanwhile(*args: Any, **options: Any) -> Any:
        found = inner(*args, **options)
        write_shard(source / "0.parquet", 31)
        return found

    monkeypatch.setattr(shard_engines, "label_batches", meanwhile)
    assert code_of(lambda: predict_shards(model, source, tmp_path / "out")) == "E554"
    assert outputs(tmp_path / "out") == []


def test_cut_rows_are_counted_over_all_shards(model: Path, tmp_path: Path) -> None:
    for number in range(2):
        long = ["gut " * 99, "gut"]
        (tmp_path / "in").mkdir(exist_ok=True)
        pq.write_table(pa.table({"text": long}), tmp_path / "in" / f"{number}.parquet")
    with pytest.warns(IsoglossWarning, match="W522: 2 of 4 rows of in are longer"):
        predict_shards(model, tmp_path / "in", tmp_path / "out")


KILLED = """
import sys
from isogloss.recipes.predict_shards import predict_shards
predict_shards(*sys.argv[1:4], batch_rows=16)
"""


@pytest.mark.slow
def test_killed_again_and_again_it_ends_with_every_row_once(model: Path, tmp_path: Path) -> None:
    source, out = write_shards(tmp_path / "in", [500] * 6), tmp_path / "out"
    command = [sys.executable, "-c", KILLED, str(model), str(source), str(out)]
    for finished in (1, 3, 4):
        process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
        while process.poll() is None and len(outputs(out)) < finished:
            time.sleep(0.005)
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
    done = predict_shards(model, source, out, batch_rows=16)
    assert done.rows == 3000
    assert 1 <= done.already < 6
    assert [row["id"] for row in rows_in(out)] == list(range(3000))
    assert not list(out.rglob("*.tmp"))
    unbroken = tmp_path / "unbroken"
    predict_shards(model, source, unbroken, batch_rows=16)
    assert rows_in(unbroken) == rows_in(out)


PEAK = """
import json, resource, sys
from isogloss.recipes.predict_shards import predict_shards
done = predict_shards(*sys.argv[1:4], batch_rows=256)
print(json.dumps([done.rows, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss]))
"""


@pytest.mark.slow
def test_memory_does_not_grow_with_the_rows(model: Path, tmp_path: Path) -> None:
    peaks = []
    for rows in (2_000, 40_000):
        source = write_shards(tmp_path / f"in{rows}", [rows // 2] * 2)
        arguments = [str(model), str(source), str(tmp_path / f"out{rows}")]
        done = subprocess.run(
            [sys.executable, "-c", PEAK, *arguments], capture_output=True, text=True, check=True
        )
        found, peak = json.loads(done.stdout)
        assert found == rows
        peaks.append(peak)
    # The larger input holds about 4 MB of text; kilobytes, on macOS bytes.
    assert peaks[1] < 1.05 * peaks[0]


@pytest.mark.slow
def test_ray_labels_as_this_process_does(model: Path, tmp_path: Path) -> None:
    pytest.importorskip("ray")
    from isogloss.recipes.shard_engines import RayShards

    source = write_shards(tmp_path / "in", [60, 0, 45, 30])
    local = predict_shards(model, source, tmp_path / "local", precision="fp32")
    seen, engine = Seen(), RayShards(workers=1)
    out = tmp_path / "ray"
    far = predict_shards(model, source, out, precision="fp32", engine=engine, progress=seen)
    assert far == local
    assert sum(seen.steps) == 135
    assert rows_in(out) == rows_in(tmp_path / "local")
    (out / "2.parquet").unlink()
    write_shard(source / "3.parquet", 30, first=400)
    table = pq.read_table(source / "3.parquet").to_pydict()
    table["text"][7] = ""
    pq.write_table(pa.table(table), source / "3.parquet")
    with pytest.raises(IsoglossError, match=r"3\.parquet, row 8") as caught:
        predict_shards(model, source, out, precision="fp32", engine=engine)
    assert caught.value.code == "E108"
    assert not (out / "3.parquet").exists()


def test_ray_that_is_not_installed_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    from isogloss import cluster

    monkeypatch.setattr(cluster, "find_spec", lambda name: None)
    assert code_of(shard_engines.RayShards) == "E817"


def test_a_shard_whose_worker_keeps_dying_is_named() -> None:
    class RayError(Exception):
        pass

    class RayTaskError(RayError):
        pass

    class Dying:
        exceptions = SimpleNamespace(RayError=RayError, RayTaskError=RayTaskError)

        def get(self, ended: object) -> None:
            raise RayError("The worker died.\nAt length.")

    shard = Shard(path=Path("in/7.parquet"), name="7.parquet", first=0, rows=1)
    with pytest.raises(IsoglossError, match=r"7\.parquet died 3 times \(The worker died\.\)") as e:
        shard_engines._result(Dying(), object(), shard)
    assert e.value.code == "E555"
