"""Where two models of a run call the target's rows differently, with texts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from isogloss.data.streaming import read_batches
from isogloss.labelshift.checks import Floats
from isogloss.report.reading import RunFacts, StageRows

# Kinds of change in the table, examples below it, characters and words of each.
MOST_KINDS, MOST_EXAMPLES, MOST_CHARACTERS, MOST_WORDS = 12, 12, 280, 60


@dataclass(frozen=True, kw_only=True)
class Example:
    """A row of the target that two models call differently.

    Attributes:
        row: in the target file, from 1.
        parts: pieces of its text in order, each with whether it is what the change is about.
        before: class that the first model gives it.
        after: class that the second one gives it.
        sure_before: probability of that class, 0 to 1.
        sure_after: likewise.
    """

    row: int
    parts: Sequence[tuple[str, bool]]
    before: str
    after: str
    sure_before: float
    sure_after: float


@dataclass(frozen=True, kw_only=True)
class Disagreement:
    """How two models differ on the target.

    Attributes:
        rows: compared (words, for tagging).
        differing: of them.
        kinds: (before, after, rows), the most frequent first, `MOST_KINDS` at most.
        kinds_left_out: further kinds.
        examples: one of each kind in turn, those first whose new class is surest.
    """

    rows: int
    differing: int
    kinds: Sequence[tuple[str, str, int]]
    kinds_left_out: int
    examples: Sequence[Example]


def compare(
    run: RunFacts,
    before: StageRows,
    after: StageRows,
    weights: Floats | None = None,
    *,
    most: int = MOST_EXAMPLES,
) -> Disagreement:
    """Compare two stages' predictions on the target rows that both kept.

    Args:
        run: for class names, and the file of predictions, which has the texts.
        before: of the first model.
        after: of the second.
        weights: (k,) the second model's predictions are corrected by, or None.
        most: examples, at most.

    Raises:
        IsoglossError: E1xx where the predictions cannot be read.
    """
    first, second = before.probabilities("target"), after.probabilities("target", weights)
    old, new = first.argmax(axis=1), second.argmax(axis=1)
    places = np.flatnonzero(old != new)
    counts = Counter(zip(old[places].tolist(), new[places].tolist(), strict=True))
    kinds = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    groups = after.rows.target_groups
    shown = _in_turn(places, old, new, second, [kind for kind, _ in kinds], most, groups)
    names = run.labels
    texts = _texts(run, after, shown)
    examples = [
        Example(
            row=int(row) + 1,
            parts=parts,
            before=names[old[i]],
            after=names[new[i]],
            sure_before=float(first[i, old[i]]),
            sure_after=float(second[i, new[i]]),
        )
        for i in shown
        if (found := texts.get(int(i))) is not None
        for row, parts in [found]
    ]
    return Disagreement(
        rows=len(old),
        differing=len(places),
        kinds=[(names[a], names[b], count) for (a, b), count in kinds[:MOST_KINDS]],
        kinds_left_out=max(0, len(kinds) - MOST_KINDS),
        examples=examples,
    )


def _in_turn(
    places: np.ndarray,
    old: np.ndarray,
    new: np.ndarray,
    probabilities: Floats,
    kinds: Sequence[tuple[int, int]],
    most: int,
    groups: np.ndarray | None,
) -> list[int]:
    """The surest of each kind, then the second surest of each, and so on; no example twice."""
    sure = probabilities[places, new[places]]
    ordered = places[np.argsort(-sure, kind="stable")]
    waiting = {
        kind: ordered[(old[ordered] == kind[0]) & (new[ordered] == kind[1])].tolist()
        for kind in kinds[:most]
    }
    chosen: dict[int, int] = {}
    while len(chosen) < most and any(waiting.values()):
        for queue in waiting.values():
            while queue and len(chosen) < most:
                row = queue.pop(0)
                example = row if groups is None else int(groups[row])
                if chosen.setdefault(example, row) == row:
                    break
    return list(chosen.values())


def _texts(
    run: RunFacts, stage: StageRows, rows: Sequence[int]
) -> dict[int, tuple[int, list[tuple[str, bool]]]]:
    """Row of the stage -> row of the target file and its text in parts, where they can be told."""
    groups = stage.rows.target_groups
    if groups is None or not rows:
        return {}
    wanted = {int(i): int(stage.places[groups[i]]) for i in rows}
    found = _read_rows(run.root, set(wanted.values()))
    texts = {}
    for i, place in wanted.items():
        if place in found:
            parts = _parts(run, found[place], i - int(np.searchsorted(groups, groups[i])),
                           int((groups == groups[i]).sum()))  # fmt: skip
            if parts is not None:
                texts[i] = (place, parts)
    return texts


def _read_rows(root: Path, places: set[int]) -> dict[int, dict[str, Any]]:
    """Rows of the predictions, which are the target's with all their columns, by place."""
    files = sorted(root.glob("predictions.*"))
    if not files:
        return {}
    found: dict[int, dict[str, Any]] = {}
    start, last = 0, max(places)
    for batch in read_batches(files[0]):
        size = len(next(iter(batch.values())))
        for place in places:
            if start <= place < start + size:
                found[place] = {name: column[place - start] for name, column in batch.items()}
        start += size
        if start > last:
            break
    return found


def _parts(
    run: RunFacts, row: Mapping[str, Any], word: int, words: int
) -> list[tuple[str, bool]] | None:
    """The text of a row; of a sentence, with the word in question apart."""
    if not run.is_tagging:
        names = [run.served.get("text"), run.served.get("text_pair")]
        texts = [str(row[name]) for name in names if name and row.get(name) is not None]
        return [(_cut(" / ".join(texts)), False)] if texts else None
    tokens = row.get("tokens", row.get(run.served.get("text") or "tokens"))
    if isinstance(tokens, str):
        tokens = tokens.split()
    # Words that the tokenizer lost have no row, and then nobody knows which word is which.
    if tokens is None or len(tokens) != words:
        return None
    start = max(0, min(word - MOST_WORDS // 2, words - MOST_WORDS))
    pieces = [(" ".join(map(str, tokens[start:word])), False), (str(tokens[word]), True)]
    pieces.append((" ".join(map(str, tokens[word + 1 : start + MOST_WORDS])), False))
    return [(_cut(text), marked) for text, marked in pieces if text]


def _cut(text: str) -> str:
    return text if len(text) <= MOST_CHARACTERS else text[: MOST_CHARACTERS - 1] + "…"
