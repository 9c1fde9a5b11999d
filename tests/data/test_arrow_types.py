from __future__ import annotations

import pyarrow as pa
import pytest

from isogloss.data.arrow_types import as_text, column_type, fit_column, plain_schema, wider_type

TEXT = pa.string()


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        ([None, None], pa.null()),
        (["a", None], TEXT),
        ([1, None], pa.int64()),
        ([1, 2.5], pa.float64()),
        ([True], pa.bool_()),
        ([True, 1], TEXT),
        ([1, "1"], TEXT),
        ([2**70], TEXT),
        ([{"a": 1}], TEXT),
        ([["a"], None, []], pa.list_(TEXT)),
        ([[1], [2.5]], pa.list_(pa.float64())),
        ([[["a"]]], pa.list_(TEXT)),
        ([[{"a": 1}]], pa.list_(TEXT)),
        ([["a", ["b"]]], pa.list_(TEXT)),
        ([[]], pa.list_(pa.null())),
        (["a", ["b"]], None),
    ],
)
def test_narrowest_type_that_holds_all(values, kind):
    assert column_type(values) == kind


@pytest.mark.parametrize(
    ("one", "other", "wide"),
    [
        (TEXT, TEXT, TEXT),
        (pa.null(), TEXT, TEXT),
        (TEXT, pa.null(), TEXT),
        (pa.int64(), pa.float64(), pa.float64()),
        (pa.int64(), TEXT, TEXT),
        (pa.list_(pa.null()), pa.list_(TEXT), pa.list_(TEXT)),
        (pa.list_(TEXT), TEXT, None),
        (pa.int64(), pa.list_(TEXT), None),
    ],
)
def test_wider_type(one, other, wide):
    assert wider_type(one, other) == wide


def test_any_values_fit_the_type_found_for_them():
    columns = [[1, "ä", None, {"k": [1]}], [[1, "b"], [], None], [1, 2.5], [2**70, 1], [[[1]], []]]
    for values in columns:
        kind = column_type(values)
        array = pa.array(fit_column(values, kind), type=kind)
        assert array.null_count == values.count(None)


def test_text_stays_and_other_values_become_json():
    assert as_text("1") == "1"
    assert as_text(1) == "1"
    assert as_text({"ä": None}) == '{"ä": null}'


def test_dictionary_encoding_is_undone():
    schema = pa.schema([("a", pa.dictionary(pa.int8(), TEXT)), ("b", pa.int8())])
    assert plain_schema(schema) == pa.schema([("a", TEXT), ("b", pa.int8())])
