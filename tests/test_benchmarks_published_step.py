"""The published step that benchmarks measure against computes what ours does, and trains."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import nn

from benchmarks.published_step import (
    PublishedOptions,
    PublishedStep,
    RunningWeights,
    gradient_penalty,
    pad,
    random_batches,
)
from isogloss.alignment.critic import Critic
from isogloss.alignment.penalty import zero_centred_penalty
from isogloss.data.collate import RowCollator
from isogloss.models.features import FeatureClassifier
from isogloss.trainers.alignment_model import AlignmentModel
from isogloss.trainers.finetune import model_inputs
from tests.helpers.models import SPECIAL, VOCAB_SIZE, tiny_model

CLASSES = 3
NO_DROPOUT = {
    "hidden_dropout_prob": 0.0,
    "attention_probs_dropout_prob": 0.0,
    "classifier_dropout": 0.0,
}
# A step in the second half of a run of 10: everything has ramped in.
STEPS, DONE = 10, 6


def make_examples(task: str, *, count: int, labelled: bool, seed: int) -> list[dict[str, Any]]:
    generator = torch.Generator().manual_seed(seed)
    examples = []
    for length in torch.randint(4, 12, (count,), generator=generator).tolist():
        ids = torch.randint(len(SPECIAL), VOCAB_SIZE, (length,), generator=generator).tolist()
        active = [1, 2] if task == "token" else [0]
        example: dict[str, Any] = {"input_ids": ids, "active": active}
        if labelled:
            labels = torch.randint(CLASSES, (len(active),), generator=generator)
            example["labels"] = labels.tolist()
        examples.append(example)
    return examples


def make_step(task: str, options: PublishedOptions, **changes: Any) -> PublishedStep:
    model = tiny_model("bert", task, num_labels=CLASSES, **changes)
    prior = torch.tensor([0.5, 0.3, 0.2])
    start = torch.tensor([0.4, 1.0, 2.5])
    torch.manual_seed(0)
    return PublishedStep(
        model, source_prior=prior, start_weights=start, total_steps=STEPS, options=options
    )


def our_gradients(
    step: PublishedStep, examples: list[dict[str, Any]], strength: float
) -> tuple[Any, dict[str, torch.Tensor]]:
    """Losses and gradients of our alignment model with the published step's parameters."""
    config: Any = SimpleNamespace(
        critic="wasserstein",
        compile_critic="never",
        conditioning="cdan",
        conditioning_size=1,
        gradient_penalty=0.0,
        penalty_pairing="index",
        normalize_weights=False,
        critic_width=step.options.critic_width,
        tokens_per_batch=0,
        seed=0,
    )
    weights = nn.Module()
    weights.weights = step.weights.value.clone()
    classifier = FeatureClassifier(step.model, pooling="cls")
    ours = AlignmentModel(classifier, weights, config)  # type: ignore[arg-type]
    names = {"0.": "hidden.", "2.": "output."}
    state = {names[n[:2]] + n[2:]: p for n, p in step.critic.state_dict().items()}
    ours.critic.load_state_dict(state)
    batch = RowCollator(pad_token_id=0)(examples)
    output = ours(
        **model_inputs(batch),
        labels=batch["labels"],
        is_target=batch["is_target"],
        strength=strength,
        blend=1.0,
    )
    step.model.zero_grad()
    output["loss"].backward()
    return output, gradients_of(step.model)


def gradients_of(model: nn.Module) -> dict[str, torch.Tensor]:
    return {n: p.grad.clone() for n, p in model.named_parameters() if p.grad is not None}


@pytest.mark.parametrize("task", ["sequence", "token"])
def test_losses_and_encoder_gradients_equal_ours(task: str) -> None:
    options = PublishedOptions(critic_width=16, gradient_penalty=0.0, alignment_strength=0.7)
    step = make_step(task, options, **NO_DROPOUT)
    step.done = DONE
    source = make_examples(task, count=5, labelled=True, seed=1)
    target = make_examples(task, count=4, labelled=False, seed=2)
    both = [*source, *({**example, "is_target": True} for example in target)]
    expected, expected_gradients = our_gradients(step, both, strength=0.7)

    step.model.zero_grad()
    tagging = task == "token"
    losses = step.losses(*(pad(e, tagging=tagging, pad_token_id=0) for e in (source, target)))
    (losses["task"] + losses["critic"]).backward()

    torch.testing.assert_close(losses["task"], expected["task_loss"], rtol=1e-4, atol=1e-6)
    torch.testing.assert_close(losses["critic"], -expected["distance"], rtol=1e-4, atol=1e-6)
    gradients = gradients_of(step.model)
    assert gradients.keys() == expected_gradients.keys()
    for name, gradient in gradients.items():
        torch.testing.assert_close(gradient, expected_gradients[name], rtol=1e-3, atol=1e-5)


def test_penalty_and_its_gradients_equal_the_closed_form() -> None:
    critic = Critic(6, width=9, generator=torch.Generator().manual_seed(0))
    u, v = torch.randn(5, 6), torch.randn(4, 6)
    results = []
    for penalty in (
        lambda: gradient_penalty(critic, u, v),
        # Ours counts the share from the source to the target, hence the sides changed over.
        lambda: zero_centred_penalty(critic, v, u[:4], pairing="index"),
    ):
        torch.manual_seed(3)
        critic.zero_grad()
        value = penalty()
        value.backward()
        results.append((value.detach(), critic.hidden.weight.grad, critic.output.weight.grad))
    for left, right in zip(*results, strict=True):
        torch.testing.assert_close(left, right)


@pytest.mark.parametrize("task", ["sequence", "token"])
def test_a_step_moves_everything_even_pieces_that_did_not_occur(task: str) -> None:
    step = make_step(task, PublishedOptions(critic_width=16, learning_rate=1e-2))
    tagging = task == "token"
    sides = [
        random_batches(
            make_examples(task, count=9, labelled=labelled, seed=seed),
            tagging=tagging,
            batch_size=4,
            pad_token_id=0,
            seed=seed,
        )
        for seed, labelled in ((1, True), (2, False))
    ]
    before = {n: p.clone() for n, p in step.model.named_parameters()}
    critic_before = [p.clone() for p in step.critic.parameters()]
    for _ in range(3):
        losses = step(*map(next, sides))
    assert set(losses) == {"task", "critic", "penalty"}
    still = [n for n, p in step.model.named_parameters() if torch.equal(p, before[n])]
    assert still == []
    table = "bert.embeddings.word_embeddings.weight"
    moved = (step.model.get_parameter(table) != before[table]).any(1)
    # The padding row starts as zeros and gets no gradient.
    assert moved[1:].all()
    assert all((a != b).any() for a, b in zip(step.critic.parameters(), critic_before, strict=True))
    torch.testing.assert_close(step.weights.prior @ step.weights.value, torch.tensor(1.0))


def test_running_weights_go_where_the_evidence_points_and_stay_where_it_agrees() -> None:
    prior, true = torch.tensor([0.5, 0.5]), torch.tensor([0.4, 1.6])
    options = PublishedOptions(
        weight_learning_rate=0.5, weight_decay_to_start=0.0, weight_average_rate=0.05
    )
    labels = torch.tensor([0, 1] * 5)
    target = torch.tensor([0, 0] + [1] * 8)
    moving = RunningWeights(prior, torch.ones(2), options)
    settled = RunningWeights(prior, true, options)
    for _ in range(400):
        for weights in (moving, settled):
            weights.observe(labels, labels, target)
            weights.step(0.0)
    torch.testing.assert_close(moving.value, true, rtol=0, atol=1e-2)
    torch.testing.assert_close(settled.value, true, rtol=0, atol=1e-5)


def test_each_batch_is_padded_to_its_own_longest_text_and_a_pass_shows_every_example() -> None:
    examples = make_examples("token", count=8, labelled=True, seed=0)
    batches = random_batches(examples, tagging=True, batch_size=4, pad_token_id=0, seed=5)
    seen = []
    for batch in (next(batches), next(batches)):
        lengths = batch["attention_mask"].sum(1)
        assert batch["input_ids"].shape == (4, lengths.max())
        assert torch.equal(batch["labels"] != -100, batch["active"])
        seen += [ids[:n].tolist() for ids, n in zip(batch["input_ids"], lengths, strict=True)]
    assert sorted(seen) == sorted(example["input_ids"] for example in examples)
