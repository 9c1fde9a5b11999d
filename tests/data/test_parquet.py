from __future__ import annotations

import pyarrow as pa
import pyarrow.parquet as pq

from isogloss.data.parquet import read_parquet, read_parquet_schema


def test_rows_in_order_over_row_groups(tmp_path):
    table = pa.table({"text": [str(i) for i in range(10)], "n": list(range(10))})
    pq.write_table(table, tmp_path / "a.parquet", row_group_size=4)
    batches = list(read_parquet(tmp_path / "a.parquet", batch_rows=3))
    assert pa.Table.from_batches(batches).equals(table)
    assert max(batch.num_rows for batch in batches) <= 3


def test_dictionary_columns_become_plain(tmp_path):
    table = pa.table({"label": pa.array(["a", "b", "a"]).dictionary_encode()})
    pq.write_table(table, tmp_path / "a.parquet")
    assert read_parquet_schema(tmp_path / "a.parquet").field("label").type == pa.string()
    (batch,) = read_parquet(tmp_path / "a.parquet", batch_rows=10)
    assert batch.to_pydict() == {"label": ["a", "b", "a"]}


def test_no_parquet_at_all(write, raises):
    with raises("E117", "a.parquet"):
        read_parquet_schema(write("a.parquet", "text,label\n"))


def test_a_damaged_page_is_named(tmp_path, raises):
    path = tmp_path / "a.parquet"
    pq.write_table(pa.table({"text": ["word" * i for i in range(500)]}), path)
    content = bytearray(path.read_bytes())
    content[4:600] = b"\xff" * 596
    path.write_bytes(content)
    with raises("E117", "a.parquet"):
        list(read_parquet(path, batch_rows=10))


def test_types_that_no_data_set_has(tmp_path, raises):
    path = tmp_path / "a.parquet"
    maps = pa.array([[("k", 1)]], type=pa.map_(pa.string(), pa.int64()))
    pq.write_table(pa.table({"a": maps}), path)
    with raises("E117", "a.parquet"):
        read_parquet_schema(path)


def test_no_rows_and_names_twice(tmp_path, raises):
    pq.write_table(pa.table({"a": pa.array([], pa.string())}), tmp_path / "a.parquet")
    with raises("E102", "a.parquet"):
        read_parquet_schema(tmp_path / "a.parquet")
    twice = pa.Table.from_arrays([pa.array(["x"]), pa.array(["y"])], names=["a", "a"])
    pq.write_table(twice, tmp_path / "b.parquet")
    with raises("E111", "'a'"):
        read_parquet_schema(tmp_path / "b.parquet")
