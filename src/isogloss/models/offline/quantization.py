"""Decode Q4_0: groups of 32 weights as one half-precision scale and 32 four-bit numbers."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

GROUP = 32
Q4_0_GROUP_BYTES = 18
_CHUNK_GROUPS = 1 << 16


def dequantize(raw: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
    """Weights of Q4_0 groups: `(nibble - 8) * scale` in single precision.

    Args:
        raw: (18 g,) bytes of g groups. Bytes 0-1 hold the scale; byte 2 + j holds weight j in its
            low and weight j + 16 in its high four bits.

    Returns:
        (32 g,) weights in file order.
    """
    groups = raw.reshape(-1, Q4_0_GROUP_BYTES)
    scales = np.ascontiguousarray(groups[:, :2]).view("<f2").astype(np.float32)
    weights = np.empty((len(groups), GROUP), dtype=np.float32)
    weights[:, : GROUP // 2] = groups[:, 2:] & 0x0F
    weights[:, GROUP // 2 :] = groups[:, 2:] >> 4
    weights -= 8
    weights *= scales
    return weights.reshape(-1)


def dequantize_chunks(raw: npt.NDArray[np.uint8]) -> Iterator[npt.NDArray[np.float32]]:
    """The same weights in chunks of at most 8 MB, so that a large table is never whole in memory.

    Args:
        raw: (18 g,) bytes of g groups.

    Yields:
        Consecutive parts of what `dequantize` returns.
    """
    step = _CHUNK_GROUPS * Q4_0_GROUP_BYTES
    for start in range(0, len(raw), step):
        yield dequantize(raw[start : start + step])
