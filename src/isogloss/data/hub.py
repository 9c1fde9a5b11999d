"""Data sets of the Hugging Face hub, by an id such as `owner/name:config@split`."""

from __future__ import annotations

import re

import datasets

from isogloss.data.formats import ENDINGS
from isogloss.errors import IsoglossError

HUB_ID = re.compile(
    r"(?P<id>[\w-][\w.-]*/[\w-][\w.-]*)(:(?P<config>[\w.-]+))?(@(?P<split>[\w.%:\[\]+-]+))?"
)


def is_hub_id(where: str) -> bool:
    """Whether `where` looks like `owner/name[:config][@split]` and not like a file's path."""
    found = HUB_ID.fullmatch(where)
    return found is not None and not found["id"].lower().endswith(tuple(ENDINGS))


def load_from_hub(where: str) -> datasets.Dataset:
    """Load a data set of the hub; the split is `train` where `where` names none.

    Args:
        where: `owner/name[:config][@split]`, for which `is_hub_id` holds.

    Raises:
        IsoglossError: E118 if it cannot be had, with the hub's reason.
    """
    found = HUB_ID.fullmatch(where)
    assert found is not None, where
    try:
        # The user names the data set; rows run no code, and their digest is recorded.
        return datasets.load_dataset(  # nosec B615
            found["id"], found["config"], split=found["split"] or "train"
        )
    # The hub's client raises errors of several libraries that share no base class.
    except Exception as error:
        reason = str(error).strip().partition("\n")[0] or type(error).__name__
        raise IsoglossError("E118", name=where, reason=reason) from error
