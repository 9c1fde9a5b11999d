"""What a launcher starts: `python -m tests.trainers.launched FOLDER` trains every case."""

from __future__ import annotations

import pickle
import sys
from pathlib import Path

from accelerate.state import AcceleratorState, GradientState

from tests.trainers.test_processes import CASES, trained


def main(folder: Path) -> None:
    """Train all cases as one of several processes; write what this one found."""
    found = {}
    for number, name in enumerate(CASES):
        # A second trainer of a process keeps the first one's gradient accumulation otherwise.
        AcceleratorState._reset_state()
        GradientState._reset_state()
        found[name] = trained(name, folder / str(number), 4)
    state = AcceleratorState()
    facts = {"processes": state.num_processes, "backend": state.backend, "found": found}
    (folder / f"{state.process_index}.pickle").write_bytes(pickle.dumps(facts))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
