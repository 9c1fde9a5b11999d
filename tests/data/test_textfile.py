from __future__ import annotations

import pytest

from isogloss.data import textfile
from isogloss.data.textfile import in_batches, read_lines


def test_a_byte_order_mark_is_left_out_and_line_ends_are_kept(write):
    path = write("a.txt", b"\xef\xbb\xbfone\r\ntwo\nthree")
    assert list(read_lines(path)) == ["one\r\n", "two\n", "three"]


@pytest.mark.parametrize(
    ("content", "line", "byte"),
    [
        ("gut\nschön\n".encode("latin-1"), 2, 7),
        ("äöü\n".encode() + b"\xff", 2, 7),
        ("a\n".encode("utf-16"), 1, 0),
        (b"cut short \xe2\x82", 1, 10),
    ],
)
def test_bytes_that_are_not_utf8_are_located(write, raises, content, line, byte):
    path = write("latin.csv", content)
    with raises("E103", "latin.csv", f"line {line} ", f"(byte {byte})"):
        list(read_lines(path))


def test_a_bad_byte_is_found_far_into_the_file(write, raises):
    lines = "grün\n".encode() * 50_000
    path = write("long.csv", lines + b"gr\xfcn\n")
    with raises("E103", "line 50001 ", f"(byte {len(lines) + 2})"):
        list(read_lines(path))


def test_batches_keep_order_and_size():
    batches = list(in_batches(((i, 1) for i in range(10)), batch_rows=4))
    assert batches == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9]]
    assert list(in_batches([], batch_rows=4)) == []


def test_long_rows_make_batches_smaller(monkeypatch):
    monkeypatch.setattr(textfile, "BATCH_CHARACTERS", 10)
    items = [("a", 4), ("b", 4), ("c", 4), ("d", 20), ("e", 1)]
    assert list(in_batches(items, batch_rows=100)) == [["a", "b", "c"], ["d"], ["e"]]
