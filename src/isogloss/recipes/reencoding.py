"""A run's data as another model's tokenizer encodes them."""

from __future__ import annotations

from dataclasses import replace

from isogloss.data import scans
from isogloss.data.cache import cache_folder
from isogloss.models.reading import load_tokenizer
from isogloss.recipes import inputs
from isogloss.recipes.workshop import Workshop
from isogloss.tasks.caching import tokenizer_digest


def seen_by(shop: Workshop, name: str) -> Workshop:
    """The run as a model with a tokenizer of its own sees it.

    Args:
        shop: the run.
        name: of the model, as `load_classifier` takes it.

    Returns:
        The same data, the source split in the same way; the very same object where the tokenizer
        is that of the run.
    """
    config = shop.config
    tokenizer, longest = load_tokenizer(name, trust_remote_code=config.trust_remote_code)
    length = min(config.max_length, longest)
    own, _ = load_tokenizer(config.model, trust_remote_code=config.trust_remote_code)
    data = shop.data
    if (tokenizer_digest(tokenizer), length) != (tokenizer_digest(own), shop.max_length):
        whole = replace(config, holdout=0.0)
        data = inputs.encode(
            shop.canonical, whole, tokenizer, max_length=length, cache=cache_folder()
        )
        data = _split_alike(data, shop.data)
    return replace(
        shop,
        config=replace(config, model=name),
        data=data,
        pad_token_id=tokenizer.pad_token_id,
        max_length=length,
    )


def _split_alike(data: inputs.EncodedData, like: inputs.EncodedData) -> inputs.EncodedData:
    """Another encoding of the whole source, its rows chosen as those of `like` were."""
    train = data.train.select(scans.places(like.train))
    if like.held_out is like.train:
        return replace(data, train=train, held_out=train)
    return replace(data, train=train, held_out=data.train.select(scans.places(like.held_out)))
