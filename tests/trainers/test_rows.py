from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from isogloss.data.collate import RowCollator
from isogloss.trainers import rows as module
from isogloss.trainers.config import FinetuneConfig
from isogloss.trainers.estimation import RowEstimator
from isogloss.trainers.finetune import FinetuneTrainer, model_inputs
from isogloss.trainers.rows import collect_rows
from isogloss.trainers.teacher import observe
from tests.helpers.rows import PAD, encoded
from tests.trainers.common import ARGUMENTS, classifier


@pytest.mark.parametrize("token", [False, True])
def test_rows_come_back_in_order(token: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "tokens_per_batch", lambda device: 40)
    model = classifier(token=token)
    data = encoded(17, seed=0, token_task=token)
    found = collect_rows(model, data, pad_token_id=PAD, features=True)
    model.eval()
    collate = RowCollator(pad_token_id=PAD)
    with torch.inference_mode():
        each = [model(**model_inputs(collate([example]))) for example in data]
    np.testing.assert_allclose(found.logits, torch.cat([e.logits for e in each]), atol=1e-5)
    assert found.features is not None
    np.testing.assert_allclose(found.features, torch.cat([e.features for e in each]), atol=1e-5)
    assert found.labels.tolist() == np.concatenate(data["labels"]).tolist()
    counts = [len(active) for active in data["active"]]
    assert found.examples.tolist() == np.repeat(np.arange(17), counts).tolist()


def test_unlabelled_rows_and_probabilities() -> None:
    data = encoded(6, seed=0, labels=False)
    found = collect_rows(classifier(), data, pad_token_id=PAD)
    assert (found.labels == -100).all()
    np.testing.assert_allclose(found.probabilities.sum(1), 1.0)
    assert (found.probabilities.argmax(1) == found.predictions).all()
    assert found.features is None


def test_rows_are_as_the_classifier_revises_them() -> None:
    model, data = classifier(token=True), encoded(7, seed=0, token_task=True)
    plain = collect_rows(model, data, pad_token_id=PAD)
    seen: list[np.ndarray] = []

    def revise(logits: np.ndarray, examples: np.ndarray) -> np.ndarray:
        seen.append(examples)
        return logits[:, ::-1]

    model.revise = revise
    found = collect_rows(model, data, pad_token_id=PAD)
    np.testing.assert_array_equal(found.logits, plain.logits[:, ::-1])
    np.testing.assert_array_equal(seen[0], plain.examples)
    # Whoever asks for rows gets them so: pseudo-labels, estimates, students.
    said = observe(model, data, pad_token_id=PAD)
    np.testing.assert_array_equal(said, found.logits)
    estimator = RowEstimator(source=data, target=data, pad_token_id=PAD)
    np.testing.assert_array_equal(estimator.collect(model, data).logits, found.logits)


def test_no_examples_no_rows() -> None:
    found = collect_rows(classifier(), encoded(3, seed=0).select([]), pad_token_id=PAD)
    assert found.logits.shape == (0, 3)


def test_mode_is_left_as_it_was_and_progress_adds_up() -> None:
    model = classifier().train()
    done: list[int] = []
    collect_rows(model, encoded(9, seed=0), pad_token_id=PAD, progress=done.append)
    assert model.training
    assert sum(done) == 9


def test_batches_hold_their_budget_and_every_example_once() -> None:
    lengths = np.random.default_rng(0).integers(3, 60, size=200)
    batches = list(module.length_batches(lengths, budget=100))
    assert sorted(np.concatenate(batches).tolist()) == list(range(200))
    assert all(len(b) * lengths[b].max() <= 100 for b in batches)
    padded = sum(len(b) * lengths[b].max() for b in batches)
    assert padded < 1.1 * lengths.sum()
    assert [b.tolist() for b in module.length_batches(np.array([500, 3]), budget=100)] == [[0], [1]]


@pytest.mark.parametrize("token", [False, True])
def test_bfloat16_says_nearly_the_same_and_the_same_twice(token: bool) -> None:
    model, data = classifier(token=token), encoded(60, seed=0, token_task=token)
    exact = collect_rows(model, data, pad_token_id=PAD)
    rounded = collect_rows(model, data, pad_token_id=PAD, precision="bf16")
    again = collect_rows(model, data, pad_token_id=PAD, precision="bf16")
    assert (rounded.logits == again.logits).all()
    assert (rounded.logits != exact.logits).any()
    np.testing.assert_allclose(rounded.logits, exact.logits, atol=0.2 * exact.logits.std())
    assert (rounded.predictions == exact.predictions).mean() >= 0.95


def test_head_is_in_single_precision_after_training_in_bfloat16(tmp_path: Path) -> None:
    data = encoded(16, seed=0)
    args = FinetuneConfig(**{**ARGUMENTS, "max_steps": 1, "bf16": True}, output_dir=str(tmp_path))
    trainer = FinetuneTrainer(classifier(), args, train_dataset=data, pad_token_id=PAD)
    trainer.train()
    found = collect_rows(trainer.model, data, pad_token_id=PAD, precision="bf16", features=True)
    with torch.no_grad():
        head = trainer.model.final_linear(torch.from_numpy(found.features))
    np.testing.assert_allclose(found.logits, head, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("features", [False, True])
def test_sample_is_of_whole_examples_in_their_order(features: bool) -> None:
    data = encoded(17, seed=0, token_task=True)
    rows = collect_rows(classifier(token=True), data, pad_token_id=PAD, features=features)
    few = rows.sample(5, seed=1)
    names, counts = np.unique(few.examples, return_counts=True)
    assert len(names) == 5
    assert counts.tolist() == [len(data[int(i)]["active"]) for i in names]
    kept = np.isin(rows.examples, names)
    np.testing.assert_array_equal(few.logits, rows.logits[kept])
    np.testing.assert_array_equal(few.labels, rows.labels[kept])
    assert (few.features is not None) == features
    np.testing.assert_array_equal(rows.sample(5, seed=1).examples, few.examples)
    assert rows.sample(5, seed=2).examples.tolist() != few.examples.tolist()
    assert rows.sample(17, seed=1) is rows
