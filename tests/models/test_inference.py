from __future__ import annotations

from typing import Any

import pytest
import torch
from torch.profiler import ProfilerActivity, profile

from isogloss.models.features import FeatureClassifier, Rows
from isogloss.models.inference import inference, tokens_per_batch
from isogloss.models.pooling import FOLDED
from tests.helpers.models import ARCHITECTURES, random_batch, tiny_model


def inputs(*, rows: int = 40, seed: int = 0) -> dict[str, torch.Tensor]:
    batch = random_batch(rows=rows, seed=seed)
    every = torch.arange(rows)
    return {**batch, "active_rows": every, "active_positions": torch.zeros_like(every)}


def classifier(architecture: str = "bert", **options: Any) -> FeatureClassifier:
    return FeatureClassifier(tiny_model(architecture), **options)


def rows_in(model: FeatureClassifier, precision: Any, batch: dict[str, torch.Tensor]) -> Rows:
    with inference(model, precision):
        return model(**batch)


def casts(model: FeatureClassifier, *, passes: int) -> int:
    """How often a tensor is converted in a region of so many forward passes."""
    batch = inputs(rows=2)
    with profile(activities=[ProfilerActivity.CPU]) as found, inference(model, "bf16"):
        for _ in range(passes):
            model(**batch)
    return sum(event.count for event in found.key_averages() if event.key == "aten::_to_copy")


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_single_precision_is_the_plain_model(architecture: str) -> None:
    model, batch = classifier(architecture), inputs()
    names = ("input_ids", "attention_mask")
    with torch.inference_mode():
        plain = model.model(**{name: batch[name] for name in names}).logits
    torch.testing.assert_close(rows_in(model, "fp32", batch).logits, plain, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("pooling", ["cls", "mean"])
@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_bfloat16_stays_close(architecture: str, pooling: Any) -> None:
    model, batch = classifier(architecture, pooling=pooling), inputs()
    exact, rounded = (rows_in(model, precision, batch) for precision in ("fp32", "bf16"))
    assert not torch.equal(exact.logits, rounded.logits)
    # Weights ten times as large as usual make these models ten times as sensitive to rounding.
    spread = exact.logits.std()
    assert (exact.logits - rounded.logits).abs().max() < 0.25 * spread
    assert (exact.logits - rounded.logits).abs().mean() < 0.03 * spread
    agree = exact.logits.argmax(1) == rounded.logits.argmax(1)
    assert agree.float().mean() >= 0.9


@pytest.mark.parametrize("architecture", ["bert", "deberta-v2", "modernbert"])
def test_head_is_not_rounded(architecture: str) -> None:
    model, batch = classifier(architecture), inputs()
    found = rows_in(model, "bf16", batch)
    assert found.logits.dtype == found.features.dtype == torch.float32
    with torch.no_grad():
        torch.testing.assert_close(found.logits, model.final_linear(found.features))


def test_pooling_is_not_rounded(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "bert" in FOLDED
    seen: list[tuple[torch.dtype, bool]] = []
    model = classifier(pooling="mean")
    inner = model._vectors

    def spy(hidden: torch.Tensor, *rest: torch.Tensor) -> torch.Tensor:
        seen.append((hidden.dtype, torch.is_autocast_enabled("cpu")))
        return inner(hidden, *rest)

    monkeypatch.setattr(model, "_vectors", spy)
    rows_in(model, "bf16", inputs())
    assert seen == [(torch.float32, False)]


def test_weights_are_rounded_once_for_all_batches() -> None:
    model = classifier()
    linear = sum(isinstance(part, torch.nn.Linear) for part in model.encoder.modules())
    one, two, three = (casts(model, passes=passes) for passes in (1, 2, 3))
    assert two - one == three - two
    # Weight and bias of each layer are only cast in the first pass.
    assert one - (two - one) >= 2 * linear


def test_region_leaves_no_trace() -> None:
    model, batch = classifier().train(), inputs()
    before = dict(vars(model.encoder))
    with inference(model, "bf16"):
        assert not model.training
        assert not model(**batch).logits.requires_grad
    assert model.training
    assert vars(model.encoder) == before
    assert not torch.is_autocast_enabled("cpu")
    model(**batch).logits.sum().backward()


def test_an_encoder_that_fails_ends_its_autocast() -> None:
    model, batch = classifier(), inputs()
    batch["input_ids"][0, 0] = 10**6
    with pytest.raises(IndexError), inference(model, "bf16"):
        model(**batch)
    assert not torch.is_autocast_enabled("cpu")


def test_a_forward_of_the_encoders_own_is_kept() -> None:
    model = classifier()
    own = model.encoder.forward
    model.encoder.forward = own  # type: ignore[method-assign]
    rows_in(model, "bf16", inputs())
    assert vars(model.encoder)["forward"] is own


def test_changed_weights_count_in_the_next_region() -> None:
    model, batch = classifier(), inputs()
    before = rows_in(model, "bf16", batch).logits
    with torch.no_grad():
        for parameter in model.encoder.parameters():
            parameter.mul_(0.5)
    assert not torch.equal(before, rows_in(model, "bf16", batch).logits)


def test_accelerators_get_more_at_a_time() -> None:
    assert tokens_per_batch(torch.device("cpu")) < tokens_per_batch(torch.device("cuda"))
