from __future__ import annotations

import itertools
from pathlib import Path
from types import SimpleNamespace
from typing import Any, ClassVar

import numpy as np
import pytest
import torch

from isogloss.alignment.conditioning import Kronecker, RandomisedMultilinear
from isogloss.alignment.divergence import DIVERGENCES, WITH_CRITIC
from isogloss.alignment.schedule import ramp
from isogloss.errors import IsoglossError
from isogloss.labelshift.holder import FixedWeights
from isogloss.labelshift.interval import IntervalWeights
from isogloss.labelshift.online import OnlineWeights
from isogloss.models.features import FeatureClassifier
from isogloss.recipes.presets import PRESETS
from isogloss.trainers.alignment_model import AlignmentModel
from isogloss.trainers.config import IWDAConfig
from isogloss.trainers.estimation import RowEstimator
from isogloss.trainers.iwda import IWDATrainer, beginning, make_class_weights
from tests.helpers.models import HIDDEN, tiny_model
from tests.helpers.rows import PAD, encoded
from tests.trainers.common import (
    ARGUMENTS,
    FEW_KINDS,
    STEPS,
    StopAt,
    TrainerTester,
    accumulated,
    assert_close_states,
    classifier,
    logged,
    same,
    state,
)

SKEW = [0.7, 0.2, 0.1]
ROWS = ("active_rows", "active_positions", "labels", "is_target")


def build(
    folder: Path,
    *,
    token: bool = False,
    dropout: float = 0.1,
    estimate: Any = None,
    weights: Any = None,
    **changes: Any,
) -> IWDATrainer:
    source = encoded(24, seed=1, token_task=token)
    target = encoded(20, seed=2, token_task=token, prior=SKEW, shift=1)
    held_out = encoded(12, seed=3, token_task=token)
    if estimate is None and changes.get("weighting") != "fixed":
        estimate = RowEstimator(source=held_out, target=target, pad_token_id=PAD)
    labels = np.concatenate(source["labels"])
    return IWDATrainer(
        classifier(token=token, dropout=dropout),
        IWDAConfig(**{**ARGUMENTS, "critic_width": 16, "output_dir": str(folder), **changes}),
        source=source,
        target=target,
        source_prior=np.bincount(labels, minlength=3) / len(labels),
        pad_token_id=PAD,
        estimate=estimate,
        weights=weights,
        label_names=["a", "b", "c"],
    )


def known(weights: Any, interval: Any = None) -> Any:
    """An estimate that says the same of every classifier; by default that it knows nothing."""
    bounds = np.tile([0.0, 1.0], (len(weights), 1)) if interval is None else interval
    return lambda model: SimpleNamespace(
        weights=np.asarray(weights), interval=np.asarray(bounds), assumption_holds=True
    )


class AlignmentTester(TrainerTester):
    """The common checks, for trainers that align: at strength 0 only the task moves the model."""

    task_only: ClassVar[dict[str, Any]] = {"alignment_strength": 0.0}
    moving_state: ClassVar[tuple[str, ...]] = ("weights.",)
    loud: ClassVar[dict[str, Any]] = {"alignment_strength": 0.5, "alignment_warmup": 0.0}

    def permute(self, trainer: IWDATrainer, order: torch.Tensor) -> None:
        """What the critic sees of class i is where it had that of class `order[i]`."""
        conditioning, critic = trainer.model.conditioning, trainer.model.critic
        with torch.no_grad():
            if isinstance(conditioning, Kronecker):
                seen = critic.hidden.weight.view(-1, HIDDEN, len(order))
                seen[..., order] = seen.clone()
            elif isinstance(conditioning, RandomisedMultilinear):
                conditioning.class_signs[order] = conditioning.class_signs.clone()


class TestHeldOutWeights(AlignmentTester):
    def build(self, folder: Path, **options: Any) -> IWDATrainer:
        return build(folder, **{"weighting": "held-out", **options})

    def test_logs_what_was_promised(self, tmp_path: Path) -> None:
        trainer = build(tmp_path)
        trainer.train()
        entry = trainer.state.log_history[0]
        for name in ("task_loss", "critic_loss", "penalty", "prior_shift"):
            assert np.isfinite(entry[name])
        assert sum(entry[f"prior/{n}"] for n in "abc") == pytest.approx(1.0)

    def test_weights_are_solved_again_at_even_distances(self, tmp_path: Path) -> None:
        seen: list[int] = []

        def estimate(model: Any) -> Any:
            seen.append(trainer.state.global_step)
            return known(np.ones(3))(model)

        trainer = self.build(tmp_path, estimate=estimate, weight_refreshes=3)
        trainer.train()
        assert seen == [0, 2, 4]


class TestIntervalWeights(AlignmentTester):
    kinds = FEW_KINDS

    def build(self, folder: Path, **options: Any) -> IWDATrainer:
        return build(folder, **{"weighting": "interval", **options})

    def test_the_estimate_is_asked_once_for_start_and_interval(self, tmp_path: Path) -> None:
        asked: list[int] = []
        interval = [[0.2, 0.5], [0.1, 0.6], [0.1, 0.6]]

        def estimate(model: Any) -> Any:
            asked.append(trainer.state.global_step)
            return known(np.ones(3), interval)(model)

        trainer = self.build(tmp_path, estimate=estimate, weight_play_rate=0.5)
        trainer.train()
        holder = trainer.model.weights
        assert asked == [0]
        assert isinstance(holder, IntervalWeights)
        np.testing.assert_allclose(holder.bounds.numpy(), interval)
        assert not np.allclose(holder.weights.numpy(), 1.0)
        assert (trainer.prior_estimate >= np.array(interval)[:, 0] - 1e-12).all()
        assert (trainer.prior_estimate <= np.array(interval)[:, 1] + 1e-12).all()

    @pytest.mark.parametrize("critic", ["mmd", "sliced"])
    def test_a_divergence_without_a_critic_has_nobody_to_answer(self, critic: str) -> None:
        with pytest.raises(IsoglossError, match="E517"):
            IWDAConfig(critic=critic, weighting="interval")

    @pytest.mark.parametrize(
        ("critic", "weighting"),
        [("wasserstein", "interval"), ("jsd", "interval"), ("mmd", "held-out")],
    )
    def test_by_default_a_critic_is_answered_where_there_is_one(
        self, critic: str, weighting: str
    ) -> None:
        assert IWDAConfig(critic=critic).weighting == weighting


class TestPaperPreset(AlignmentTester):
    kinds = FEW_KINDS

    def build(self, folder: Path, **options: Any) -> IWDATrainer:
        # In a few steps of a tiny model the published rates and lambda show nothing.
        sizes = {"critic_width", "alignment_strength", *ARGUMENTS}
        settings = PRESETS["paper"]["iwda"].items()
        paper = {name: value for name, value in settings if name not in sizes}
        assert len(paper) > 10
        return build(folder, **{**paper, **options})

    def test_starts_from_the_mixed_estimate(self, tmp_path: Path) -> None:
        solved = np.array([2.0, 0.5, 0.5])
        trainer = self.build(tmp_path, estimate=known(solved), max_steps=1)
        prior = trainer._source_prior
        trainer.train()
        holder = trainer.model.weights
        assert isinstance(holder, OnlineWeights)
        expected = 0.75 * solved / (prior @ solved) + 0.25
        np.testing.assert_allclose(holder.initial.numpy(), expected, rtol=1e-12)

    def test_online_weights_move_and_stay_on_the_constraint(self, tmp_path: Path) -> None:
        trainer = self.build(tmp_path, weight_learning_rate=1.0)
        trainer.train()
        holder = trainer.model.weights
        assert isinstance(holder, OnlineWeights)
        assert holder.delta.abs().max() > 0
        assert float(holder.prior @ holder.weights) == pytest.approx(1.0, abs=1e-9)


class TestAlternating(AlignmentTester):
    """Three critic updates for one of the model; the paper's Table 5 has four."""

    kinds = FEW_KINDS

    def build(self, folder: Path, **options: Any) -> IWDATrainer:
        options.setdefault("n_critic", 3)
        return build(folder, **options)

    def test_model_rests_while_the_critic_trains(self, tmp_path: Path) -> None:
        trainer = self.build(tmp_path, n_critic=4)
        before = {n: p.detach().clone() for n, p in trainer.model.named_parameters()}
        StopAt(trainer, 3)
        with pytest.raises(KeyboardInterrupt):
            trainer.train()
        moved = {n for n, p in trainer.model.named_parameters() if not torch.equal(before[n], p)}
        assert moved
        assert all(name.startswith("critic.") for name in moved)


class DivergenceTester(AlignmentTester):
    """Another divergence, conditioned by the randomised map; one cut is enough to resume from."""

    critic: str
    kinds = FEW_KINDS

    def build(self, folder: Path, **options: Any) -> IWDATrainer:
        # Without a critic's slopes to drive it, lambda is the weight of the divergence itself.
        chosen = {"critic": self.critic, "conditioning": "random", "conditioning_size": 12}
        return build(folder, **{**chosen, "alignment_strength": 0.5, **options})

    @pytest.mark.parametrize("cut", [3])
    def test_resumed_equals_unbroken(self, tmp_path: Path, finished: Any, cut: int) -> None:
        super().test_resumed_equals_unbroken(tmp_path, finished, cut)

    def test_alignment_is_logged_and_moves_the_encoder(self, tmp_path: Path) -> None:
        with_it, without = (
            self.build(tmp_path / str(strength), alignment_strength=strength, dropout=0.0)
            for strength in (0.5, 0.0)
        )
        with_it.train()
        without.train()
        entry = with_it.state.log_history[0]
        assert entry["critic_loss"] != 0.0
        assert (entry["penalty"] > 0) == (self.critic in WITH_CRITIC)
        moved, still = state(with_it), state(without)
        encoder = {name: moved[name] for name in moved if name.startswith("classifier.")}
        assert not same(encoder, {name: still[name] for name in encoder})


class TestJensenShannon(DivergenceTester):
    critic = "jsd"


class TestMMD(DivergenceTester):
    critic = "mmd"


class TestSliced(DivergenceTester):
    critic = "sliced"


SKEWED = np.array([2.0, 0.7, 0.3])
# Large, to be seen.
LOUD = {"alignment_strength": 0.5, "alignment_warmup": 0.0, "weight_learning_rate": 0.5}


@pytest.mark.parametrize("normalize", [True, False])
@pytest.mark.parametrize("critic", ["wasserstein", "jsd"])
@pytest.mark.parametrize("weighting", ["fixed", "online"])
def test_accumulated_alignment_equals_one_large_batch(
    tmp_path: Path, weighting: str, critic: str, normalize: bool
) -> None:
    """Batch 1 x accumulation 8, critic and class weights included.

    With the pairing of the penalty that draws nothing.
    """
    given = {"weights": SKEWED} if weighting == "fixed" else {"estimate": known(SKEWED)}
    changes = {"normalize_weights": normalize, "critic": critic, "penalty_pairing": "index"}
    large, small = accumulated(build, tmp_path, 8, weighting=weighting, **changes, **LOUD, **given)
    for name in ("loss", "task_loss", "critic_loss", "penalty"):
        np.testing.assert_allclose(logged(large, name), logged(small, name), atol=1e-5)
    assert_close_states(state(large), state(small), atol=1e-5)


def test_parts_of_different_numbers_of_words_equal_one_large_batch(tmp_path: Path) -> None:
    """Words, not sentences, are counted; the penalty is a mean of the parts' own."""
    changes = {"gradient_penalty": 0.0, "weighting": "fixed", "weights": SKEWED, "token": True}
    large, small = accumulated(build, tmp_path, 8, **changes, **LOUD)
    np.testing.assert_allclose(logged(large, "critic_loss"), logged(small, "critic_loss"), 1e-4)
    assert_close_states(state(large), state(small), atol=1e-5)


def test_auto_conditioning_of_few_classes_is_the_exact_one_bit_for_bit(tmp_path: Path) -> None:
    states = []
    for name in ("auto", "cdan"):
        trainer = build(tmp_path / name, conditioning=name)
        trainer.train()
        states.append(state(trainer))
    assert same(*states)


def test_many_classes_keep_the_critic_small(tmp_path: Path) -> None:
    """What it sees does not grow with the classes, and the map is in every checkpoint."""
    sizes = []
    for num_labels in (2, 200):
        model = FeatureClassifier(tiny_model("bert", num_labels=num_labels))
        args = IWDAConfig(**{**ARGUMENTS, "output_dir": str(tmp_path), "critic_width": 16})
        aligned = AlignmentModel(model, FixedWeights(num_labels), args)
        sizes.append(aligned.critic.hidden.in_features)
        assert ("conditioning.feature_signs" in aligned.state_dict()) == (num_labels == 200)
    assert sizes == [2 * HIDDEN, args.conditioning_size]


@pytest.mark.parametrize("critic", ["mmd", "sliced"])
@pytest.mark.parametrize(
    ("name", "value"), [("n_critic", 4), ("normalize_weights", False), ("compile_critic", "always")]
)
def test_options_of_a_critic_are_refused_where_there_is_none(
    critic: str, name: str, value: Any
) -> None:
    with pytest.raises(IsoglossError) as caught:
        IWDAConfig(**{"critic": critic, name: value})
    assert caught.value.code == "E513"
    assert name in str(caught.value)


def test_the_order_of_the_rows_does_not_matter(tmp_path: Path) -> None:
    """Source and target rows may be mixed in a batch."""
    model = build(tmp_path, dropout=0.0, critic="mmd").model.eval()
    batch = next(iter(build(tmp_path, dropout=0.0).get_train_dataloader()))
    del batch["examples"]
    rows = {name: batch[name] for name in ROWS}
    order = torch.randperm(len(rows["labels"]), generator=torch.Generator().manual_seed(0))
    mixed = {name: values[order] for name, values in rows.items()}
    plain, shuffled = (
        model(**{**batch, **each}, strength=1.0, blend=1.0) for each in (rows, mixed)
    )
    for name in ("loss", "distance", "task_loss"):
        torch.testing.assert_close(shuffled[name], plain[name])
    assert plain["distance"] > 0


def test_oracle_weights_stay(tmp_path: Path) -> None:
    weights = np.array([2.0, 0.6, 0.4])
    trainer = build(tmp_path, weighting="fixed", weights=weights)
    prior = trainer._source_prior
    trainer.train()
    assert isinstance(trainer.model.weights, FixedWeights)
    np.testing.assert_allclose(trainer.model.weights.weights.numpy(), weights / (prior @ weights))


def test_unweighted_means_no_shift(tmp_path: Path) -> None:
    trainer = build(tmp_path, weighting="fixed")
    trainer.train()
    np.testing.assert_allclose(trainer.prior_estimate, trainer._source_prior)


@pytest.mark.parametrize(
    ("critic", "weighting"),
    [
        *itertools.product(DIVERGENCES, ["held-out", "online", "fixed"]),
        *((critic, "interval") for critic in WITH_CRITIC),
    ],
)
def test_unequal_sides_and_scarce_labels_train(tmp_path: Path, critic: str, weighting: str) -> None:
    """Fault 8: unlabelled targets, every weighting, and a mix of 0 run without a crash."""
    trainer = build(
        tmp_path,
        critic=critic,
        weighting=weighting,
        weight_mix=0.0,
        conditioning="none",
        max_steps=2,
        save_strategy="no",
    )
    trainer.train()
    assert trainer.state.global_step == 2


def test_weighting_without_estimate_is_refused(tmp_path: Path) -> None:
    args = IWDAConfig(**{**ARGUMENTS, "output_dir": str(tmp_path)})
    with pytest.raises(IsoglossError) as caught:
        IWDATrainer(
            classifier(),
            args,
            source=encoded(8, seed=0),
            target=encoded(8, seed=1),
            source_prior=np.full(3, 1 / 3),
            pad_token_id=PAD,
        )
    assert caught.value.code == "E512"


def test_statistics_see_no_dropout(tmp_path: Path) -> None:
    """Fault 11: the confusion matrix comes from an inference pass, whatever the mode before."""
    trainer = build(tmp_path, dropout=0.5)
    estimator = trainer._estimate
    assert isinstance(estimator, RowEstimator)
    model = trainer.model.classifier
    model.train()
    first, second = estimator(model), estimator(model)
    assert model.training
    np.testing.assert_array_equal(first.weights, second.weights)


def test_strength_and_weights_ramp_in_together(tmp_path: Path) -> None:
    trainer = build(tmp_path, alignment_warmup=0.5, weighting="fixed")
    seen: list[tuple[float, float]] = []
    forward = trainer.model.forward

    def spy(**inputs: Any) -> Any:
        seen.append((inputs["strength"], inputs["blend"]))
        return forward(**inputs)

    trainer.model.forward = spy  # type: ignore[method-assign, assignment]
    trainer.train()
    blends = [ramp(step / STEPS, 0.5) for step in range(STEPS)]
    np.testing.assert_allclose([b for _, b in seen], blends)
    np.testing.assert_allclose([s for s, _ in seen], np.array(blends) * 0.1)


def test_clip_treats_critic_and_classifier_apart(tmp_path: Path) -> None:
    """A steep critic must not scale the encoder's step down."""
    trainer = build(tmp_path, weighting="fixed")
    model = trainer.model
    for name, parameter in model.named_parameters():
        parameter.grad = torch.full_like(parameter, 1e3 if name.startswith("critic.") else 1e-6)
    trainer._clip_grad_norm(model)
    assert float(model.classifier.final_linear.weight.grad.max()) == pytest.approx(1e-6)
    norm = torch.stack([p.grad.norm() for p in model.critic.parameters()]).norm()
    assert float(norm) == pytest.approx(1.0, rel=1e-4)


def test_online_rate_does_not_depend_on_batch_size(tmp_path: Path) -> None:
    """Fault 4: after as many rows the statistics have forgotten as much, however rows are cut."""
    args = IWDAConfig(**{**ARGUMENTS, "weighting": "online"})
    prior = np.full(3, 1 / 3)
    rng = np.random.default_rng(0)
    probabilities = torch.from_numpy(rng.dirichlet(np.ones(3), 16))
    labels = torch.from_numpy(rng.integers(0, 3, 16))
    holders = []
    for cut in (16, 4):
        holder = make_class_weights(args, prior, np.ones(3), batch_rows=16.0)
        assert isinstance(holder, OnlineWeights)
        for i in range(0, 16, cut):
            part = slice(i, i + cut)
            holder.observe(probabilities[part], labels[part], probabilities[part])
        holders.append(holder)
    torch.testing.assert_close(holders[0].confusion, holders[1].confusion)
    torch.testing.assert_close(holders[0].target_mean, holders[1].target_mean)


class TestBeginning:
    """Where weights begin that are free within an interval."""

    def estimate(self, *, holds: bool, predicted: list[float]) -> Any:
        return SimpleNamespace(
            weights=np.array([1.6, 0.4, 1.0]),
            source_prior=np.array([0.5, 0.5, 0.0]),
            assumption_holds=holds,
            diagnostics={"predicted": predicted},
        )

    def test_at_the_estimate_where_nothing_speaks_against_it(self) -> None:
        found = beginning(self.estimate(holds=True, predicted=[0.1, 0.9, 0.0]))
        np.testing.assert_array_equal(found, [1.6, 0.4, 1.0])

    def test_at_the_predicted_shares_where_it_is_refuted(self) -> None:
        estimate = self.estimate(holds=False, predicted=[0.1, 0.9, 0.0])
        np.testing.assert_allclose(beginning(estimate)[:2], [0.2, 1.8])

    def test_on_the_constraint_whatever_is_predicted(self) -> None:
        """A class that the source lacks takes its predicted share from nobody."""
        estimate = self.estimate(holds=False, predicted=[0.3, 0.3, 0.4])
        assert estimate.source_prior @ beginning(estimate) == pytest.approx(1.0)

    def test_training_begins_there(self, tmp_path: Path) -> None:
        told = SimpleNamespace(
            weights=np.ones(3),
            interval=np.tile([0.0, 1.0], (3, 1)),
            assumption_holds=False,
            diagnostics={"predicted": [0.7, 0.2, 0.1]},
        )
        trainer = build(tmp_path, estimate=lambda model: told, weight_play_rate=0.0, max_steps=1)
        # Nothing is weighted yet: this is the source's balance.
        told.source_prior = trainer.prior_estimate
        trainer.train()
        np.testing.assert_allclose(trainer.prior_estimate, [0.7, 0.2, 0.1], atol=1e-9)
