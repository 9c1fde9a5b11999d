"""A few labelled target rows: what is asked of them before anything is trained."""

from __future__ import annotations

import numpy as np
from datasets import Dataset

from isogloss.data.overlap import input_digests
from isogloss.errors import IsoglossError, warn
from isogloss.recipes.config import RunConfig
from isogloss.recipes.methods import NEEDS_TARGET_LABELS

# Of examples. Fewer tell nothing; with more, training on them is worth more than choosing by them.
LEAST, MOST = 5, 500


def check_labelled_setting(config: RunConfig) -> None:
    """Refuse labelled target rows where all target rows have their labels.

    Raises:
        IsoglossError: E663.
    """
    if config.labelled_target is not None and config.recipe in NEEDS_TARGET_LABELS:
        raise IsoglossError("E663", recipe=config.recipe)


def check_labelled_rows(
    rows: Dataset, *, name: str, source: Dataset, target: Dataset, test: Dataset | None
) -> dict[str, int]:
    """Require that labelled rows can tell something and that the test stays untouched.

    Args:
        rows: conforming labelled rows.
        name: of them, for messages.
        source: conforming rows.
        target: likewise.
        test: likewise, or None.

    Returns:
        Facts for the record: `labelled_rows`, and how many of them are in the target.

    Raises:
        IsoglossError: E660 for a row that is in the test set, E661 where all are source rows, E662
            for too few of them; W531 for very many.
    """
    if len(rows) < LEAST:
        raise IsoglossError("E662", name=name, count=len(rows), least=LEAST)
    digests = input_digests(rows)
    if test is not None:
        shared = np.isin(digests, input_digests(test))
        if shared.any():
            place = int(np.argmax(shared)) + 1
            raise IsoglossError("E660", name=name, count=int(shared.sum()), row=place)
    if np.isin(digests, input_digests(source)).all():
        raise IsoglossError("E661", name=name)
    if len(rows) > MOST:
        warn("W531", name=name, count=len(rows), most=MOST)
    in_target = int(np.isin(digests, input_digests(target)).sum())
    return {"labelled_rows": len(rows), "labelled_rows_also_in_target": in_target}
