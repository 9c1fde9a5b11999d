"""Fuzz the readers: `python fuzz/run.py --minutes 10 --targets csv,config`.

Every target runs in a process of its own, one after the other, and shares the time equally. What a
reader must not do (raise anything but an `IsoglossError`, take longer than 5 s, or 1 GB) is a
finding; its input and traceback are kept. The engine is atheris where it is installed, and a
small one of our own elsewhere. The exit code is 1 where there was a finding.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
TARGETS = ("csv", "tsv", "jsonl", "conll", "config", "offline")


def main() -> int:
    """Run the targets and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--minutes", type=float, default=6.0, help="of all targets together")
    parser.add_argument("--targets", default=",".join(TARGETS), help="with commas between")
    parser.add_argument("--output", type=Path, default=Path("runs/fuzz"), help="for findings")
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    names = asked.targets.split(",")
    unknown = set(names) - set(TARGETS)
    if unknown:
        parser.error(f"no target {', '.join(sorted(unknown))}; choose among {', '.join(TARGETS)}")
    asked.output.mkdir(parents=True, exist_ok=True)
    engine = "atheris" if importlib.util.find_spec("atheris") else "our own engine"
    print(f"engine: {engine}\n\n| target | inputs | CPU, s | a CPU second |", end="")
    print(" slowest, s | peak, MB | findings |")
    print(f"| --- |{' ---: |' * 6}", flush=True)
    seconds = max(1, round(60 * asked.minutes / len(names)))
    found = [run(name, asked.output, seconds, asked.seed) for name in names]
    for finding, where in (item for findings in found for item in findings.items()):
        print(f"{finding}: {asked.output / where}")
    return int(any(found))


def run(name: str, folder: Path, seconds: int, seed: int) -> dict[str, str]:
    """Run one target; kinds of findings and the file of each."""
    path = os.pathsep.join([str(ROOT), str(ROOT / "src"), os.environ.get("PYTHONPATH", "")])
    command = [sys.executable, "-m", "fuzz.worker", name, "--folder", folder.resolve()]
    # The engine ends its process without a chance to clean up. On a disk, four fifths of the time
    # would go into waiting for every input to be written.
    with tempfile.TemporaryDirectory(prefix="isogloss-fuzz-", dir=in_memory()) as scratch:
        log = folder / f"{name}.log"
        with log.open("wb") as output:
            done = subprocess.run(
                [*command, "--seconds", str(seconds), "--seed", str(seed)],
                stdout=output,
                stderr=output,
                env=os.environ | {"PYTHONPATH": path, "TMPDIR": scratch},
                check=False,
            )
    report = folder / f"{name}.json"
    facts = json.loads(report.read_text("utf-8")) if report.is_file() else None
    if done.returncode or facts is None:
        print(f"| {name} | the process ended with {done.returncode}; see {log} |")
        return {f"{name} ended with {done.returncode}": f"{name}.log"}
    cpu = facts["cpu_seconds"]
    cells = [name, f"{facts['inputs']:,}", f"{cpu:.0f}", f"{facts['inputs'] / max(cpu, 0.1):,.0f}"]
    cells += [facts["slowest"], facts["peak_mb"]]
    print(f"| {' | '.join(map(str, cells))} | {len(facts['findings'])} |", flush=True)
    found: dict[str, str] = facts["findings"]
    return found


def in_memory() -> Path | None:
    """A folder of a file system in memory, where the machine has one."""
    folder = Path("/dev/shm")
    return folder if os.access(folder, os.W_OK) else None


if __name__ == "__main__":
    sys.exit(main())
