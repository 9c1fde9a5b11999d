"""Where estimates are made: simulated classifiers and real ones, with targets of any prior."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from isogloss.labelshift.calibration import softmax
from shiftbench.outputs import TASKS, Outputs, real_outputs

STARS = np.array([0.10, 0.10, 0.15, 0.25, 0.40])
TAGS = np.array([0.83, 0.045, 0.03, 0.025, 0.02, 0.02, 0.015, 0.01, 0.005])
WORDS_PER_SENTENCE = 12
TARGET_ROWS = (500, 1000, 2000, 5000)
# Edges of the bins of shift, in total variation.
EDGES = (0.0, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)


@dataclass(frozen=True, kw_only=True)
class Split:
    """One source sample, and where targets of any prior are drawn from.

    Attributes:
        source: labelled rows.
        draw: from (prior, rows, generator) to target rows.
        grouped: whether the source's rows stand in groups.
    """

    source: Outputs
    draw: Callable[[np.ndarray, int, np.random.Generator], Outputs]
    grouped: bool


@dataclass(frozen=True, kw_only=True)
class Problem:
    """A classifier and a target.

    Attributes:
        name: `<data>` for a simulated one, `<data>-<language>` for a real one.
        family: simulated stars, simulated tags, real with label shift, real languages.
        split: from a generator to a fresh split.
    """

    name: str
    family: str
    split: Callable[[np.random.Generator], Split]

    @property
    def label_shift_holds(self) -> bool:
        """Whether the target differs from the source in its prior alone."""
        return self.family != "languages"

    @property
    def is_real(self) -> bool:
        """Whether the classifier is one that was trained."""
        return "-" in self.name


def problems(cache: Path) -> list[Problem]:
    """All problems; the real ones need their outputs, which are made where `cache` lacks them."""
    found = [
        Problem(name="stars", family="stars", split=lambda rng: _simulated(STARS, 1000, rng)),
        Problem(name="tags", family="tags", split=lambda rng: _simulated(TAGS, 6000, rng)),
    ]
    for task in TASKS:
        outputs = real_outputs(task, cache)
        for language in sorted(outputs, key=lambda name: name != "en"):
            family = "same language" if language == "en" else "languages"
            found.append(
                Problem(
                    name=f"{task}-{language}",
                    family=family,
                    split=lambda rng, o=outputs, lang=language, t=task: _real(  # type: ignore[misc]
                        o, lang, rng, tokens=t == "wikiann"
                    ),
                )
            )
    return found


def shifted_prior(prior: np.ndarray, shift: float, rng: np.random.Generator) -> np.ndarray:
    """A prior at a total variation of `shift`, in a direction drawn from Dirichlet priors."""
    while True:
        other = rng.dirichlet(np.full(len(prior), rng.choice([0.3, 1.0, 3.0])))
        distance = 0.5 * float(np.abs(other - prior).sum())
        if distance >= shift:
            return np.asarray(prior + (other - prior) * shift / distance)


def largest_shift(prior: np.ndarray) -> float:
    """The largest total variation that a prior can be at from this one."""
    return float(1.0 - prior.min())


def _simulated(prior: np.ndarray, rows: int, rng: np.random.Generator) -> Split:
    ordinal = len(prior) == len(STARS)
    classify = _stars if ordinal else _tags

    def draw(target: np.ndarray, count: int, generator: np.random.Generator) -> Outputs:
        labels = generator.choice(len(target), count, p=target)
        groups = np.arange(count) if ordinal else np.arange(count) // WORDS_PER_SENTENCE
        return Outputs(
            probabilities=classify(labels, groups, generator), labels=labels, groups=groups
        )

    return Split(source=draw(prior, rows, rng), draw=draw, grouped=not ordinal)


def _stars(labels: np.ndarray, _: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """An overconfident, biased classifier of stars that overlap; 58 % accurate at `STARS`."""
    width = 0.85
    place = labels + rng.normal(0, width, len(labels))
    logits = -((place[:, None] - np.arange(5)) ** 2) / (2 * width**2) + np.log(STARS)
    logits = 1.6 * logits + np.array([0.3, -0.2, 0.0, 0.2, -0.3])
    return softmax(logits + rng.normal(0, 0.5, logits.shape))


def _tags(labels: np.ndarray, groups: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A tagger with confusions of its own, whose errors go together within a sentence."""
    confusions = 1.2 * np.random.default_rng(5).normal(0, 1, (9, 9)) + 3.2 * np.eye(9)
    sentence = rng.normal(0, 0.6, (int(groups.max()) + 1, 9))
    logits = 0.5 * np.log(TAGS) + confusions[labels] + sentence[groups]
    return softmax(1.2 * (logits + rng.normal(0, 1.4, logits.shape)))


def _real(
    outputs: dict[str, Outputs], language: str, rng: np.random.Generator, *, tokens: bool
) -> Split:
    """Half of the labelled source rows as the source; the rest, or a language, to draw from."""
    whole = outputs["en"]
    groups = np.unique(whole.groups)
    chosen = np.isin(whole.groups, rng.permutation(groups)[: len(groups) // 2])
    pool = _rows(whole, ~chosen) if language == "en" else outputs[language]
    by_class = [np.flatnonzero(pool.labels == j) for j in range(whole.probabilities.shape[1])]

    def draw(target: np.ndarray, count: int, generator: np.random.Generator) -> Outputs:
        counts = generator.multinomial(count, target)
        rows = [generator.choice(of, n) for of, n in zip(by_class, counts, strict=True) if n]
        drawn = _rows(pool, np.concatenate(rows))
        # A row that is drawn twice is no more evidence than once, nor are the words of a sentence.
        names = drawn.groups if tokens else np.concatenate(rows)
        return Outputs(probabilities=drawn.probabilities, labels=drawn.labels, groups=names)

    return Split(source=_rows(whole, chosen), draw=draw, grouped=tokens)


def _rows(outputs: Outputs, chosen: np.ndarray) -> Outputs:
    return Outputs(
        probabilities=outputs.probabilities[chosen].astype(np.float64),
        labels=outputs.labels[chosen],
        groups=outputs.groups[chosen],
    )
