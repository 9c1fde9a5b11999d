from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from isogloss.data.shards import find_shards, is_sharded


def write(path: Path, rows: int, *, first: int = 0, group: int = 4) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    texts = [str(n) for n in range(first, first + rows)]
    pq.write_table(pa.table({"text": pa.array(texts, pa.string())}), path, row_group_size=group)
    return path


def texts(shards: list, batch_rows: int = 3) -> list[str]:
    return [t for s in shards for batch in s.batches(batch_rows) for t in batch["text"]]


def test_a_folder_s_files_are_shards_in_the_order_of_their_names(tmp_path: Path) -> None:
    write(tmp_path / "in/b.parquet", 3, first=9)
    write(tmp_path / "in/a/x.parquet", 9)
    write(tmp_path / "in/c.parquet", 0)
    for hidden in ("in/_more/x.parquet", "in/.y.parquet", "in/out/a.parquet"):
        write(tmp_path / hidden, 1)
    shards = find_shards(tmp_path / "in", tmp_path / "in/out")
    assert [(s.name, s.rows) for s in shards] == [
        ("a/x.parquet", 9),
        ("b.parquet", 3),
        ("c.parquet", 0),
    ]
    assert texts(shards) == [str(n) for n in range(12)]


def test_a_pattern_chooses_files_and_keeps_their_folders(tmp_path: Path) -> None:
    for name in ("de/1", "de/2", "fr/1"):
        write(tmp_path / f"{name}.parquet", 2)
    (tmp_path / "de/1.txt").write_text("no shard")
    names = [s.name for s in find_shards(tmp_path / "*" / "1.*", tmp_path / "out")]
    assert names == ["de/1.parquet", "fr/1.parquet"]


@pytest.mark.parametrize("shard_rows", [1, 4, 5, 11, 50])
@pytest.mark.parametrize("group", [1, 4, 50])
def test_the_parts_of_a_file_are_all_of_it_in_order(
    tmp_path: Path, shard_rows: int, group: int
) -> None:
    write(tmp_path / "x.parquet", 11, group=group)
    shards = find_shards(tmp_path / "x.parquet", tmp_path / "out", shard_rows=shard_rows)
    assert shards[0].name == "x-00000.parquet"
    assert all(s.rows == shard_rows for s in shards[:-1])
    assert texts(shards) == [str(n) for n in range(11)]


def test_what_holds_no_shard_is_refused(tmp_path: Path, raises) -> None:
    (tmp_path / "in").mkdir()
    for source in (tmp_path / "in", tmp_path / "in/*.parquet"):
        with raises("E552"):
            find_shards(source, tmp_path / "out")
    write(tmp_path / "in/x.parquet", 0)
    for source in (tmp_path / "in", tmp_path / "in/x.parquet"):
        with raises("E102"):
            find_shards(source, tmp_path / "out")
    with raises("E529"):
        find_shards(tmp_path / "in", tmp_path / "in")
    with raises("E101"):
        find_shards(tmp_path / "none.parquet", tmp_path / "out")


def test_only_folders_are_sharded(tmp_path: Path) -> None:
    write(tmp_path / "in/x.parquet", 1)
    assert is_sharded(tmp_path / "in", "out.parquet")
    assert is_sharded(tmp_path / "in/*.parquet", "out")
    assert is_sharded(tmp_path / "in/x.parquet", "out")
    assert not is_sharded(tmp_path / "in/x.parquet", "out.csv")
    assert not is_sharded(tmp_path / "in/x.parquet", "out", format="parquet")
    assert not is_sharded("x.csv", "out")
