"""Heads: the listed paths are the real ones, and unlisted heads are found by probing."""

from __future__ import annotations

import pytest
import torch
from transformers import (
    AlbertConfig,
    AutoModelForSequenceClassification,
    AutoModelForTokenClassification,
    ElectraConfig,
    GPT2Config,
)

from isogloss.errors import IsoglossError
from isogloss.models.heads import embedding_table, head_of, is_token_model
from isogloss.models.probing import probe_head
from tests.helpers.models import ARCHITECTURES, HIDDEN, VOCAB_SIZE, random_batch, tiny_model

TASKS = ("sequence", "token")


@pytest.mark.parametrize("architecture", ARCHITECTURES)
@pytest.mark.parametrize("task", TASKS)
def test_paths_lead_to_the_final_layer_and_its_dropout(architecture: str, task: str) -> None:
    model = tiny_model(architecture, task, num_labels=4)
    head = head_of(model)
    assert head is not None
    assert head.linear_of(model).out_features == 4
    assert isinstance(head.dropout_of(model), torch.nn.Dropout)
    assert is_token_model(model) == (task == "token")
    assert embedding_table(model).shape == (VOCAB_SIZE, HIDDEN)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
@pytest.mark.parametrize("task", TASKS)
def test_probing_finds_what_is_listed(architecture: str, task: str) -> None:
    model = tiny_model(architecture, task)
    head, probed = head_of(model), probe_head(model)
    assert head is not None
    assert probed.linear == head.linear
    assert probed.source == head.dropout


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_dense_layer_is_square_and_absent_from_plain_token_heads(architecture: str) -> None:
    model = tiny_model(architecture)
    head = head_of(model)
    assert head is not None
    dense = head.dense_of(model)
    assert dense is not None
    assert dense.weight.shape == (HIDDEN, HIDDEN)
    token = tiny_model(architecture, "token")
    token_head = head_of(token)
    assert token_head is not None
    assert (token_head.dense_of(token) is None) == (architecture != "modernbert")


def test_probing_leaves_mode_hooks_and_random_state_alone() -> None:
    model = tiny_model("bert").train()
    state = torch.random.get_rng_state()
    probe_head(model)
    assert model.training
    assert torch.equal(torch.random.get_rng_state(), state)
    assert not any(part._forward_hooks for part in model.modules())


@pytest.mark.parametrize("config_class", [ElectraConfig, AlbertConfig])
@pytest.mark.parametrize("token", [False, True])
def test_probing_finds_unlisted_heads(config_class: type, token: bool) -> None:
    auto = AutoModelForTokenClassification if token else AutoModelForSequenceClassification
    model = auto.from_config(
        config_class(
            vocab_size=VOCAB_SIZE,
            hidden_size=HIDDEN,
            embedding_size=16,
            num_hidden_layers=1,
            num_attention_heads=2,
            intermediate_size=32,
            num_labels=3,
        )
    ).eval()
    assert head_of(model) is None
    probed = probe_head(model)
    linear = model.get_submodule(probed.linear)
    assert isinstance(linear, torch.nn.Linear)
    assert linear.out_features == 3
    batch = random_batch()
    caught: list[torch.Tensor] = []
    model.get_submodule(probed.source).register_forward_pre_hook(
        lambda _, args: caught.append(args[0])
    )
    logits = model(**batch).logits
    torch.testing.assert_close(linear(caught[-1]), logits)


def test_logits_that_no_linear_layer_makes_are_refused() -> None:
    config = GPT2Config(
        vocab_size=VOCAB_SIZE, n_embd=HIDDEN, n_layer=1, n_head=2, num_labels=3, pad_token_id=0
    )
    model = AutoModelForSequenceClassification.from_config(config)
    with pytest.raises(IsoglossError, match="E317: GPT2ForSequenceClassification"):
        probe_head(model)


def test_a_model_that_cannot_run_on_ids_is_refused() -> None:
    model = tiny_model("bert")
    model.forward = None  # type: ignore[method-assign, assignment]
    with pytest.raises(IsoglossError, match="E317"):
        probe_head(model)
