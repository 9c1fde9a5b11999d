"""Where each architecture's head has its features, its last dropout and its final linear layer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor, nn
from transformers import PreTrainedModel


@dataclass(frozen=True, kw_only=True)
class Head:
    """What lies between one hidden state and the logits: transform, dropout, final linear layer.

    Attributes:
        transform: (model, vectors (n, d)) -> features (n, d'), the model's own modules applied.
        dropout: path, within the model, of the dropout between features and final layer.
        linear: path of the final linear layer.
        dense: path of the square layer inside `transform`; None where there is none.
    """

    transform: Callable[[PreTrainedModel, Tensor], Tensor]
    dropout: str
    linear: str
    dense: str | None = None

    def dropout_of(self, model: PreTrainedModel) -> nn.Module:
        """The dropout module that the features pass before the final layer."""
        return model.get_submodule(self.dropout)

    def linear_of(self, model: PreTrainedModel) -> nn.Linear:
        """The final linear layer."""
        layer = model.get_submodule(self.linear)
        assert isinstance(layer, nn.Linear)
        return layer

    def dense_of(self, model: PreTrainedModel) -> nn.Linear | None:
        """The square layer before the final one, where the head has one."""
        layer = model.get_submodule(self.dense) if self.dense else None
        assert layer is None or isinstance(layer, nn.Linear)
        return layer


def is_token_model(model: PreTrainedModel) -> bool:
    """Whether the model gives logits for every token instead of one row per sequence."""
    return type(model).__name__.endswith("ForTokenClassification")


def embedding_table(model: PreTrainedModel) -> Tensor:
    """The weight of the word-piece embedding, (rows, d)."""
    weight = model.get_input_embeddings().weight
    assert isinstance(weight, Tensor)
    return weight


def head_of(model: PreTrainedModel) -> Head | None:
    """The head of a known architecture, or None for one that has to be found by probing."""
    table = TOKEN_HEADS if is_token_model(model) else SEQUENCE_HEADS
    return table.get(model.config.model_type)


def _nothing(model: PreTrainedModel, vectors: Tensor) -> Tensor:
    return vectors


def _bert_pooler(model: PreTrainedModel, vectors: Tensor) -> Tensor:
    return model.get_submodule("bert.pooler")(vectors[:, None])


def _context_pooler(model: PreTrainedModel, vectors: Tensor) -> Tensor:
    return model.get_submodule("pooler")(vectors[:, None])


def _dense_tanh(model: PreTrainedModel, vectors: Tensor) -> Tensor:
    dropped = model.get_submodule("classifier.dropout")(vectors)
    return model.get_submodule("classifier.dense")(dropped).tanh()


def _dense_relu(model: PreTrainedModel, vectors: Tensor) -> Tensor:
    return model.get_submodule("pre_classifier")(vectors).relu()


def _prediction_head(model: PreTrainedModel, vectors: Tensor) -> Tensor:
    return model.get_submodule("head")(vectors)


_ROBERTA = Head(
    transform=_dense_tanh,
    dropout="classifier.dropout",
    linear="classifier.out_proj",
    dense="classifier.dense",
)
_MODERNBERT = Head(
    transform=_prediction_head, dropout="drop", linear="classifier", dense="head.dense"
)
_PLAIN = Head(transform=_nothing, dropout="dropout", linear="classifier")

ROBERTA_LIKE = ("xlm-roberta", "roberta", "camembert", "xlm-roberta-xl")

SEQUENCE_HEADS: dict[str, Head] = {
    "bert": Head(
        transform=_bert_pooler,
        dropout="dropout",
        linear="classifier",
        dense="bert.pooler.dense",
    ),
    **dict.fromkeys(ROBERTA_LIKE, _ROBERTA),
    "distilbert": Head(
        transform=_dense_relu, dropout="dropout", linear="classifier", dense="pre_classifier"
    ),
    "deberta-v2": Head(
        transform=_context_pooler, dropout="dropout", linear="classifier", dense="pooler.dense"
    ),
    "modernbert": _MODERNBERT,
}

TOKEN_HEADS: dict[str, Head] = {
    **dict.fromkeys(("bert", *ROBERTA_LIKE, "distilbert", "deberta-v2"), _PLAIN),
    "modernbert": _MODERNBERT,
}
