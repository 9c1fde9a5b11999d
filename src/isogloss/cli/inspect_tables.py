"""What `isogloss inspect` shows of a report: tables, and remarks in plain sentences."""

from __future__ import annotations

from collections.abc import Sequence

from rich.table import Table
from rich.text import Text

from isogloss.cli.console import cell, one_line, percent, share_cell, table
from isogloss.data.inspection import PairReport, SideReport

MOST_LABELS = 30
# Below this many examples of a class, its share of wrong predictions is anybody's guess.
FEW_EXAMPLES = 20
MANY_UNKNOWN = 0.01
_NAMES_SHOWN = 5


def size_table(report: PairReport) -> Table:
    """Rows of each side, and rows that something is the matter with."""
    out = table("Rows", ["", "source", "target"])
    sides = report.source, report.target
    out.add_row("rows", *(f"{side.rows:,}" for side in sides))
    out.add_row("without text", *(f"{side.empty_rows:,}" for side in sides))
    out.add_row("without label", *(count(side.unlabelled) for side in sides))
    out.add_row("repeating an earlier row", *(f"{side.repeated_rows:,}" for side in sides))
    out.add_row("of the target, also in the source", "", f"{report.shared_rows:,}")
    if report.source.unknown_share is not None:
        out.add_row("unknown word pieces", *(percent(side.unknown_share, 2) for side in sides))
        name = f"cut at {report.max_length} word pieces"
        out.add_row(name, *(count(side.truncated) for side in sides))
    return out


def label_table(report: PairReport, *, ascii_only: bool) -> Table:
    """Count and share of each label on the sides that have labels."""
    out = table("Labels", ["label", "source", "", "target", ""], kinds="tnbnb")
    names = all_labels(report)
    sides = report.source.labels, report.target.labels
    shares = [{} if side is None else shares_of(side) for side in sides]
    largest = max((share for side in shares for share in side.values()), default=1.0)
    for name in names[:MOST_LABELS]:
        cells: list[Text | str] = []
        for side, share in zip(sides, shares, strict=True):
            if side is None:
                cells += ["–", ""]
            else:
                drawn = share_cell(share.get(name, 0.0), largest, ascii_only=ascii_only)
                cells += [f"{side.get(name, 0):,}", drawn]
        out.add_row(cell(name), *cells)
    if len(names) > MOST_LABELS:
        out.add_row(cell(f"and {len(names) - MOST_LABELS} more", "dim"))
    return out


def length_table(report: PairReport) -> Table:
    """Percentiles of the lengths."""
    percentiles = list(report.source.words or report.target.words)
    heads = ["longest" if p == "100" else f"{p} %" for p in percentiles]
    out = table("Length of a row: this share has at most so many", ["", *heads])
    for name, side in (("source", report.source), ("target", report.target)):
        for unit, lengths in (("words", side.words), ("word pieces", side.word_pieces)):
            if lengths:
                out.add_row(f"{name}, {unit}", *(f"{lengths[p]:,.0f}" for p in percentiles))
    return out


def remarks(report: PairReport) -> list[str]:
    """Sentences on what should be mended or known before training."""
    found: list[str] = []
    for name, side in (("source", report.source), ("target", report.target)):
        found += side_remarks(name, side, report.max_length)
    if report.source.labels is None:
        others = ", ".join(f"'{name}'" for name in report.source.other_columns) or "none"
        found.append(
            "The source has no label column, and training needs one; name it with --label "
            f"(its other columns: {others})."
        )
    found += source_label_remarks(report.source)
    if report.shared_rows:
        found.append(
            f"Rows of the target that are in the source as well: {report.shared_rows:,} of "
            f"{report.target.rows:,}; is one file partly a copy of the other?"
        )
    if report.only_in_target:
        found.append(
            f"Labels of the target that the source does not have: {listed(report.only_in_target)}; "
            "no model trained on this source can predict them."
        )
    if report.only_in_source:
        found.append(
            f"Labels of the source that the target does not have: {listed(report.only_in_source)}."
        )
    return found + shift_remarks(report)


def side_remarks(name: str, side: SideReport, max_length: int | None) -> list[str]:
    """Remarks on one side by itself."""
    found: list[str] = []
    if not side.rows:
        found.append(f"The {name} has no rows.")
    if side.empty_rows:
        found.append(
            f"Rows of the {name} without text: {side.empty_rows:,}; adapt will refuse them."
        )
    if side.unlabelled and name == "source":
        found.append(f"Empty labels in the source: {side.unlabelled:,}; adapt will refuse them.")
    if side.repeated_rows:
        share = percent(side.repeated_rows / side.rows)
        found.append(
            f"Rows of the {name} that repeat an earlier one: {side.repeated_rows:,} ({share})."
        )
    if (side.unknown_share or 0.0) > MANY_UNKNOWN:
        found.append(
            f"{percent(side.unknown_share)} of the {name}'s word pieces are unknown to this model; "
            "choose one that was trained on the language."
        )
    if side.truncated:
        found.append(
            f"Rows of the {name} longer than {max_length} word pieces, which lose their end: "
            f"{side.truncated:,} ({percent(side.truncated / side.rows)}); "
            "raise max_length if that matters."
        )
    return found


def source_label_remarks(source: SideReport) -> list[str]:
    """Remarks on classes that are too few, or have too few examples."""
    labels = source.labels or {}
    if len(labels) == 1:
        return [f"The source has only one class, {listed(list(labels))}; training needs two."]
    rare = [name for name, number in labels.items() if number < FEW_EXAMPLES]
    if not rare:
        return []
    return [
        f"Fewer than {FEW_EXAMPLES} examples in the source: {listed(rare)}; "
        "what is estimated of so few is uncertain."
    ]


def shift_remarks(report: PairReport) -> list[str]:
    """A remark on the difference of the class balances, where the target has labels."""
    if not report.source.labels or not report.target.labels:
        return []
    source, target = shares_of(report.source.labels), shares_of(report.target.labels)
    names = all_labels(report)
    shift = sum(abs(source.get(name, 0.0) - target.get(name, 0.0)) for name in names) / 2
    return [f"The class balances differ by {shift:.2f} (total variation, 0 to 1)."]


def all_labels(report: PairReport) -> list[str]:
    """Labels of the source, then those of the target alone; the most frequent first."""
    return list({**(report.source.labels or {}), **(report.target.labels or {})})


def shares_of(counts: dict[str, int]) -> dict[str, float]:
    """Counts as shares of their sum."""
    total = max(sum(counts.values()), 1)
    return {name: number / total for name, number in counts.items()}


def count(number: int | None) -> str:
    """A count, or a dash."""
    return "–" if number is None else f"{number:,}"


def listed(names: Sequence[str]) -> str:
    """The first few names, on one line."""
    rest = len(names) - _NAMES_SHOWN
    shown = ", ".join(one_line(name) for name in names[:_NAMES_SHOWN])
    return f"{shown} and {rest} more" if rest > 0 else shown
