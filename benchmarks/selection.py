"""Which rule chooses best among candidates without target labels, and how well scores are foretold.

    python benchmarks/selection.py --runs runs/quality --output runs/selection
    python benchmarks/selection.py --candidates zero-shot,iwda,iwda+st,st-published --draws 0
    python benchmarks/selection.py --table --tune
    python benchmarks/selection.py --set averages=5 --candidates zero-shot,zero-shot-average,iwda

Works on what the quality benchmark left: a case is a pair, shift and seed, its candidates are the
finished methods, each as it is and corrected for the prior that it estimates. Cases without the
zero-shot model, iwda or the last stage are left out and named. `NAME-average` is the average of a
method's weights, where quality.py was run with `--set averages=5`. Sequence tasks are also measured
under other class balances, with target and test rows drawn anew (`--draws` times for each
strength) and the models as they are. With `--truth both` the labels of the target rows, which no
method was shown, count beside those of the test set. Where skada or pytorch-adapt is installed
(requirements-scorers.txt), their scores stand beside ours. Everything measured stays in
`values.jsonl`, theirs in `outside.jsonl`, one line a case and candidate, and is measured anew only
where a file of the case or, of ours, a constant of what to expect has changed. Cases as they are go
to `--kept`, too (results/selection.jsonl for the usual candidates and results), whose lines are all
that the tables need: they are of every case there, on whatever machine it was run, and `--table`
prints them without any run; what was foretold with other constants is not among what to expect.
Constants are set on the pairs of tweets and wikiann and reported on the others. Prints Markdown.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

from quality import RESULTS, read
from selectionbench.anchored import with_expected
from selectionbench.arguments import add_shared_arguments, parse
from selectionbench.cases import DEFAULT_CANDIDATES, Case, find_cases
from selectionbench.keeping import KEPT, foretold_by_rule, keep, kept_cases
from selectionbench.measures import Record, kept_or_measured, measure_all
from selectionbench.outside import (
    add_outside,
    load_scorers,
    measure_outside,
    outside_names,
    version_of,
)
from selectionbench.rules import GUARD_NAME, Records, rules, shared_scores
from selectionbench.tables import (
    by_case,
    by_nature,
    choices_table,
    expectation_table,
    groups,
    rules_table,
)
from selectionbench.tuning import tuning_tables

STRENGTHS = (0.2, 0.4, 0.6)
# Of labelled rows: the test set, or with it the target rows, whose labels no candidate was shown.
TRUTHS = ("test", "both")
# A score that some kept cases lack -> what it is shown beside on the others.
BESIDE_NEWER = {"weighted-bnm": ("bnm", "always zero-shot")}


def main() -> None:
    """Measure what is missing, and print the tables."""
    options = parse_arguments()
    drawn = [] if options.table else measure_runs(options)
    cases, left_out = kept_cases(options.kept)
    for sentence in left_out:
        print(f"left out: {sentence}", file=sys.stderr)
    if not cases:
        sys.exit(f"no case of {options.kept} is whole")
    known = [
        [record | {"truth": record["truths"][options.truth]} for record in case]
        for case in with_expected((*cases, *drawn))
    ]
    text = report(known)
    if options.tune:
        text += "\n\n" + tuning_tables(known)
    print(text)
    if not options.table:
        (options.output / "tables.md").write_text(text + "\n", "utf-8")


def measure_runs(options: argparse.Namespace) -> list[Records]:
    """Measure what the runs have that is not measured; keep the cases as they are.

    Returns:
        The cases that are drawn from others, which are not kept.
    """
    records = read(options.results, options.set)
    cases, left_out = find_cases(options.runs, records, options.candidates)
    for sentence in left_out:
        print(f"left out: {sentence}", file=sys.stderr)
    cases = [each for case in cases for each in (case, *case.drawn(STRENGTHS, options.draws))]
    if not cases:
        sys.exit(f"no case of {options.runs} is finished")
    records = measure_all(cases, options.output / "values.jsonl")
    records = add_outside(records, outside_records(cases, options.output / "outside.jsonl"))
    keep(records, options.kept)
    return by_case(record for record in records if record["drawn"])


def outside_records(cases: Sequence[Case], path: Path) -> list[Record]:
    """The scores of the other libraries that are installed, kept apart from our own."""
    scorers, left_out = load_scorers()
    for sentence in left_out:
        print(f"left out: {sentence}", file=sys.stderr)
    if not scorers:
        return []
    one = partial(measure_outside, scorers=scorers)
    return kept_or_measured(cases, path, one, version=version_of(scorers))


def parse_arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    add_shared_arguments(parser, output="runs/selection", draws=3)
    parser.add_argument("--truth", choices=TRUTHS, default="test", help="rows it is counted on")
    parser.add_argument("--kept", type=Path, help="all cases that were ever measured")
    parser.add_argument("--table", action="store_true", help="only print what is there")
    options = parse(parser)
    if options.kept is None:
        # What a candidate is worth depends on which others there are.
        usual = options.candidates == DEFAULT_CANDIDATES and not options.set
        ours = usual and options.results == RESULTS
        options.kept = KEPT if ours else options.output / "kept.jsonl"
    return options


def report(cases: Sequence[Records]) -> str:
    """All tables; newer scores, which some cases lack, each in one of their own."""
    ours, newer = shared_scores(cases)
    named, known = groups(cases), rules(ours=ours, outside=outside_names(cases))
    foretold = foretold_by_rule(cases)
    parts = [f"## What to expect ({count(foretold)})", expectation_table(by_nature(foretold))]
    for name, some in named.items():
        parts += [f"## Rules, {name} ({count(some)})", rules_table(some, known)]
        parts += [f"### What the {GUARD_NAME} chose, {name}", choices_table(some, known)]
    every = rules()
    for name, some in newer.items():
        if some:
            beside = {each: every[each] for each in (GUARD_NAME, *BESIDE_NEWER.get(name, ()), name)}
            parts += [f"## {name} ({count(some)})", rules_table(some, beside)]
    return "\n\n".join(parts)


def count(cases: Sequence[Records]) -> str:
    """How many cases and candidates there are."""
    return f"{len(cases)} cases, {sum(map(len, cases))} candidates"


if __name__ == "__main__":
    main()
