"""Mean pooling and the encoder layer that computes it."""

from __future__ import annotations

import copy

import pytest
import torch

from isogloss.models import pooling
from tests.helpers.models import random_batch, tiny_model

FOLDED = ("bert", "xlm-roberta", "distilbert", "deberta-v2")


def _with_layer(model: torch.nn.Module) -> torch.nn.Module:
    """The same model with the pooling layer appended."""
    config = copy.deepcopy(model.config)
    config.num_hidden_layers += 1
    longer = type(model)(config).eval()
    longer.load_state_dict(model.state_dict() | pooling.pooling_layer(model), strict=True)
    return longer


def test_masked_mean_is_the_mean_of_the_unmasked_rows() -> None:
    hidden = torch.randn(3, 5, 4)
    mask = torch.tensor([[1, 1, 1, 1, 1], [1, 1, 0, 0, 0], [1, 0, 0, 0, 0]])
    found = pooling.masked_mean(hidden, mask)
    wanted = torch.stack([hidden[0].mean(0), hidden[1, :2].mean(0), hidden[2, 0]])
    torch.testing.assert_close(found, wanted)


def test_masked_mean_ignores_padding_and_survives_an_empty_row() -> None:
    hidden = torch.randn(2, 5, 4)
    mask = torch.tensor([[1, 1, 1, 0, 0], [0, 0, 0, 0, 0]])
    changed = hidden.clone()
    changed[:, 3:] += 100
    first, second = pooling.masked_mean(hidden, mask), pooling.masked_mean(changed, mask)
    torch.testing.assert_close(first, second)
    assert torch.equal(first[1], torch.zeros(4))


@pytest.mark.parametrize("architecture", FOLDED)
def test_appended_layer_computes_the_pooled_mean(architecture: str) -> None:
    model = tiny_model(architecture)
    batch = random_batch()
    with torch.no_grad():
        hidden = model.base_model(**batch)[0]
        pooled = pooling.pooled_mean(model, hidden, batch["attention_mask"])
        longer = _with_layer(model).base_model(**batch)[0]
    torch.testing.assert_close(longer[:, 0], pooled, atol=1e-6, rtol=1e-6)
    assert (pooled - hidden[:, 0]).abs().max() > 0.1


@pytest.mark.parametrize("share_att_key", [True, False])
@pytest.mark.parametrize("types", [["c2p"], ["p2c"], ["c2p", "p2c"], []])
def test_deberta_scores_carry_no_relative_position(share_att_key: bool, types: list[str]) -> None:
    model = tiny_model("deberta-v2", share_att_key=share_att_key, pos_att_type=types)
    batch = random_batch()
    with torch.no_grad():
        hidden = model.base_model(**batch)[0]
        pooled = pooling.pooled_mean(model, hidden, batch["attention_mask"])
        longer = _with_layer(model).base_model(**batch)[0]
    torch.testing.assert_close(longer[:, 0], pooled, atol=1e-6, rtol=1e-6)


def test_deberta_with_convolution_and_positions() -> None:
    model = tiny_model("deberta-v2", conv_kernel_size=3, position_biased_input=True)
    batch = random_batch()
    with torch.no_grad():
        hidden = model.base_model(**batch)[0]
        pooled = pooling.pooled_mean(model, hidden, batch["attention_mask"])
        longer = _with_layer(model).base_model(**batch)[0]
    torch.testing.assert_close(longer[:, 0], pooled, atol=1e-6, rtol=1e-6)


@pytest.mark.parametrize("architecture", FOLDED)
def test_pooling_layer_is_recognised_and_taken_off(architecture: str) -> None:
    model = tiny_model(architecture)
    longer = _with_layer(model)
    assert not pooling.ends_in_pooling_layer(model)
    assert pooling.ends_in_pooling_layer(longer)
    pooling.drop_last_layer(longer)
    assert longer.config.num_hidden_layers == 2
    batch = random_batch()
    with torch.no_grad():
        torch.testing.assert_close(longer(**batch).logits, model(**batch).logits)


@pytest.mark.parametrize("architecture", FOLDED)
def test_the_smallest_change_makes_it_another_layer(architecture: str) -> None:
    longer = _with_layer(tiny_model(architecture))
    parameter = next(pooling.layers_of(longer)[-1].parameters())
    with torch.no_grad():
        parameter.view(-1)[0] += 1e-3
    assert not pooling.ends_in_pooling_layer(longer)


def test_modernbert_takes_the_bare_mean() -> None:
    model = tiny_model("modernbert")
    hidden, mask = torch.randn(2, 5, 32), torch.ones(2, 5, dtype=torch.long)
    assert pooling.is_native(model)
    assert not pooling.is_folded(model)
    torch.testing.assert_close(pooling.pooled_mean(model, hidden, mask), hidden.mean(1))
