"""A batch that spoils the run is named by its rows."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import torch

from isogloss.errors import IsoglossError
from isogloss.trainers.culprits import MOST, StepExamples, numbers_in
from isogloss.trainers.finetune import EncodedDataset
from tests.helpers.rows import encoded
from tests.trainers import (
    test_distillation,
    test_finetune,
    test_iwda,
    test_keung,
    test_selftraining,
)

BUILDERS: dict[str, Any] = {
    "fine-tuning": lambda folder, **o: test_finetune.TestFinetuneTrainer().build(folder, **o),
    "iwda": test_iwda.build,
    "keung": test_keung.build,
    "self-training": test_selftraining.build,
    "distillation": test_distillation.build,
}


def rows_named(error: pytest.ExceptionInfo[IsoglossError]) -> dict[str, set[int]]:
    assert error.value.code == "E501"
    listed = re.search(r"its batch: ([^)]*)\)", str(error.value))
    assert listed is not None
    found = re.findall(r"(source |target |)rows? ([\d, ]+)", listed[1])
    return {side.strip(): {int(n) for n in numbers.split(",")} for side, numbers in found}


@pytest.mark.parametrize("value", ["nan", "inf"])
@pytest.mark.parametrize("name", BUILDERS)
def test_a_loss_that_is_not_finite_names_the_rows_of_its_batch(
    tmp_path: Path, name: str, value: str
) -> None:
    trainer = BUILDERS[name](tmp_path, save_strategy="no", per_device_train_batch_size=3)
    inner, batches = trainer.batch_loss, []

    def spoiled(model: Any, inputs: Any, rows: Any) -> Any:
        batches.append(inputs["examples"].tolist())
        factor = float(value) if trainer.state.global_step == 2 else 1.0
        return inner(model, inputs, rows) * factor

    trainer.batch_loss = spoiled
    with pytest.raises(IsoglossError, match="at step 3 ") as caught:
        trainer.train()
    one_sided = name == "fine-tuning"
    expected = {
        "" if one_sided else "source": {i + 1 for i in batches[-1] if i >= 0},
        "target": {-i for i in batches[-1] if i < 0},
    }
    assert rows_named(caught) == {side: rows for side, rows in expected.items() if rows}


def test_a_gradient_that_is_not_finite_stops_before_the_weights_move(tmp_path: Path) -> None:
    """With a finite loss; all micro-batches of the step are named."""
    options = {"gradient_accumulation_steps": 2, "per_device_train_batch_size": 3}
    trainer = BUILDERS["fine-tuning"](tmp_path, save_strategy="no", **options)
    weight = trainer.model.final_linear.weight
    before: list[torch.Tensor] = []

    def spoil(gradient: torch.Tensor) -> torch.Tensor:
        if trainer.state.global_step < 1:
            return gradient
        before.append(weight.detach().clone())
        return gradient * float("inf")

    weight.register_hook(spoil)
    with pytest.raises(IsoglossError, match=r"gradient .* at step 2 ") as caught:
        trainer.train()
    assert torch.equal(weight, before[0])
    assert len(rows_named(caught)[""]) == 6


def test_rows_are_numbered_as_in_the_data_that_they_were_selected_from() -> None:
    assert numbers_in(encoded(9, seed=0), [4, 0, 4]) == [1, 5]
    assert numbers_in(encoded(9, seed=0).select([8, 3, 5]), [0, 2]) == [6, 9]


def test_long_lists_are_cut(tmp_path: Path) -> None:
    examples, accelerator = StepExamples(), type("Alone", (), {"num_processes": 1})()
    data = EncodedDataset(encoded(60, seed=0))
    assert examples.describe(accelerator, data) == "rows unknown"
    examples.add({"examples": torch.arange(50)})
    said = examples.describe(accelerator, data)
    assert said.startswith("rows 1, 2, 3")
    assert said.endswith(f" {MOST} and 10 more")
