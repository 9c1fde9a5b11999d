"""FeatureClassifier: the plain model's logits, and the features that make them."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor
from transformers import AutoModelForSequenceClassification, ElectraConfig

from isogloss.errors import IsoglossError
from isogloss.models.features import FeatureClassifier, takes_token_types
from tests.helpers.models import ARCHITECTURES, HIDDEN, VOCAB_SIZE, random_batch, tiny_model

both_tasks = pytest.mark.parametrize("task", ["sequence", "token"])
every_architecture = pytest.mark.parametrize("architecture", ARCHITECTURES)


def _batch(task: str, *, seed: int = 0) -> dict[str, Tensor]:
    batch = random_batch(seed=seed)
    rows = batch["attention_mask"].shape[0]
    if task == "sequence":
        active = (torch.arange(rows), torch.zeros(rows, dtype=torch.long))
    else:
        inner = batch["attention_mask"].clone()
        inner[:, ::2] = 0
        active = inner.nonzero(as_tuple=True)
    return batch | {"active_rows": active[0], "active_positions": active[1]}


def _plain_logits(model: torch.nn.Module, batch: dict[str, Tensor], task: str) -> Tensor:
    logits = model(input_ids=batch["input_ids"], attention_mask=batch["attention_mask"]).logits
    if task == "sequence":
        return logits[batch["active_rows"]]
    return logits[batch["active_rows"], batch["active_positions"]]


def _electra() -> torch.nn.Module:
    config = ElectraConfig(
        vocab_size=VOCAB_SIZE,
        hidden_size=HIDDEN,
        embedding_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=32,
        num_labels=3,
    )
    return AutoModelForSequenceClassification.from_config(config).eval()


@every_architecture
@both_tasks
def test_logits_are_those_of_the_plain_model(architecture: str, task: str) -> None:
    model = tiny_model(architecture, task)
    batch = _batch(task)
    with torch.no_grad():
        rows = FeatureClassifier(model)(**batch)
        wanted = _plain_logits(model, batch, task)
    torch.testing.assert_close(rows.logits, wanted, atol=1e-6, rtol=1e-6)


@every_architecture
@both_tasks
def test_features_feed_the_final_layer(architecture: str, task: str) -> None:
    classifier = FeatureClassifier(tiny_model(architecture, task, num_labels=5))
    with torch.no_grad():
        rows = classifier(**_batch(task))
        torch.testing.assert_close(classifier.final_linear(rows.features), rows.logits)
    assert rows.features.shape[1] == classifier.feature_size == HIDDEN
    assert rows.logits.shape[1] == classifier.num_labels == 5
    assert classifier.encoder is classifier.model.base_model


@every_architecture
@both_tasks
def test_in_training_logits_are_the_dropout_of_the_features(architecture: str, task: str) -> None:
    model = tiny_model(architecture, task)
    classifier = FeatureClassifier(model)
    dropout = classifier._head.dropout_of(model)
    dropout.p = 0.5
    model.eval()
    dropout.train()
    batch = _batch(task)
    with torch.no_grad():
        rows = classifier(**batch)
        again = classifier(**batch)
    if architecture == "xlm-roberta" and task == "sequence":
        # There one module serves twice, so the features themselves vary as well.
        assert not torch.equal(rows.features, again.features)
    else:
        torch.testing.assert_close(rows.features, again.features)
    assert not torch.allclose(rows.logits, again.logits)
    assert not torch.allclose(rows.logits, classifier.final_linear(rows.features))


@both_tasks
def test_gradients_reach_every_parameter_that_the_plain_model_trains(task: str) -> None:
    model = tiny_model("bert", task)
    FeatureClassifier(model)(**_batch(task)).logits.sum().backward()
    without = [name for name, p in model.named_parameters() if p.grad is None]
    assert without == []


def test_only_active_tokens_go_through_the_head() -> None:
    model = tiny_model("modernbert", "token")
    seen: list[int] = []
    model.head.register_forward_pre_hook(lambda _, args: seen.append(args[0].shape[:-1].numel()))
    batch = _batch("token")
    FeatureClassifier(model)(**batch)
    assert seen == [len(batch["active_rows"])]


def test_sequence_rows_follow_active_rows() -> None:
    classifier = FeatureClassifier(tiny_model("bert"), pooling="mean")
    batch = _batch("sequence")
    order = torch.tensor([3, 0, 4, 1, 2])
    with torch.no_grad():
        straight = classifier(**batch)
        turned = classifier(**(batch | {"active_rows": order}))
    torch.testing.assert_close(turned.logits, straight.logits[order])


@every_architecture
def test_mean_pooling_does_not_depend_on_padding(architecture: str) -> None:
    classifier = FeatureClassifier(tiny_model(architecture), pooling="mean")
    batch = _batch("sequence")
    longer = {
        "input_ids": torch.nn.functional.pad(batch["input_ids"], (0, 6)),
        "attention_mask": torch.nn.functional.pad(batch["attention_mask"], (0, 6)),
    }
    with torch.no_grad():
        short, long = classifier(**batch), classifier(**(batch | longer))
    torch.testing.assert_close(long.features, short.features, atol=1e-5, rtol=1e-5)


@every_architecture
def test_mean_pooling_reads_more_than_the_first_state(architecture: str) -> None:
    model = tiny_model(architecture)
    with torch.no_grad():
        first = FeatureClassifier(model, pooling="cls")(**_batch("sequence")).features
        mean = FeatureClassifier(model, pooling="mean")(**_batch("sequence")).features
    assert (first - mean).abs().max() > 0.01


@pytest.mark.parametrize("pooling", ["cls", "mean"])
def test_modernbert_pools_as_its_configuration_says(pooling: str) -> None:
    model = tiny_model("modernbert", classifier_pooling="mean" if pooling == "cls" else "cls")
    batch = _batch("sequence")
    with torch.no_grad():
        rows = FeatureClassifier(model, pooling=pooling)(**batch)
        wanted = _plain_logits(model, batch, "sequence")
    assert model.config.classifier_pooling == pooling
    torch.testing.assert_close(rows.logits, wanted, atol=1e-6, rtol=1e-6)


@every_architecture
def test_token_models_ignore_pooling(architecture: str) -> None:
    model = tiny_model(architecture, "token")
    batch = _batch("token")
    with torch.no_grad():
        cls = FeatureClassifier(model)(**batch)
        mean = FeatureClassifier(model, pooling="mean")
        torch.testing.assert_close(mean(**batch).logits, cls.logits)
    assert mean.pooling == "cls"


@every_architecture
def test_token_types_go_only_to_models_that_have_them(architecture: str) -> None:
    model = tiny_model(architecture)
    classifier = FeatureClassifier(model)
    batch = _batch("sequence")
    types = torch.zeros_like(batch["input_ids"])
    types[:, 4:] = 1
    with torch.no_grad():
        without = classifier(**batch).logits
        given = classifier(**batch, token_type_ids=types).logits
    assert takes_token_types(model) == (architecture == "bert")
    assert torch.equal(given, without) == (architecture != "bert")


@every_architecture
@pytest.mark.parametrize(
    ("task", "pooling"), [("sequence", "cls"), ("sequence", "mean"), ("token", "cls")]
)
def test_first_states_are_the_last_layer_s_at_the_start(
    architecture: str, task: str, pooling: Any
) -> None:
    """In the same pass, of every text, whatever the rows are made of."""
    classifier = FeatureClassifier(tiny_model(architecture, task), pooling=pooling)
    batch = _batch(task)
    with torch.no_grad():
        rows, states = classifier.with_first_states(**batch)
        hidden = classifier.encoder(batch["input_ids"], attention_mask=batch["attention_mask"])[0]
        alone = classifier(**batch)
    assert torch.equal(states, hidden[:, 0])
    assert torch.equal(rows.features, alone.features)
    assert torch.equal(rows.logits, alone.logits)


def test_first_states_of_an_unlisted_architecture() -> None:
    classifier = FeatureClassifier(_electra())
    batch = _batch("sequence")
    _, states = classifier.with_first_states(**batch)
    hidden = classifier.encoder(batch["input_ids"], attention_mask=batch["attention_mask"])[0]
    assert torch.equal(states, hidden[:, 0])
    states.sum().backward()
    assert classifier.encoder.get_input_embeddings().weight.grad is not None


def test_an_unlisted_architecture_works_by_probing() -> None:
    model = _electra()
    classifier = FeatureClassifier(model)
    batch = _batch("sequence")
    with torch.no_grad():
        rows = classifier(**batch)
        torch.testing.assert_close(rows.logits, _plain_logits(model, batch, "sequence"))
        torch.testing.assert_close(classifier.final_linear(rows.features), rows.logits)


def test_mean_pooling_of_an_unlisted_architecture_is_refused() -> None:
    with pytest.raises(IsoglossError, match="E318: ElectraForSequenceClassification"):
        FeatureClassifier(_electra(), pooling="mean")


def test_an_unknown_pooling_is_refused() -> None:
    with pytest.raises(IsoglossError, match="E327: The pooling 'max'"):
        FeatureClassifier(tiny_model("bert"), pooling="max")  # type: ignore[arg-type]
