"""The weights of an exported folder rewritten: the plain model gives what was computed."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import AutoModelForSequenceClassification

from isogloss.models.export import export
from isogloss.models.features import FeatureClassifier, Pooling
from isogloss.models.head_change import add_to_head
from isogloss.recipes.folder import link_tree
from isogloss.recipes.rewriting import WEIGHTS, rewrite
from tests.helpers.models import random_batch, tiny_model, tiny_tokenizer


@pytest.mark.parametrize("pooling", ["cls", "mean"])
@pytest.mark.parametrize("architecture", ["bert", "xlm-roberta", "modernbert"])
def test_a_linked_folder_is_changed_and_the_other_is_not(
    architecture: str, pooling: Pooling, tmp_path: Path
) -> None:
    classifier = FeatureClassifier(tiny_model(architecture), pooling=pooling).eval()
    batch = {name: random_batch()[name] for name in ("input_ids", "attention_mask")}
    places = torch.arange(len(batch["input_ids"]))
    with torch.no_grad():
        rows = classifier(**batch, active_rows=places, active_positions=torch.zeros_like(places))
    there, here = tmp_path / "there", tmp_path / "here"
    export(classifier, tiny_tokenizer(architecture), there, card=None, full_embedding=None)
    before = {path.name: path.read_bytes() for path in there.iterdir()}
    link_tree(there, here)
    rng = np.random.default_rng(1)
    weight, bias = rng.normal(size=(3, classifier.feature_size)), rng.normal(size=3)
    rewrite(here, partial(add_to_head, weight=weight, bias=bias), kind="sequence")
    assert {path.name: path.read_bytes() for path in there.iterdir()} == before
    after = {path.name: path.read_bytes() for path in here.iterdir()}
    assert after.keys() == before.keys()
    assert {name for name in after if after[name] != before[name]} == {WEIGHTS}
    plain = AutoModelForSequenceClassification.from_pretrained(here).eval()
    with torch.no_grad():
        logits = plain(**batch).logits.numpy()
    wanted = rows.logits.double().numpy() + rows.features.double().numpy() @ weight.T + bias
    np.testing.assert_allclose(logits, wanted, atol=1e-4)
