"""Which examples of a large set a run looks at, the same whenever it is asked."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt


def sampled_places(count: int, most: int, seed: int) -> npt.NDArray[np.int64]:
    """Places of at most `most` of `count` examples, drawn without replacement, ascending.

    Args:
        count: examples there are, at least 0.
        most: examples wanted, at least 0.
        seed: of the draw, at least 0.
    """
    if count <= most:
        return np.arange(count)
    return np.sort(np.random.default_rng((seed, 3)).permutation(count)[:most])
