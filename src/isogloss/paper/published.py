"""The published figures, as they stand in the paper's tables."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from functools import cache
from pathlib import Path

FILE = Path(__file__).with_name("published.csv")


@dataclass(frozen=True, kw_only=True)
class Published:
    """One figure of one of the paper's tables.

    Attributes:
        table: 1 to 10.
        model: `"mbert"` or `"xlm-r-large"`.
        dataset: `"marc"`, `"conll"`, `"wikiann"` or `"xnli"`.
        metric: `"accuracy"` or `"entity-f1"`.
        method: as in the specifications.
        language: of the test set, an ISO code.
        value: in percent.
    """

    table: int
    model: str
    dataset: str
    metric: str
    method: str
    language: str
    value: float


@cache
def published() -> tuple[Published, ...]:
    """All 547 figures, in the order of the tables.

    References:
        Xian, Ji & Zhao, ICLR 2022, tables 1 to 10.
    """
    with FILE.open(newline="", encoding="utf-8") as file:
        rows = csv.DictReader(line for line in file if not line.startswith("#"))
        return tuple(
            Published(
                table=int(row["table"]),
                model=row["model"],
                dataset=row["dataset"],
                metric=row["metric"],
                method=row["method"],
                language=row["language"],
                value=float(row["value"]),
            )
            for row in rows
        )


def published_table(number: int) -> dict[tuple[str, str], float]:
    """One table's figures in percent, by (method, language); empty for a number it has not."""
    return {(one.method, one.language): one.value for one in published() if one.table == number}
