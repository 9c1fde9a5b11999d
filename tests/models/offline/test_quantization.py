"""Decoding of Q4_0 against a loop over single weights."""

from __future__ import annotations

import struct

import numpy as np
import pytest

from isogloss.models.offline import quantization
from isogloss.models.offline.quantization import dequantize, dequantize_chunks


def _random_groups(count: int) -> bytes:
    random = np.random.default_rng(3)
    scales = random.normal(size=count).astype("<f2")
    return b"".join(scale.tobytes() + random.bytes(16) for scale in scales)


def _naive(raw: bytes) -> list[float]:
    weights = []
    for start in range(0, len(raw), 18):
        (scale,) = struct.unpack_from("<e", raw, start)
        nibbles = raw[start + 2 : start + 18]
        weights += [((byte & 15) - 8) * scale for byte in nibbles]
        weights += [((byte >> 4) - 8) * scale for byte in nibbles]
    return weights


def test_equals_a_loop_over_weights() -> None:
    raw = _random_groups(7)
    decoded = dequantize(np.frombuffer(raw, np.uint8))
    assert decoded.dtype == np.float32
    np.testing.assert_array_equal(decoded, np.array(_naive(raw), np.float32))


def test_negative_and_subnormal_scales() -> None:
    raw = b"".join(
        struct.pack("<e", scale) + bytes([0x0F, *range(15)]) for scale in (-1.5, 2.0**-24, 0.0)
    )
    decoded = dequantize(np.frombuffer(raw, np.uint8))
    assert decoded[0] == 7 * -1.5
    assert decoded[16] == -8 * -1.5
    np.testing.assert_array_equal(decoded, np.array(_naive(raw), np.float32))


def test_chunks_join_to_the_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(quantization, "_CHUNK_GROUPS", 3)
    raw = np.frombuffer(_random_groups(10), np.uint8)
    chunks = list(dequantize_chunks(raw))
    assert [len(chunk) for chunk in chunks] == [96, 96, 96, 32]
    np.testing.assert_array_equal(np.concatenate(chunks), dequantize(raw))
