"""What a few labelled target rows bring to the choice among candidates and to what is expected.

    python benchmarks/labelled.py --runs runs/quality --output runs/labelled
    python benchmarks/labelled.py --counts 0,10,50 --times 20 --draws 0

Works on what the quality benchmark left, like `selection.py`; a case needs the zero-shot model and
one method more. Labelled examples are drawn from the test rows, `--times` times, larger draws
holding the smaller ones, and everything is scored on the test rows that are in no draw; sequence
tasks also under other class balances (`--draws` of each strength). Candidates are each model as it
is and corrected for the prior that it estimates without labels. Regret is to the best candidate on
those rows, in points of macro-F1 (tagging: of words); harmed is the share of draws that end more
than half a point below zero-shot; the worst case is the case of the smallest mean gain.

`--refit-times` draws of labelled target rows also train the head of the zero-shot and of the last
model, always or where rows held out from it say that it gains; the rest of the target's rows are
scored. `--times 0 --prior-times 0` does that alone. Prints Markdown.
"""

from __future__ import annotations

import argparse
import os
import sys
import warnings
from collections.abc import Sequence

os.environ.setdefault("OMP_NUM_THREADS", "1")

from tqdm import tqdm

from labelledbench.refits import Refit, refits, refits_table
from labelledbench.tables import choices_table, expectations_table, priors_table, tuning_tables
from labelledbench.trials import Trial, prepare, prior_errors, trials
from quality import read
from selectionbench.arguments import add_shared_arguments, parse
from selectionbench.cases import ZERO_SHOT, Case, find_cases

COUNTS = (0, 10, 25, 50, 100, 200)
STRENGTHS = (0.2, 0.4)


def main() -> None:
    """Draw and print."""
    options = parse_arguments()
    records = read(options.results, options.set)
    found, left_out = find_cases(options.runs, records, options.candidates, needed=(ZERO_SHOT,))
    for sentence in left_out:
        print(f"left out: {sentence}", file=sys.stderr)
    found = [case for case in found if len(case.methods) > 1]
    cases = [each for case in found for each in (case, *case.drawn(STRENGTHS, options.draws))]
    if not cases:
        sys.exit(f"no case of {options.runs} has two methods")
    text = report(cases, options)
    print(text)
    options.output.mkdir(parents=True, exist_ok=True)
    (options.output / "tables.md").write_text(text + "\n", "utf-8")


def parse_arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    add_shared_arguments(parser, output="runs/labelled", draws=1)
    parser.add_argument("--counts", type=_counts, default=COUNTS, help="of labelled examples")
    parser.add_argument("--times", type=int, default=100, help="draws of labelled examples")
    parser.add_argument("--prior-times", type=int, default=5, help="likewise for the balance")
    parser.add_argument("--refit-times", type=int, default=10, help="likewise for training on them")
    return parse(parser)


def _counts(text: str) -> tuple[int, ...]:
    return tuple(sorted({0, *map(int, text.split(","))}))


def report(cases: Sequence[Case], options: argparse.Namespace) -> str:
    """All tables, of the cases as they are and of those with other balances."""
    parts: list[str] = []
    for drawn, name in ((False, "As they are"), (True, "Other balances")):
        some = [case for case in cases if (case.draw is not None) == drawn]
        if not some:
            continue
        drawn_rows, errors, refitted = measure(some, options)
        parts.append(f"## {name} ({len(some)} cases)")
        if options.times:
            parts.append(choices_table(drawn_rows))
            parts += ["### What to expect", expectations_table(drawn_rows)]
        if options.refit_times:
            parts += ["### Heads trained on them", refits_table(refitted)]
        if options.prior_times:
            parts += ["### Class balance, total variation", priors_table(errors)]
        if options.tune and options.times:
            parts += ["### Other constants", tuning_tables(drawn_rows)]
    listed = ", ".join(f"{case.key} ({len(case.methods)} methods)" for case in cases)
    return "\n\n".join([*parts, f"Cases: {listed}."])


def measure(
    cases: Sequence[Case], options: argparse.Namespace
) -> tuple[list[Trial], list[dict[int, tuple[float, float]]], list[Refit]]:
    """All trials of some cases, the errors of the class balance, and refitted heads."""
    found: list[Trial] = []
    errors, refitted = [], []
    for case in tqdm(cases, unit="case", disable=None):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            if options.times or options.prior_times:
                setting = prepare(case)
                found += trials(setting, options.counts, times=options.times)
            if options.prior_times:
                errors.append(prior_errors(setting, options.counts, times=options.prior_times))
            refitted += refits(case, options.counts, times=options.refit_times)
    return found, errors, refitted


if __name__ == "__main__":
    main()
