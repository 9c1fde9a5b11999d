"""How closely target rows with like predictions lie together."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.special import entr

from isogloss.labelshift.calibration import softmax
from isogloss.labelshift.checks import Floats, check_probabilities, check_range
from isogloss.selection.rows import sample_rows

# The published temperature; rows that are compared with each other, and at a time.
_TEMPERATURE = 0.05
_MOST_ROWS = 4_000
_BLOCK = 500


def soft_neighbourhood_density(
    probabilities: npt.ArrayLike,
    *,
    temperature: float = _TEMPERATURE,
    most: int = _MOST_ROWS,
    seed: int = 0,
) -> float:
    """Mean entropy of each target row's similarities to the others (SND).

    Similarities are the cosines of the predictions, divided by the temperature and put through a
    softmax without the row itself.

    Args:
        probabilities: (m, k) on target rows.
        temperature: above 0.
        most: rows that are compared; where there are more, as many are drawn. The score grows with
            the number of rows, so compare candidates on equally many. For tagging words are drawn
            and not sentences, whose words are alike and would crowd each other's neighbourhoods;
            see `sample_rows`.
        seed: of the draw.

    Returns:
        In nats, 0 to `log(rows - 1)`; higher where rows have many equally near neighbours. 0 for a
        single row.

    Raises:
        IsoglossError: E400, E401, E404, E405, E406 for unusable probabilities, E407 for the
            temperature.

    References:
        Saito et al., ICCV 2021.
    """
    check_range(temperature, np.finfo(float).tiny, np.inf, name="temperature")
    rows = check_probabilities(probabilities, name="the target probabilities")
    rows = rows[sample_rows(len(rows), most, seed=seed)]
    if len(rows) == 1:
        return 0.0
    unit = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    starts = range(0, len(unit), _BLOCK)
    return float(sum(_entropies(unit, start, temperature).sum() for start in starts) / len(unit))


def _entropies(unit: Floats, start: int, temperature: float) -> Floats:
    """Entropy of the neighbourhood of each row of a block, (r,)."""
    similarities = unit[start : start + _BLOCK] @ unit.T / temperature
    own = np.arange(len(similarities))
    similarities[own, start + own] = -np.inf
    found: Floats = entr(softmax(similarities)).sum(axis=1)
    return found
