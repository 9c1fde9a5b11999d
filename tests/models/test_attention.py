"""The training attention against transformers' eager one."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn
from transformers import AutoModelForSequenceClassification

from isogloss.models import attention as module
from isogloss.models.attention import NAME, attention_forward, use_fast_attention
from isogloss.models.features import FeatureClassifier
from tests.helpers.models import ARCHITECTURES, random_batch, tiny_model

FAST = [name for name in ARCHITECTURES if name != "deberta-v2"]
NO_DROPOUT = {
    "bert": {"hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0},
    "xlm-roberta": {"hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0},
    "distilbert": {"dropout": 0.0, "attention_dropout": 0.0, "seq_classif_dropout": 0.0},
    "modernbert": {"classifier_dropout": 0.0},
}


def _pair(architecture: str, **changes: object) -> tuple[nn.Module, nn.Module]:
    """The same model with eager and with our attention."""
    eager = tiny_model(architecture, **changes)
    eager.set_attn_implementation("eager")
    ours = tiny_model(architecture, **changes)
    assert use_fast_attention(FeatureClassifier(ours))
    assert ours.base_model.config._attn_implementation == NAME
    return eager, ours


def _states(model: nn.Module, batch: dict[str, Tensor]) -> Tensor:
    """Hidden states of the real tokens, in order."""
    return model.base_model(**batch).last_hidden_state[batch["attention_mask"].bool()]


def _gradients(model: nn.Module, batch: dict[str, Tensor]) -> dict[str, Tensor]:
    model.zero_grad()
    logits = model(**batch).logits
    (logits * torch.arange(1.0, 1 + logits.numel()).view_as(logits)).sum().backward()
    return {name: p.grad for name, p in model.named_parameters() if p.grad is not None}


@pytest.mark.parametrize("architecture", FAST)
@pytest.mark.parametrize("padded", [True, False])
def test_states_equal_eager(architecture: str, padded: bool) -> None:
    eager, ours = _pair(architecture)
    # Longer than ModernBERT's window of 8, so that its sliding mask matters.
    batch = random_batch(length=23)
    if not padded:
        batch["attention_mask"] = torch.ones_like(batch["attention_mask"])
    expected = _states(eager, batch).detach()
    torch.testing.assert_close(_states(ours, batch), expected, atol=2e-6, rtol=1e-6)
    with torch.inference_mode():
        torch.testing.assert_close(_states(ours, batch), expected, atol=2e-6, rtol=1e-6)


@pytest.mark.parametrize("architecture", FAST)
def test_gradients_equal_eager_in_training_mode(architecture: str) -> None:
    eager, ours = _pair(architecture, **NO_DROPOUT[architecture])
    batch = random_batch(length=23)
    expected = _gradients(eager.train(), batch)
    found = _gradients(ours.train(), batch)
    assert found.keys() == expected.keys()
    for name, gradient in found.items():
        scale = expected[name].abs().max().clamp(min=1)
        torch.testing.assert_close(gradient / scale, expected[name] / scale, atol=1e-5, rtol=1e-4)


def test_sliding_window_is_seen() -> None:
    # Both kinds, since old transformers refuses a model of one alone; the first layer counts.
    kinds = ["sliding_attention", "full_attention"]
    _, ours = _pair("modernbert", num_hidden_layers=2, layer_types=kinds)
    batch = random_batch(rows=1, length=23)
    other = dict(batch, input_ids=batch["input_ids"].clone())
    other["input_ids"][0, 20] = (batch["input_ids"][0, 20] + 1) % 40 + 5
    first, second = (
        ours.base_model(**rows, output_hidden_states=True).hidden_states[1][0]
        for rows in (batch, other)
    )
    changed = (first - second).abs().amax(-1) > 1e-6
    assert changed.nonzero().flatten().tolist() == [16, 17, 18, 19, 20, 21, 22]


@pytest.mark.parametrize("training", [True, False])
def test_row_of_padding_alone_is_finite(training: bool) -> None:
    for dtype in (torch.float32, torch.bfloat16, torch.float16):
        query = torch.randn(2, 3, 4, 8, dtype=dtype, requires_grad=training)
        mask = torch.ones(2, 1, 4, 4, dtype=torch.bool)
        mask[1] = False
        additive = torch.zeros(mask.shape).masked_fill(~mask, torch.finfo(torch.float32).min)
        for given in (mask, additive) if training else (mask,):
            context, _ = attention_forward(nn.Identity(), query, query, query, given)
            assert context.isfinite().all()
            if training:
                context.float().sum().backward()
                assert query.grad.isfinite().all()


def test_additive_and_boolean_masks_agree() -> None:
    query = torch.randn(2, 3, 4, 8, requires_grad=True)
    mask = torch.rand(2, 1, 4, 4) < 0.7
    mask[..., 0] = True
    additive = torch.zeros(mask.shape).masked_fill(~mask, torch.finfo(torch.float32).min)
    boolean, _ = attention_forward(nn.Identity(), query, query, query, mask)
    added, _ = attention_forward(nn.Identity(), query, query, query, additive, scaling=8**-0.5)
    assert torch.equal(boolean, added)


def test_fused_attention_serves_inference_and_products_serve_training(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    calls: list[bool] = []
    original = module.sdpa_attention_forward

    def counted(*args: object, **options: object) -> object:
        calls.append(True)
        return original(*args, **options)

    monkeypatch.setattr(module, "sdpa_attention_forward", counted)
    model = tiny_model("bert")
    use_fast_attention(FeatureClassifier(model))
    batch = random_batch()
    with torch.no_grad():
        model(**batch)
    assert len(calls) == model.config.num_hidden_layers
    model(**batch)
    model.train()
    model(**batch)
    with torch.no_grad():
        model(**batch)
    assert len(calls) == model.config.num_hidden_layers


def test_dropout_of_probabilities_repeats_with_the_seed_and_keeps_the_mean() -> None:
    query = torch.randn(1, 2, 6, 8, requires_grad=True)
    expected, whole = attention_forward(nn.Identity(), query, query, query, None)
    torch.manual_seed(3)
    first, kept = attention_forward(nn.Identity(), query, query, query, None, dropout=0.5)
    dropped = kept == 0
    assert dropped.any()
    assert torch.equal(kept[~dropped], 2 * whole[~dropped])
    torch.manual_seed(3)
    again, _ = attention_forward(nn.Identity(), query, query, query, None, dropout=0.5)
    assert torch.equal(first, again)
    runs = [
        attention_forward(nn.Identity(), query, query, query, None, dropout=0.5)[0].detach()
        for _ in range(2000)
    ]
    stacked = torch.stack(runs)
    error = 5 * stacked.std(0) / len(runs) ** 0.5
    assert ((stacked.mean(0) - expected).abs() < error + 1e-6).all()


def test_computes_in_the_precision_of_autocast() -> None:
    model = tiny_model("bert")
    use_fast_attention(FeatureClassifier(model))
    seen: list[torch.dtype] = []
    values = model.base_model.encoder.layer[0].attention.output
    values.register_forward_pre_hook(lambda _, args: seen.append(args[0].dtype))
    batch = random_batch()
    with torch.autocast("cpu", torch.bfloat16):
        mixed = model(**batch).logits
    assert seen == [torch.bfloat16]
    torch.testing.assert_close(mixed.float(), model(**batch).logits, atol=0.1, rtol=0.1)


def test_output_attentions_are_eager_ones() -> None:
    eager, ours = _pair("bert")
    batch = random_batch()
    with torch.no_grad():
        expected = eager(**batch, output_attentions=True).attentions
        found = ours(**batch, output_attentions=True).attentions
    for ours_layer, eager_layer in zip(found, expected, strict=True):
        torch.testing.assert_close(ours_layer, eager_layer, atol=1e-6, rtol=1e-5)


def test_deberta_keeps_its_own() -> None:
    model = tiny_model("deberta-v2")
    before = model.config._attn_implementation
    assert not use_fast_attention(FeatureClassifier(model))
    assert model.config._attn_implementation == before


def test_the_choice_is_not_saved(tmp_path: Path) -> None:
    model = tiny_model("bert")
    use_fast_attention(FeatureClassifier(model))
    model.save_pretrained(tmp_path)
    assert NAME not in json.dumps(json.loads((tmp_path / "config.json").read_text()))
    loaded = AutoModelForSequenceClassification.from_pretrained(tmp_path)
    assert loaded.config._attn_implementation != NAME
