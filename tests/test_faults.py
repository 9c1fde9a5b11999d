"""Where each known fault of the published procedure is guarded against, and tests for the rest.

1. The linear term of the weights' program is transposed: `labelshift/test_quadratic.py`,
   `test_prior_estimation.py`.
2. The running statistics begin in agreement with the first weights: `labelshift/test_online.py`.
3. The pull to the start weighs the evidence and does not stall: `labelshift/test_online.py`.
4. The rate of the running statistics does not depend on the batch size:
   `labelshift/test_online.py`, `trainers/test_iwda.py`.
5. The projection is the Euclidean one: `labelshift/test_projection.py`.
6. Empty, lost and never-predicted classes give finite weights: `labelshift/test_quadratic.py`,
   `test_prior_estimation.py`, `test_online.py`.
7. One label map serves all sides, and label ids of 100 and more count: `data/test_collate.py`,
   `tasks/test_token.py`, and here.
8. Targets without labels, a mixture of 0 and unweighted training work: `trainers/test_iwda.py`,
   `labelshift/test_initial.py`.
9. Accumulation steps after exactly as many parts as it says, and their losses add up to those of
   one large batch: `trainers/test_finetune.py`, and here.
10. A constant added to the critic changes nothing: `alignment/test_losses.py`, and in the loss as
    trained here.
11. The confusion matrix comes from held-out rows without dropout: `trainers/test_iwda.py`.
12. The test split is looked at once a stage, a run resumes to the same weights, tokenizer and
    label names are saved: `recipes/test_adapt.py`, `recipes/test_crashes.py`,
    `trainers/common.py`, `models/test_export.py`.
13. The penalty leaves no row out for good: `alignment/test_penalty.py`; its pairs are drawn anew
    in every step of training: here.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from datasets import Dataset

from isogloss.alignment import penalty
from isogloss.tasks import Task, make_task
from tests.helpers.models import tiny_tokenizer
from tests.trainers import test_finetune, test_iwda
from tests.trainers.common import STEPS


def encoded_labels(task: Task, data: Dataset) -> list[list[int]]:
    encoded = task.encode(data, tiny_tokenizer(), max_length=32, with_labels=True)
    return list(encoded.dataset["labels"])


def test_fault_7_a_side_with_other_labels_keeps_the_ids_of_the_source() -> None:
    source = Dataset.from_dict(
        {"tokens": [["anna", "in", "paris"]], "tags": [["B-PER", "O", "B-LOC"]]}
    )
    other = Dataset.from_dict({"tokens": [["at", "anna"]], "tags": [["O", "B-PER"]]})
    task = make_task("token", text=None, text_pair=None, label=None).with_labels_from(source)
    person = task.known_labels.label2id["B-PER"]
    assert encoded_labels(task, source)[0][0] == person
    assert encoded_labels(task, other) == [[0, person]]


@pytest.mark.parametrize("parts", [1, 2, 3])
@pytest.mark.parametrize("build", [test_finetune.TestFinetuneTrainer().build, test_iwda.build])
def test_fault_9_a_step_is_taken_after_as_many_parts_as_asked_for(
    build: Any, parts: int, tmp_path: Path
) -> None:
    trainer = build(tmp_path, gradient_accumulation_steps=parts, per_device_train_batch_size=2)
    steps: list[int] = []
    inner = trainer.batch_loss

    def spy(*args: Any, **options: Any) -> torch.Tensor:
        steps.append(trainer.state.global_step)
        return inner(*args, **options)

    trainer.batch_loss = spy
    trainer.train()
    assert steps == [step for step in range(STEPS) for _ in range(parts)]


def test_fault_10_a_constant_added_to_the_critic_leaves_the_loss_as_it_is(tmp_path: Path) -> None:
    model = test_iwda.build(tmp_path, dropout=0.0).model.eval()
    anywhere = np.tile([0.0, 1.0], (3, 1))
    model.weights.start(np.array([2.0, 0.5, 0.5]), np.array([1 / 3] * 3), anywhere)
    batch = next(iter(test_iwda.build(tmp_path, dropout=0.0).get_train_dataloader()))
    inputs = {name: values for name, values in batch.items() if name != "examples"}

    def distance() -> float:
        return float(model(**inputs, strength=1.0, blend=1.0)["distance"])

    before = distance()
    with torch.no_grad():
        model.critic.output.bias += 100.0
    assert distance() == pytest.approx(before, abs=1e-3)


def test_fault_13_training_pairs_rows_anew_in_every_step(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    orders: list[tuple[int, ...]] = []
    inner = penalty._chosen

    def spy(length: int, *args: Any) -> torch.Tensor:
        order = inner(length, *args)
        orders.append(tuple(order.tolist()))
        return order

    monkeypatch.setattr(penalty, "_chosen", spy)
    test_iwda.build(tmp_path, token=True).train()
    assert len(orders) == 2 * STEPS
    assert all(sorted(order) == list(range(len(order))) for order in orders)
    assert sum(order == tuple(range(len(order))) for order in orders) < STEPS
