from __future__ import annotations

import numpy as np
import pytest
import torch

from isogloss.data.collate import RowCollator
from isogloss.trainers import rows as module
from isogloss.trainers.finetune import model_inputs
from isogloss.trainers.rows import collect_rows
from tests.helpers.rows import PAD, encoded
from tests.trainers.common import classifier


@pytest.mark.parametrize("token", [False, True])
def test_rows_come_back_in_order(token: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "TOKENS_PER_BATCH", 40)
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


def test_no_examples_no_rows() -> None:
    found = collect_rows(classifier(), encoded(3, seed=0).select([]), pad_token_id=PAD)
    assert found.logits.shape == (0, 3)


def test_mode_is_left_as_it_was_and_progress_adds_up() -> None:
    model = classifier().train()
    done: list[int] = []
    collect_rows(model, encoded(9, seed=0), pad_token_id=PAD, progress=done.append)
    assert model.training
    assert sum(done) == 9
