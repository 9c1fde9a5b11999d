"""What the benchmarks of start-up and growth stand on."""

from __future__ import annotations

import csv
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.processes import Measured, run_python, summarise, write_many

ROOT = Path(__file__).parents[1]


def test_many_rows_are_all_different_and_keep_their_labels(tmp_path: Path) -> None:
    like = tmp_path / "few.csv"
    like.write_text('text,label\n"good, really",1\nbad,0\nfine,1\n', "utf-8")
    many = write_many(tmp_path / "many.csv", 1000, like=like)
    with many.open(newline="", encoding="utf-8") as file:
        header, *rows = csv.reader(file)
    assert header == ["text", "label"]
    assert len(rows) == len({text for text, _ in rows}) == 1000
    assert [label for _, label in rows] == ["1", "0", "1"] * 333 + ["1"]
    assert rows[3][0] == "good, really 3"


def test_a_process_is_measured_whole() -> None:
    # From a small process, whose own peak would else count.
    script = """
from benchmarks.processes import run_python
idle = run_python(["-c", "print(1)"], environment={})
busy = "import os; x = bytearray(b'a') * 200_000_000; print(os.environ['NAME'])"
busy = run_python(["-c", busy], environment={"NAME": "value"})
print(repr((idle.output, busy.output)), busy.peak_bytes - idle.peak_bytes, busy.cpu_seconds)
"""
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=ROOT
    )
    outputs, more_bytes, cpu_seconds = done.stdout.rsplit(maxsplit=2)
    assert outputs == "('1\\n', 'value\\n')"
    assert 190_000_000 < int(more_bytes) < 230_000_000
    assert float(cpu_seconds) > 0


def test_a_summary_is_of_the_middle_and_the_ends() -> None:
    runs = [
        Measured(seconds=seconds, cpu_seconds=seconds / 2, peak_bytes=10, output="")
        for seconds in (3.0, 1.0, 8.0)
    ]
    expected = {"seconds": 3.0, "min": 1.0, "max": 8.0, "cpu_seconds": 1.5, "peak_bytes": 10}
    assert summarise(runs) == expected


def test_a_process_that_fails_ends_the_benchmark() -> None:
    with pytest.raises(SystemExit, match="ended with 3"):
        run_python(["-c", "raise SystemExit(3)"], environment={})
