"""Markdown: what choices cost and how well scores are foretold, by number of labelled rows."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from isogloss.selection import GUARD, RULE, Standing, decide, weighed
from isogloss.selection.sharpening import sharpened
from labelledbench.trials import METRIC, Trial
from selectionbench.cases import ZERO_SHOT
from selectionbench.outcomes import HARM
from selectionbench.tables import markdown, points, signed

Rule = Callable[[Trial], int]
# Standard errors to the ends of a normal interval of 90 %.
REACH = 1.645
TOLD_HEADS = ("mean absolute error", "bias", "covered, test noise counted", "width")
GAIN_ERRORS, LEVEL_ERRORS = (0.02, 0.03, 0.04, 0.05, 0.08), (0.03, 0.05, 0.08, 0.12)


@dataclass(frozen=True, kw_only=True)
class Told:
    """An estimate of a candidate's score.

    Attributes:
        value: in 0..1.
        interval: of it, 90 %.
    """

    value: float
    interval: tuple[float, float]


def guarded(trial: Trial, *, gain_error: float = GUARD.gain_error) -> int:
    """What the guard takes, with the labelled rows where there are some."""
    standings = heard(trial, gain_error=gain_error)
    name = decide(standings, zero_shot=ZERO_SHOT).name
    return [each.name for each in standings].index(name)


def heard(trial: Trial, *, gain_error: float = GUARD.gain_error) -> list[Standing]:
    """What the guard goes by."""
    standings, rule = trial.setting.standings, replace(GUARD, gain_error=gain_error)
    told = trial.evidence or (None,) * len(standings)
    pairs = zip(standings, told, strict=True)
    return [weighed(replace(each, labelled=some), rule) for each, some in pairs]


def best_labelled(trial: Trial) -> int:
    """The best on the labelled rows alone; of equal ones the first, without any the baseline."""
    if not trial.evidence:
        return 0
    return int(np.argmax([each.scores[METRIC].value for each in trial.evidence]))


RULES: dict[str, Rule] = {
    "guard": guarded,
    "labelled rows alone": best_labelled,
    "always zero-shot": lambda _: 0,
    "oracle": lambda trial: int(np.argmax(trial.truths)),
}


def choices_table(trials: Sequence[Trial], rules: Mapping[str, Rule] = RULES) -> str:
    """Regret, gain and harm of each rule by number of labelled examples."""
    heads = ["rule", "labelled", "regret", "gain over zero-shot", "harmed", "worst case", "trials"]
    rows = []
    for (name, rule), count in itertools.product(rules.items(), counts(trials)):
        some = [trial for trial in trials if trial.count == count]
        cells = [name, str(count), *_costs(some, rule), str(len(some))]
        rows.append(cells)
    return markdown(heads, rows)


def _costs(trials: Sequence[Trial], rule: Rule) -> list[str]:
    """Means over trials; the worst case is the smallest mean gain of any case."""
    chosen = [rule(trial) for trial in trials]
    regrets = [t.truths.max() - t.truths[c] for t, c in zip(trials, chosen, strict=True)]
    gains = np.array([t.truths[c] - t.truths[0] for t, c in zip(trials, chosen, strict=True)])
    cases = np.array([trial.setting.case.key for trial in trials])
    worst = min(gains[cases == case].mean() for case in np.unique(cases))
    harmed = f"{100 * (gains < -HARM).mean():.0f} %"
    return [points(float(np.mean(regrets))), signed(gains.mean()), harmed, signed(worst)]


def sharp(trial: Trial, place: int, *, level_error: float = RULE.level_error) -> Told:
    """What to expect of a candidate with the labelled rows."""
    evidence = trial.evidence[place] if trial.evidence else None
    rule = replace(RULE, level_error=level_error)
    found = sharpened(trial.setting.expected[place], evidence, rule=rule)
    return Told(value=found.value, interval=found.interval)


def alone(trial: Trial, place: int) -> Told | None:
    """The score on the labelled rows alone; None without any."""
    if not trial.evidence:
        return None
    found = trial.evidence[place].scores[METRIC]
    return Told(value=found.value, interval=found.interval)


def expectations_table(trials: Sequence[Trial]) -> str:
    """Errors and coverage of what is expected of all candidates."""
    heads = ["estimate", "labelled", *TOLD_HEADS]
    rows = []
    for (name, tell), count in itertools.product(
        {"expected": sharp, "labelled rows alone": alone}.items(), counts(trials)
    ):
        some = [trial for trial in trials if trial.count == count]
        cells = foretold(some, tell)
        if cells:
            rows.append([name, str(count), *cells])
    return markdown(heads, rows)


def foretold(trials: Sequence[Trial], tell: Callable[[Trial, int], Told | None]) -> list[str]:
    """Cells of a row, none where nothing is told."""
    found = []
    for trial in trials:
        for place, (true, noise) in enumerate(zip(trial.truths, trial.noise, strict=True)):
            told = tell(trial, place)
            if told is not None:
                low, high = told.interval
                side = told.value - low if true < told.value else high - told.value
                covered = abs(true - told.value) <= np.hypot(side, REACH * noise)
                found.append((told.value - true, covered, high - low))
    if not found:
        return []
    errors, covered, widths = np.array(found, dtype=np.float64).T
    share = f"{100 * covered.mean():.0f} %"
    return [points(np.abs(errors).mean()), signed(errors.mean()), share, points(widths.mean())]


def priors_table(errors: Sequence[Mapping[int, tuple[float, float]]]) -> str:
    """Mean errors of the class balance over cases."""
    heads = ["labelled", "estimate with them", "their own shares", "cases"]
    rows = []
    for count in sorted({count for each in errors for count in each}):
        some = np.array([each[count] for each in errors if count in each])
        means = [f"{value:.3f}" for value in some.mean(axis=0)]
        rows.append([str(count), means[0], means[1] if count else "", str(len(some))])
    return markdown(heads, rows)


def tuning_tables(trials: Sequence[Trial]) -> str:
    """What other constants would do; and what a gain without labels really misses."""
    rows = []
    for error, count in itertools.product(GAIN_ERRORS, counts(trials)):
        some = [trial for trial in trials if trial.count == count]
        costs = _costs(some, lambda trial, error=error: guarded(trial, gain_error=error))
        shares = [s.labelled_share for t in some for s in heard(t, gain_error=error)[1:]]
        rows.append([f"{error:g}", str(count), f"{100 * np.mean(shares):.0f} %", *costs])
    heads = ["gain error", "labelled", "labels count", "regret", "gain over zero-shot", "harmed"]
    heads.append("worst case")
    parts = [markdown(heads, rows)]
    rows = []
    for error, count in itertools.product(LEVEL_ERRORS, counts(trials)):
        some = [trial for trial in trials if trial.count == count]

        def tell(trial: Trial, place: int, error: float = error) -> Told:
            return sharp(trial, place, level_error=error)

        rows.append([f"{error:g}", str(count), *foretold(some, tell)])
    heads = ["level error", "labelled", *TOLD_HEADS]
    parts.append(markdown(heads, rows))
    return "\n\n".join([*parts, missed(trials)])


def missed(trials: Sequence[Trial]) -> str:
    """Root mean square of what gains and scores without labels miss, over candidates."""
    gains, levels = [], []
    for trial in (trial for trial in trials if trial.count == 0):
        free = np.array([each.gain for each in trial.setting.standings])
        told = np.array([each.value for each in trial.setting.expected])
        gains.append((free - (trial.truths - trial.truths[0]))[1:])
        levels.append(told - trial.truths)
    found = [float(np.sqrt(np.mean(np.concatenate(each) ** 2))) for each in (gains, levels)]
    return (
        f"Without labels gains are missed by {points(found[0])} and scores by {points(found[1])} "
        "(root mean square, test noise included)."
    )


def counts(trials: Sequence[Trial]) -> list[int]:
    """The numbers of labelled examples."""
    return sorted({trial.count for trial in trials})
