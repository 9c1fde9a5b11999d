"""Prior estimators side by side: error by shift, correction, coverage, the assumption's test, time.

    python benchmarks/label_shift.py --draws 200 --jobs 2

Simulated classifiers (stars, tags) and the outputs of real zero-shot ones (tweets, hotels, wikiann,
topics: on held-out English, where label shift holds, and on other languages, where it holds only
roughly); targets of 500 to 5,000 rows at shifts of 0 to 0.9 in total variation. Ours against
QuaPy's (the `bench` extra) and what scikit-learn gives. Problems that are finished are not measured
again. Prints Markdown and draws the error by shift. Looks for the data in ISOGLOSS_DATA
(default ../shared/data).
"""

from __future__ import annotations

import argparse
import os
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

from shiftbench.exact import exact_errors, solver_times
from shiftbench.measure import measure
from shiftbench.problems import problems
from shiftbench.tables import draw_errors, tables

# Simulated sources cost nothing, and fewer splits would repeat their noise.
SIMULATED_SPLITS = 5


def main() -> None:
    """Measure what is missing, print the tables, draw the picture."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--draws", type=int, default=200, help="by problem and bin of shift")
    parser.add_argument("--slow-draws", type=int, default=10, help="of them for slow contestants")
    parser.add_argument("--splits", type=int, default=20, help="source samples by real problem")
    parser.add_argument("--only", default="", help="names of problems, with commas between")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--output", type=Path, default=Path("runs/label_shift"))
    parser.add_argument("--no-solvers", action="store_true", help="leave the solvers' times out")
    options = parser.parse_args()
    folder = options.output / f"draws-{options.draws}-seed-{options.seed}"
    folder.mkdir(parents=True, exist_ok=True)
    wanted = [p.name for p in problems(options.output)]
    if options.only:
        wanted = [name for name in wanted if name in options.only.split(",")]
    with ProcessPoolExecutor(options.jobs) as pool:
        done = pool.map(run, [(name, folder, options) for name in wanted])
        for name in done:
            print(f"measured {name}", flush=True)
    families = {p.name: p.family for p in problems(options.output) if p.name in wanted}
    records = {name: measure_named(name, folder, options) for name in wanted}
    print(tables(records, families))
    draw_errors(records, families, folder / "label-shift.png")
    if not options.no_solvers:
        print(exact_errors())
        print(solver_times())


def run(task: tuple[str, Path, argparse.Namespace]) -> str:
    """Measure one problem in a process of its own."""
    measure_named(*task)
    return task[0]


def measure_named(name: str, folder: Path, options: argparse.Namespace) -> list[dict[str, object]]:
    """The records of a problem."""
    problem = next(p for p in problems(options.output) if p.name == name)
    return measure(
        problem,
        folder / f"{name}.json",
        draws=options.draws,
        slow_draws=options.slow_draws,
        splits=options.splits * (1 if problem.is_real else SIMULATED_SPLITS),
        seed=options.seed,
    )


if __name__ == "__main__":
    main()
