"""What makes a classifier fast to train without changing what it learns."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from isogloss.models.attention import use_fast_attention
from isogloss.models.dropout import replace_dropout
from isogloss.models.features import FeatureClassifier
from isogloss.models.memory import release_freed_memory
from isogloss.models.trimming import TrimmedVocabulary, trim_vocabulary


def make_fast(
    classifier: FeatureClassifier,
    used_ids: npt.NDArray[np.integer[Any]] | None,
    *,
    pooled_dropout: bool = True,
) -> TrimmedVocabulary | None:
    """Bring a freshly loaded classifier into the form that trains fastest, in place.

    Args:
        classifier: not in an optimizer yet.
        used_ids: every id that it will be given, for a trimmed embedding; None leaves it whole.
        pooled_dropout: take dropout's masks from a pool, and the attention that goes with it.

    Returns:
        What makes the embedding whole again, or None.

    Raises:
        IsoglossError: E341 for an id outside the table, E343 for a model trimmed already.
    """
    trimmed = None if used_ids is None else trim_vocabulary(classifier, used_ids)
    if pooled_dropout:
        replace_dropout(classifier)
        use_fast_attention(classifier)
    release_freed_memory()
    return trimmed
