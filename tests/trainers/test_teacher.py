from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from datasets import Dataset

from isogloss.errors import IsoglossError
from isogloss.labelshift import correct
from isogloss.labelshift.calibration import softmax
from isogloss.models.features import FeatureClassifier
from isogloss.trainers.rows import collect_rows
from isogloss.trainers.teacher import (
    TeacherOutputs,
    gather,
    observe,
    open_outputs,
    store_outputs,
    under_weights,
)
from tests.helpers.models import tiny_model
from tests.helpers.rows import PAD, encoded


def random_outputs(sizes: list[int], *, seed: int = 0) -> TeacherOutputs:
    rng = np.random.default_rng(seed)
    examples = Dataset.from_dict({"active": [list(range(size)) for size in sizes]})
    logits = rng.normal(size=(sum(sizes), 3)).astype(np.float32)
    return gather([(logits, examples)], weights=np.array([1.0, 0.5, 2.0]))


@pytest.mark.parametrize("token", [False, True])
def test_outputs_are_looked_up_by_example(token: bool) -> None:
    sides = [encoded(size, seed=size, token_task=token) for size in (5, 4)]
    model = FeatureClassifier(tiny_model("bert", "token" if token else "sequence"))
    outputs = gather([(observe(model, s, pad_token_id=PAD), s) for s in sides], weights=np.ones(3))
    assert len(outputs) == 9
    for first, side in zip((0, 5), sides, strict=True):
        rows = collect_rows(model, side, pad_token_id=PAD)
        for i in range(len(side)):
            said = outputs.of(first + i).numpy()
            np.testing.assert_array_equal(said, rows.logits[rows.examples == i])


def test_observing_sees_no_dropout() -> None:
    model = FeatureClassifier(tiny_model("bert", hidden_dropout_prob=0.5))
    model.train()
    examples = encoded(6, seed=0)
    first, second = (observe(model, examples, pad_token_id=PAD) for _ in range(2))
    assert model.training
    np.testing.assert_array_equal(first, second)


def test_a_diverged_teacher_is_refused() -> None:
    model = FeatureClassifier(tiny_model("bert"))
    model.final_linear.bias.data.fill_(float("nan"))
    with pytest.raises(IsoglossError) as caught:
        observe(model, encoded(3, seed=0), pad_token_id=PAD)
    assert caught.value.code == "E400"


def test_logits_of_other_rows_are_refused() -> None:
    with pytest.raises(IsoglossError) as caught:
        gather([(np.zeros((4, 3)), encoded(5, seed=0))], weights=np.ones(3))
    assert caught.value.code == "E405"


def test_weighted_logits_are_those_of_corrected_probabilities() -> None:
    rng = np.random.default_rng(0)
    logits = rng.normal(size=(20, 4)).astype(np.float32) * 3
    for weights in (np.array([2.0, 0.5, 1.0, 0.1]), np.array([1.5, 0.0, 1.0, 0.0])):
        found = softmax(under_weights(logits, weights).astype(np.float64))
        expected = correct(softmax(logits.astype(np.float64)), weights)
        np.testing.assert_allclose(found, expected, atol=1e-6)
        assert np.isfinite(under_weights(logits, weights)).all()
    np.testing.assert_array_equal(under_weights(logits, np.ones(4)), logits)


def test_file_gives_back_what_was_stored(tmp_path: Path) -> None:
    outputs = random_outputs([3, 0, 2])
    outputs.logits[1] = float("nan")
    path = tmp_path / "said.safetensors"
    assert open_outputs(path, key="a") is None
    store_outputs(path, outputs, key="a")
    found = open_outputs(path, key="a")
    assert found is not None
    for one, other in zip(vars(outputs).values(), vars(found).values(), strict=True):
        assert one.dtype == other.dtype
        torch.testing.assert_close(one, other, equal_nan=True, rtol=0, atol=0)
    assert open_outputs(path, key="b") is None


@pytest.mark.parametrize("damage", ["cut", "flipped", "empty", "other"])
def test_broken_file_counts_as_none(tmp_path: Path, damage: str) -> None:
    path = tmp_path / "said.safetensors"
    store_outputs(path, random_outputs([3, 2]), key="a")
    whole = path.read_bytes()
    flipped = whole[:-1] + bytes([whole[-1] ^ 1])
    broken = {"cut": whole[:-8], "flipped": flipped, "empty": b"", "other": b"{}" * 50}
    path.write_bytes(broken[damage])
    assert open_outputs(path, key="a") is None


def test_stored_rows_are_mapped_not_read(tmp_path: Path) -> None:
    """A change of the file shows in the rows that were opened before it."""
    path = tmp_path / "said.safetensors"
    store_outputs(path, random_outputs([3, 2]), key="a")
    found = open_outputs(path, key="a")
    assert found is not None
    place = path.read_bytes().index(found.logits.numpy().tobytes())
    with path.open("r+b") as file:
        file.seek(place)
        file.write(np.float32(42).tobytes())
    assert float(found.logits[0, 0]) == 42.0
