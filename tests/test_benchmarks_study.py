"""The benchmark of studies measures the same both ways."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "benchmarks"))

import study


def test_separate_evaluations_find_the_same() -> None:
    options = argparse.Namespace(
        sets=6, size=60, rows=300, source_rows=200, width=16, classes=3, turns=1
    )
    found = study.measure(options)
    assert found["largest_difference"] < 1e-5
    assert found["seconds_separately"] > 0
