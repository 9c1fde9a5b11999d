"""What single precision and bfloat16 may differ by, and what a batch's company may change."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from isogloss.models.features import FeatureClassifier
from isogloss.trainers.rows import collect_rows
from tests.helpers.models import ARCHITECTURES, tiny_model
from tests.helpers.rows import PAD, encoded
from tests.trainers import test_finetune, test_iwda, test_keung
from tests.trainers.common import logged

# The bounds that docs/reliability.md states.
PROBABILITY, LOSS, PRIOR, COMPANY = 0.05, 0.05, 0.02, 1e-5

BUILDERS: dict[str, Any] = {
    "fine-tuning": lambda folder, **o: test_finetune.TestFinetuneTrainer().build(folder, **o),
    "iwda": test_iwda.build,
    "keung": test_keung.build,
}


@pytest.mark.parametrize("architecture", ARCHITECTURES)
@pytest.mark.parametrize("task", ["sequence", "token"])
def test_probabilities_in_bfloat16_are_near(architecture: str, task: str) -> None:
    classifier = FeatureClassifier(tiny_model(architecture, task))
    rows = encoded(60, seed=1, token_task=task == "token")
    exact, rounded = (
        collect_rows(classifier, rows, pad_token_id=PAD, precision=precision)  # type: ignore[arg-type]
        for precision in ("fp32", "bf16")
    )
    assert np.abs(exact.probabilities - rounded.probabilities).max() < PROBABILITY
    sure = np.sort(exact.probabilities, axis=1)
    clear = sure[:, -1] - sure[:, -2] > 2 * PROBABILITY
    assert clear.any()
    np.testing.assert_array_equal(exact.predictions[clear], rounded.predictions[clear])


@pytest.mark.parametrize("name", BUILDERS)
def test_training_in_bfloat16_is_near(tmp_path: Path, name: str) -> None:
    """Six steps at a tiny model's high learning rate; class balances as the weights have them."""
    exact, rounded = (
        BUILDERS[name](tmp_path / str(half), dropout=0.0, bf16=half, save_strategy="no")
        for half in (False, True)
    )
    for trainer in (exact, rounded):
        trainer.train()
    losses = logged(exact, "task_loss")
    np.testing.assert_allclose(logged(rounded, "task_loss"), losses, rtol=LOSS)
    if name == "iwda":
        np.testing.assert_allclose(rounded.prior_estimate, exact.prior_estimate, atol=PRIOR)


@pytest.mark.parametrize("token", [False, True])
def test_a_row_s_logits_do_not_depend_on_the_batch_s_others(token: bool) -> None:
    classifier = FeatureClassifier(tiny_model("bert", "token" if token else "sequence"))
    rows = encoded(40, seed=1, token_task=token)
    whole = collect_rows(classifier, rows, pad_token_id=PAD, features=True)
    rng = np.random.default_rng(0)
    for _ in range(3):
        order = rng.permutation(40)[: int(rng.integers(1, 30))]
        part = collect_rows(classifier, rows.select(order), pad_token_id=PAD, features=True)
        places = np.concatenate([np.flatnonzero(whole.examples == i) for i in order])
        np.testing.assert_allclose(part.logits, whole.logits[places], atol=COMPANY)
        assert part.features is not None
        assert whole.features is not None
        np.testing.assert_allclose(part.features, whole.features[places], atol=COMPANY)
