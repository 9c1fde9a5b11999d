"""One view of every classifier: flat rows of features and logits."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Literal, NamedTuple, get_args

import numpy as np
from torch import Tensor, nn
from transformers import PreTrainedModel

from isogloss.errors import IsoglossError
from isogloss.models import pooling as pool
from isogloss.models.heads import Head, head_of, is_token_model
from isogloss.models.probing import ProbedHead, captured_input, captured_states, probe_head

Pooling = Literal["cls", "mean"]
# Logits (n, k) and the example of each row (n,), in order, to logits (n, k).
Revision = Callable[[np.ndarray, np.ndarray], np.ndarray]


class Rows(NamedTuple):
    """Features (n, d) and logits (n, k), one row per active position."""

    features: Tensor
    logits: Tensor


class FeatureClassifier(nn.Module):
    """A Hugging Face classifier that gives the features of its final linear layer as well.

    A feature is what the final linear layer receives, before that layer's dropout. In training
    mode the logits are `linear(dropout(features))`, in eval mode those of the plain model.

    Args:
        model: an `AutoModelForSequenceClassification` or `AutoModelForTokenClassification`. An
            architecture that chooses its pooling by its configuration has that set here.
        pooling: what a sequence is reduced to before the head: the first state, or the mean (see
            `isogloss.models.pooling`). Token models ignore it.

    Attributes:
        revise: makes the rows of whole examples go together, such as the tags of a sentence, when
            the classifier is asked about them (`collect_rows`); None where each stands alone. No
            loss sees it, and it is not exported.

    Raises:
        IsoglossError: E317 where the head does not end in a linear layer, E318 where mean pooling
            is not available for the architecture, E327 for another `pooling`.

    References:
        Xian, Ji & Zhao, ICLR 2022, section 2: the feature z = g(x) and the classifier h.
    """

    def __init__(self, model: PreTrainedModel, *, pooling: Pooling = "cls") -> None:
        super().__init__()
        check_pooling(pooling)
        self.model = model
        self.is_token = is_token_model(model)
        self.pooling: Pooling = "cls" if self.is_token else pooling
        self._head: Head | ProbedHead = head_of(model) or probe_head(model)
        if self.pooling == "mean" and not self._can_pool():
            raise IsoglossError("E318", architecture=type(model).__name__)
        if pool.is_native(model) and not self.is_token:
            model.config.classifier_pooling = pooling
        self._takes_token_types = takes_token_types(model)
        self.revise: Revision | None = None

    def forward(
        self,
        input_ids: Tensor,
        attention_mask: Tensor,
        active_rows: Tensor,
        active_positions: Tensor,
        token_type_ids: Tensor | None = None,
    ) -> Rows:
        """Features and logits of the active positions.

        Args:
            input_ids: word-piece ids, (b, L).
            attention_mask: 1 for a token, 0 for padding, (b, L).
            active_rows: for each row of the result its row in the batch, (n,) in 0..b-1.
            active_positions: its position in the sequence, (n,) in 0..L-1. A sequence model has
                one row per example and does not look at it.
            token_type_ids: (b, L); left out for a model that has none.

        Returns:
            Features (n, d) and logits (n, k).
        """
        inputs = {"input_ids": input_ids, "attention_mask": attention_mask}
        if token_type_ids is not None and self._takes_token_types:
            inputs["token_type_ids"] = token_type_ids
        if isinstance(self._head, ProbedHead):
            return self._probed(self._head, inputs, active_rows, active_positions)
        hidden = self.encoder(**inputs)[0]
        vectors = self._vectors(hidden, attention_mask, active_rows, active_positions)
        features = self._head.transform(self.model, vectors)
        logits = self.final_linear(self._head.dropout_of(self.model)(features))
        return Rows(features, logits)

    def with_first_states(self, **inputs: Tensor) -> tuple[Rows, Tensor]:
        """The rows, and what the same pass makes of the first position of every text.

        Args:
            **inputs: as `forward` takes them.

        Returns:
            The rows, and the last layer's states at the [CLS] token, (b, d'), before any pooling
            or head.
        """
        states: list[Tensor] = []
        with captured_states(self.encoder, states):
            rows = self(**inputs)
        return rows, states[-1][:, 0]

    @property
    def encoder(self) -> PreTrainedModel:
        """The base model, without the head."""
        base = self.model.base_model
        assert isinstance(base, PreTrainedModel)
        return base

    @property
    def final_linear(self) -> nn.Linear:
        """The layer that turns features into logits."""
        layer = self.model.get_submodule(self._head.linear)
        assert isinstance(layer, nn.Linear)
        return layer

    @property
    def num_labels(self) -> int:
        """Number of classes k."""
        return self.final_linear.out_features

    @property
    def feature_size(self) -> int:
        """Width d of the features."""
        return self.final_linear.in_features

    def _can_pool(self) -> bool:
        known = isinstance(self._head, Head)
        return known and (pool.is_folded(self.model) or pool.is_native(self.model))

    def _vectors(self, hidden: Tensor, mask: Tensor, rows: Tensor, positions: Tensor) -> Tensor:
        """The hidden states that go through the head, (n, d)."""
        if self.is_token:
            return hidden[rows, positions]
        if self.pooling == "cls":
            return hidden[rows, 0]
        return pool.pooled_mean(self.model, hidden, mask)[rows]

    def _probed(
        self, head: ProbedHead, inputs: dict[str, Tensor], rows: Tensor, positions: Tensor
    ) -> Rows:
        received: list[Tensor] = []
        with captured_input(self.model.get_submodule(head.source), received):
            logits = self.model(**inputs).logits
        # A head may use one dropout module twice; the last call is the one before the final layer.
        features = received[-1]
        index = (rows, positions) if self.is_token else (rows,)
        return Rows(features[index], logits[index])


def check_pooling(pooling: str) -> None:
    """Raise E327 for anything but `"cls"` and `"mean"`."""
    if pooling not in get_args(Pooling):
        raise IsoglossError("E327", pooling=pooling)


def takes_token_types(model: PreTrainedModel) -> bool:
    """Whether the encoder tells the two texts of a pair apart by token types."""
    accepted = "token_type_ids" in inspect.signature(model.base_model.forward).parameters
    return accepted and getattr(model.config, "type_vocab_size", 0) > 1
