from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.numpy import save_file

from isogloss.data.arrays import read_arrays, read_facts, save_arrays
from isogloss.errors import IsoglossError

ARRAYS = {"a": np.arange(6, dtype=np.float32).reshape(2, 3), "b": np.array([-1, 2])}
FACTS = {"names": ["größe", "\U0001f600"], "n": 3}


def test_what_was_written_comes_back(tmp_path: Path) -> None:
    path = tmp_path / "new" / "x.safetensors"
    save_arrays(path, ARRAYS, FACTS)
    arrays, facts = read_arrays(path)
    assert facts == FACTS == read_facts(path)
    assert arrays.keys() == ARRAYS.keys()
    for name, values in ARRAYS.items():
        np.testing.assert_array_equal(arrays[name], values)
        assert arrays[name].dtype == values.dtype
    tensors, _ = read_arrays(path, framework="pt")
    assert torch.equal(tensors["a"], torch.from_numpy(ARRAYS["a"]))
    assert [p.name for p in path.parent.iterdir()] == ["x.safetensors"]


def test_same_content_same_bytes(tmp_path: Path) -> None:
    for name in ("one", "two"):
        save_arrays(tmp_path / name, ARRAYS, FACTS)
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()


def test_what_cannot_be_read_is_said_on_one_line(tmp_path: Path) -> None:
    whole, cut, foreign = (tmp_path / name for name in ("whole", "cut", "foreign"))
    save_arrays(whole, ARRAYS, FACTS)
    cut.write_bytes(whole.read_bytes()[:-5])
    save_file(ARRAYS, foreign)
    for path in (cut, foreign, tmp_path / "missing", tmp_path):
        for read in (read_arrays, read_facts):
            with pytest.raises(ValueError) as caught:
                read(path)
            assert str(caught.value)
            assert "\n" not in str(caught.value)


def test_place_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    with pytest.raises(IsoglossError) as caught:
        save_arrays(tmp_path / "file" / "x", ARRAYS, FACTS)
    assert caught.value.code == "E121"
