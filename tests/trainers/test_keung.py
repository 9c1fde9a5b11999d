from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch.nn import functional as F

from isogloss.errors import IsoglossError
from isogloss.trainers.finetune import model_inputs
from isogloss.trainers.keung import AdversarialModel, Discriminator, KeungTrainer, sides
from isogloss.trainers.keung_config import KeungConfig
from tests.helpers.models import HIDDEN
from tests.helpers.rows import PAD, encoded
from tests.trainers.common import ARGUMENTS, STEPS, TrainerTester, classifier, states_by_step

SKEW = [0.7, 0.2, 0.1]


def build(
    folder: Path, *, token: bool = False, dropout: float = 0.1, **changes: Any
) -> KeungTrainer:
    return KeungTrainer(
        classifier(token=token, dropout=dropout),
        KeungConfig(**{**ARGUMENTS, "output_dir": str(folder), **changes}),
        source=encoded(24, seed=1, token_task=token),
        target=encoded(20, seed=2, token_task=token, prior=SKEW, shift=1),
        pad_token_id=PAD,
    )


def loss_of(model: AdversarialModel, batch: dict[str, torch.Tensor], **options: Any) -> Any:
    rows = {name: batch[name] for name in ("labels", "is_target")}
    return model(**model_inputs(batch), **rows, **options)


class TestKeung(TrainerTester):
    def build(self, folder: Path, **options: Any) -> KeungTrainer:
        return build(folder, **options)

    def test_each_side_rests_while_the_other_learns(self, tmp_path: Path) -> None:
        """Two steps of the discriminator, then one of the classifier, and so on."""
        trainer = build(tmp_path, discriminator_steps=2, warmup_steps=0.0)
        states = states_by_step(trainer)
        trainer.train()
        for step in range(STEPS):
            before, after = states[step], states[step + 1]
            moved = {n.partition(".")[0] for n in after if not torch.equal(before[n], after[n])}
            assert moved == {"classifier" if step % 3 == 2 else "discriminator"}

    def test_logs_what_was_promised(self, tmp_path: Path) -> None:
        trainer = build(tmp_path)
        trainer.train()
        entry = trainer.state.log_history[0]
        assert entry["discriminator_loss"] > 0
        assert 0.0 <= entry["discriminator_accuracy"] <= 1.0


def test_the_losses_are_cross_entropies_of_the_language(tmp_path: Path) -> None:
    trainer = build(tmp_path, token=True, dropout=0.0)
    model = trainer.model
    batch = next(iter(trainer.get_train_dataloader()))
    encoder, linear = model.classifier.encoder, model.discriminator.linear
    hidden = encoder(batch["input_ids"], attention_mask=batch["attention_mask"])[0]
    scores = (hidden[:, 0] @ linear.weight[0] + linear.bias).detach()
    # Source examples come first, as many as target examples.
    target = torch.arange(8) >= 4
    told = -(torch.where(target, scores, -scores).sigmoid().log()).mean()
    misled = -(torch.where(target, -scores, scores).sigmoid().log()).mean()
    output = loss_of(model, batch, strength=0.5, discriminator_turn=True)
    torch.testing.assert_close(output["loss"], told)
    torch.testing.assert_close(output["discriminator_loss"], told)
    labelled = batch["labels"] != -100
    logits = model.classifier(**model_inputs(batch)).logits
    task = F.cross_entropy(logits[labelled], batch["labels"][labelled])
    output = loss_of(model, batch, strength=0.5, discriminator_turn=False)
    torch.testing.assert_close(output["loss"], task + 0.5 * misled)
    torch.testing.assert_close(output["task_loss"], task)
    accuracy = ((scores > 0) == target).float().mean()
    torch.testing.assert_close(output["discriminator_accuracy"], accuracy)


def test_only_one_side_gets_gradients(tmp_path: Path) -> None:
    trainer = build(tmp_path, dropout=0.0)
    batch = next(iter(trainer.get_train_dataloader()))
    for turn in (True, False):
        trainer.model.zero_grad()
        loss_of(trainer.model, batch, strength=1.0, discriminator_turn=turn)["loss"].backward()
        touched = {n for n, p in trainer.model.named_parameters() if p.grad is not None}
        side = "discriminator." if turn else "classifier."
        assert touched == {n for n, _ in trainer.model.named_parameters() if n.startswith(side)}


def test_a_task_without_alignment_is_plain_fine_tuning(tmp_path: Path) -> None:
    """At strength 0 the discriminator looks on: the classifier does not depend on its rate."""
    states = []
    for rate in (1e-4, 1e-1):
        options = {"adversarial_strength": 0.0, "discriminator_learning_rate": rate}
        trainer = build(tmp_path / str(rate), **options)
        trainer.train()
        states.append(trainer.model.classifier.state_dict())
    assert all(torch.equal(states[0][name], states[1][name]) for name in states[0])


def test_examples_without_rows_belong_to_no_side() -> None:
    """A sentence of nothing but characters that the tokenizer drops."""
    rows, is_target = torch.tensor([0, 0, 2, 3]), torch.tensor([False, False, True, True])
    known, targets = sides(rows, is_target, 4)
    assert known.tolist() == [True, False, True, True]
    assert targets.tolist() == [0.0, 1.0, 1.0]


def test_the_discriminator_is_drawn_from_the_seed_alone() -> None:
    torch.manual_seed(0)
    before = torch.get_rng_state()
    first, second, other = (Discriminator(HIDDEN, seed=seed) for seed in (1, 1, 2))
    assert torch.equal(torch.get_rng_state(), before)
    assert torch.equal(first.linear.weight, second.linear.weight)
    assert not torch.equal(first.linear.weight, other.linear.weight)


def test_half_precision_vectors_are_scored_in_single(tmp_path: Path) -> None:
    scorer = Discriminator(HIDDEN, seed=0)
    vectors = torch.randn(3, HIDDEN).bfloat16()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        scores = scorer(vectors)
    assert scores.dtype == torch.float32
    torch.testing.assert_close(scores, scorer(vectors.float()))


@pytest.mark.parametrize(
    ("name", "value"), [("adversarial_strength", -1), ("discriminator_steps", 0)]
)
def test_e511_names_a_number_out_of_range(name: str, value: float) -> None:
    with pytest.raises(IsoglossError) as caught:
        KeungConfig(**{name: value})
    assert caught.value.code == "E511"
    assert name in str(caught.value)
