"""Errors of files of rows, and of tasks and labels."""

from __future__ import annotations

import os

from isogloss.data import conll, textfile
from tests.cli.every_error import Case, Place

IN = "inspect --target {w}/de.csv --source {t}/x."
OUT = "adapt --target {w}/de.csv --model {w}/encoder -o {t}/new --recipe zero-shot --source {t}/x."
TOKEN = f"{OUT}jsonl --task token --max-steps 1"
WORDS = '{"tokens": ["a", "b"], "tags": ["O", "B-X"]}\n'


def short_lines(place: Place) -> None:
    place.patch.setattr(textfile, "LONGEST_LINE", 50)


def short_sentences(place: Place) -> None:
    place.patch.setattr(conll, "LONGEST_SENTENCE", 3)


def no_permissions(place: Place) -> None:
    # Permissions do not bind the user whom tests often run as.
    place.patch.setattr(os, "access", lambda *_: False)


def blocked(place: Place) -> None:
    place.patch.setenv("ISOGLOSS_CACHE", str(place.tmp / "x.csv"))


CASES = {
    "E102": Case(IN + "csv", {"x.csv": ""}),
    "E103": Case(IN + "csv", {"x.csv": "text,label\nä,b\n".encode("latin-1")}),
    "E107": Case(OUT + "csv", {"x.csv": "text,label\na,1\nb,\n"}),
    "E108": Case(OUT + "csv", {"x.csv": "text,label\na,1\n,2\n"}),
    "E109": Case(IN + "jsonl", {"x.jsonl": '{"text": 3, "label": "a"}'}),
    "E110": Case(IN + "csv", {"x.csv": "text,label\na,b,c\n"}),
    "E111": Case(IN + "csv", {"x.csv": "text,text\na,b\n"}),
    "E112": Case(IN + "csv", {"x.csv": 'text,label\n"a,b\n'}),
    "E113": Case(IN + "conll --task token", {"x.conll": "a O\nb\n"}),
    "E114": Case(TOKEN, {"x.jsonl": WORDS + '{"tokens": ["a", "b"], "tags": ["O"]}\n'}),
    "E115": Case(IN + "jsonl", {"x.jsonl": "[" * 1000}),
    "E116": Case(IN + "jsonl", {"x.jsonl": '{"text": "a"}\n{"text": ["a"]}'}),
    "E117": Case(IN + "parquet", {"x.parquet": b"PAR1 not really PAR1"}),
    "E118": Case("inspect --source no-such-owner/no-such-data --target {w}/de.csv"),
    "E119": Case("inspect --source {w}/de.csv --target {w}/de.csv"),
    "E121": Case(IN + "csv", {"x.csv": "text,label\na,b\n"}, blocked),
    "E122": Case(IN + "csv", {"x.csv": "text;label\na;b\n"}),
    "E123": Case(IN + "jsonl", {"x.jsonl": '{"text": "\\ud83d", "label": "a"}'}),
    "E124": Case(
        "resample {t}/x.jsonl --task token --prior O=0.5 -o {t}/x.conll",
        {"x.jsonl": '{"tokens": ["a\\tb", "c"], "tags": ["O", "B-X"]}\n'},
    ),
    "E126": Case("inspect --source {w} --target {w}/de.csv"),
    "E127": Case(IN + "conll --task token", {"x.conll": "a\tO\nb\t\n"}),
    "E128": Case(IN + "jsonl --task token", {"x.jsonl": '{"tokens": [1, 2], "tags": ["O", "O"]}'}),
    "E129": Case("inspect --source {w}/en.csv --target {w}/de.csv --label text"),
    "E131": Case("inspect --source {w}/en.csv --target {w}/de.csv", before=no_permissions),
    "E133": Case(IN + "csv", {"x.csv": ",".join(map(str, range(1_000_000))) + "\n"}),
    "E134": Case(IN + "jsonl", {"x.jsonl": '{"text": "' + "a" * 100 + '"}'}, short_lines),
    "E135": Case("inspect --source /dev/null --target {w}/de.csv --format csv"),
    "E136": Case(IN + "conll --task token", {"x.conll": "a O\n" * 5}, short_sentences),
    "E137": Case(IN + "csv", {"x.csv": "text,a\0b\nc,d\n"}),
    "E138": Case("resample {w}/en.csv --prior good=0.5 -o {t}/x.conll"),
    "E201": Case(OUT + "csv", {"x.csv": "text,label\na,b\nc,b\n"}),
    "E202": Case("evaluate {w}/run {t}/x.csv", {"x.csv": "text,label\na,9\n"}),
    "E203": Case(TOKEN, {"x.jsonl": WORDS.replace("B-X", "X")}),
}
