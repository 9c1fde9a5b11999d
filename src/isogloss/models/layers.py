"""What every layer of a classifier makes of a batch, in one pass: [CLS], mean and active tokens."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Literal, get_args

from torch import Tensor
from transformers import PreTrainedModel

from isogloss.models.features import FeatureClassifier, Rows
from isogloss.models.pooling import masked_mean

# What a text is reduced to: its first token, the mean of its tokens, or the tokens to classify.
View = Literal["cls", "mean", "active"]
VIEWS: tuple[View, ...] = get_args(View)


def layer_count(classifier: FeatureClassifier) -> int:
    """The number of hidden layers; with the embeddings there is one state more."""
    return int(classifier.encoder.config.num_hidden_layers)


def with_layer_states(
    classifier: FeatureClassifier, **inputs: Tensor
) -> tuple[Rows, tuple[Tensor, ...]]:
    """The rows, and the states of the embeddings and of every layer from the same pass.

    Args:
        classifier: in the mode that it is to run in.
        **inputs: as `FeatureClassifier.forward` takes them.

    Returns:
        The rows, and `layer_count + 1` states, each (b, L, d).
    """
    states: list[tuple[Tensor, ...]] = []
    with _captured(classifier.encoder, states):
        # Not by calling it: what `accelerate` trained keeps a forward that puts the head in bf16.
        rows = FeatureClassifier.forward(classifier, **inputs)
    return rows, states[-1]


def reduce_states(
    hidden: Tensor,
    view: View,
    *,
    attention_mask: Tensor,
    active_rows: Tensor,
    active_positions: Tensor,
) -> Tensor:
    """One layer's states as rows.

    Args:
        hidden: (b, L, d).
        view: `"cls"` for the first token, `"mean"` for the mean of all that are not padding,
            `"active"` for the tokens that carry a prediction.
        attention_mask: (b, L).
        active_rows: (n,) the text of each active token.
        active_positions: (n,) its place in the text.

    Returns:
        (b, d), or (n, d) for active tokens; in single precision.
    """
    if view == "cls":
        return hidden[:, 0].float()
    if view == "mean":
        return masked_mean(hidden.float(), attention_mask)
    return hidden[active_rows, active_positions].float()


@contextmanager
def _captured(encoder: PreTrainedModel, into: list[tuple[Tensor, ...]]) -> Iterator[None]:
    """Have `encoder` give all its states while the block runs, and append them to `into`."""

    def ask(_: Any, args: Any, kwargs: dict[str, Any]) -> Any:
        return args, kwargs | {"output_hidden_states": True}

    def keep(_: Any, args: Any, output: Any) -> None:
        into.append(output.hidden_states)

    handles = [
        encoder.register_forward_pre_hook(ask, with_kwargs=True),
        encoder.register_forward_hook(keep),
    ]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()
