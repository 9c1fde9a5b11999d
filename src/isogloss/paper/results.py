"""Scores of finished cells: by unit for comparisons, and by place for tables."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import mean, stdev
from typing import Any

from isogloss.labelshift.measures import total_variation
from isogloss.paper.grid import SOURCE
from isogloss.paper.published import published_table
from isogloss.paper.specification import METRICS, Part, Specification
from isogloss.paper.work import Record

# The same model as the zero-shot one, where the source is also the target.
_AS_ZERO_SHOT = ("supervised", "supervised-bilingual")


@dataclass(frozen=True, kw_only=True)
class Units:
    """What comparisons are made on.

    Attributes:
        what: such as `"languages"`.
        scores: unit -> method -> score in percent.
        shifts: unit -> total variation of the priors of source and target.
    """

    what: str
    scores: dict[Any, dict[str, float]]
    shifts: dict[Any, float]


def units_of(records: Sequence[Record], metric: str) -> Units:
    """Group scores on targets by set, by language, or with a single language by seed.

    Args:
        records: of finished cells of a corpus.
        metric: the name among their scores.
    """
    targets = [record for record in records if record["language"] != SOURCE]
    numbered = any(record["number"] is not None for record in targets)
    languages = {record["language"] for record in targets}
    name = "sets" if numbered else "languages" if len(languages) > 1 else "seeds"

    def unit(record: Record) -> Any:
        if name == "seeds":
            return record["seed"]
        return (record["language"], record["number"])

    found: dict[Any, dict[str, list[float]]] = {}
    shifts: dict[Any, float] = {}
    for record in targets:
        score = 100 * record["scores"]["target"][metric]
        found.setdefault(unit(record), {}).setdefault(record["method"], []).append(score)
        prior = record["prior"]
        shifts.setdefault(unit(record), total_variation(prior["source"], prior["true"]))
    means = {
        one: {method: mean(values) for method, values in methods.items()}
        for one, methods in found.items()
    }
    return Units(what=name, scores=means, shifts=shifts)


@dataclass(frozen=True, kw_only=True)
class Score:
    """A method's score in a language.

    Attributes:
        values: in percent, one a seed.
        published: by the paper, in percent; None where it has none.
    """

    values: tuple[float, ...]
    published: float | None

    @property
    def mean(self) -> float | None:
        """Over seeds."""
        return mean(self.values) if self.values else None

    @property
    def deviation(self) -> float | None:
        """Standard deviation over seeds; None for fewer than two."""
        return stdev(self.values) if len(self.values) > 1 else None

    @property
    def difference(self) -> float | None:
        """Ours less the paper's."""
        if self.mean is None or self.published is None:
            return None
        return self.mean - self.published


def scores_of(
    spec: Specification, part: Part, records: Sequence[Record]
) -> dict[str, dict[str, Score]]:
    """method -> language -> score, the source's first; what is not there yet is empty."""
    known = {} if spec.table is None else published_table(spec.table)
    metric = METRICS[part.metric]
    own = [record for record in records if record["corpus"] == part.corpus]
    return {
        method: {
            language: Score(
                values=tuple(_values(own, method, language, metric)),
                published=known.get((method, language)),
            )
            for language in (SOURCE, *part.languages)
        }
        for method in (*part.methods, *part.quoted)
    }


def _values(records: Iterable[Record], method: str, language: str, metric: str) -> list[float]:
    """One score a seed, in percent; on the source the mean over the models for all targets."""
    if language == SOURCE:
        wanted = "zero-shot" if method in _AS_ZERO_SHOT else method
        by_seed: dict[int, list[float]] = {}
        for record in records:
            scores: Mapping[str, Any] = record["scores"]
            if record["method"] == wanted and "english" in scores:
                by_seed.setdefault(record["seed"], []).append(100 * scores["english"][metric])
        return [mean(by_seed[seed]) for seed in sorted(by_seed)]
    found = {
        record["seed"]: 100 * record["scores"]["target"][metric]
        for record in records
        if record["method"] == method and record["language"] == language
    }
    return [found[seed] for seed in sorted(found)]
