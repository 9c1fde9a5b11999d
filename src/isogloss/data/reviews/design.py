"""The known probabilities behind the sample reviews, the same in every language.

A review is about one domain. It has two to four phrases about different aspects of that domain,
and half of the time one neutral sentence. Only the level of each phrase depends on the stars.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np

from isogloss.errors import IsoglossError

STARS: tuple[str, ...] = ("1", "2", "3", "4", "5")

PHRASE_COUNTS: tuple[int, ...] = (2, 3, 4)

FILLER_PROBABILITY = 0.5

# How often a phrase is one written for its aspect, rather than a template with a noun filled in.
WRITTEN_PROBABILITY = 0.5

# Row: stars 1 to 5. Column: level of one phrase, from awful to wonderful. Every entry is positive,
# so that no text rules a class out, and no two rows mirror each other, so that no classes tie.
LEVEL_GIVEN_STARS: np.ndarray = np.array(
    [
        [0.76, 0.18, 0.03, 0.02, 0.01],
        [0.16, 0.66, 0.14, 0.03, 0.01],
        [0.03, 0.16, 0.63, 0.16, 0.02],
        [0.01, 0.02, 0.14, 0.67, 0.16],
        [0.01, 0.01, 0.03, 0.16, 0.79],
    ]
)
LEVEL_GIVEN_STARS.setflags(write=False)

_PRIOR_TOLERANCE = 1e-3


@dataclass(frozen=True, kw_only=True)
class Domain:
    """A kind of purchase: the aspects its reviews speak of, the groups of fillers that suit."""

    name: str
    aspects: tuple[str, ...]
    fillers: tuple[str, ...]


DOMAINS: tuple[Domain, ...] = (
    Domain(
        name="device",
        aspects=("battery", "sound", "screen", "delivery", "price"),
        fillers=("everywhere", "goods"),
    ),
    Domain(
        name="garment",
        aspects=("fabric", "fit", "delivery", "price"),
        fillers=("everywhere", "goods"),
    ),
    Domain(
        name="hotel",
        aspects=("room", "staff", "breakfast", "atmosphere", "price"),
        fillers=("everywhere", "places"),
    ),
    Domain(
        name="restaurant",
        aspects=("taste", "staff", "atmosphere", "price"),
        fillers=("everywhere", "places"),
    ),
)


def check_prior(prior: Sequence[float] | np.ndarray | None) -> np.ndarray:
    """Return a class prior as an array that sums to one.

    Args:
        prior: P(stars), shape (5,), each in [0, 1], their sum within 0.001 of 1; None is balanced.

    Returns:
        The prior, shape (5,), normalised.

    Raises:
        IsoglossError: E181 where it is anything else.
    """
    if prior is None:
        return np.full(len(STARS), 1 / len(STARS))
    values = list(prior) if isinstance(prior, (Sequence, np.ndarray)) else []
    numeric = all(isinstance(value, (int, float, np.number)) for value in values)
    array = np.array(values if numeric else [], dtype=float)
    if array.shape != (len(STARS),) or not _sums_to_one(array):
        raise IsoglossError("E181", prior=prior)
    return array / array.sum()


def _sums_to_one(array: np.ndarray) -> bool:
    in_range = bool(np.isfinite(array).all()) and bool((array >= 0).all())
    return in_range and abs(float(array.sum()) - 1) <= _PRIOR_TOLERANCE


# "skewed" is the class balance of the English source in the prior-shift studies of the paper
# (Xian, Ji & Zhao, ICLR 2022).
PRIORS: Mapping[str, tuple[float, ...]] = MappingProxyType(
    {
        "balanced": tuple(check_prior(None).tolist()),
        "skewed": tuple(check_prior((0.1486, 0.0643, 0.0803, 0.1928, 0.5141)).tolist()),
    }
)
