"""Files to begin from, most of them sound and some hostile, and words worth inserting."""

from __future__ import annotations

import json

import yaml

from isogloss.recipes.config import RunConfig
from tests.models.offline.conftest import packed_bytes

HOSTILE = ("a\0b", "\u202eabc\u202c", "👩‍👩‍👧‍👦🏳️‍🌈", "\ufeffx", "=1+2", "\x1b[31mred", "[red]x[/]")

_ROWS = [("good film", "pos"), ('he said ""no""', "neg"), ("two\nlines, here", "pos")]
_ROWS += [(text, "neg") for text in HOSTILE]


def _delimited(separator: str, end: str) -> bytes:
    lines = [f'"{text}"{separator}{label}' for text, label in [("text", "label"), *_ROWS]]
    return (end.join(lines) + end).encode()


def _json() -> bytes:
    rows = [{"text": text, "label": label} for text, label in _ROWS]
    rows += [
        {"text": "a", "label": 3, "more": [1, [2.5], {"x": None}]},
        {"text": "b", "label": 2**70},
    ]
    return "\n".join(json.dumps(row) for row in rows).encode()


def _conll(separator: str) -> bytes:
    lines = ["-DOCSTART-", "", "# id = 1", f"Anna{separator}B-PER", f"ran{separator}O", ""]
    lines += [f"{word}{separator}I-LOC" for word in HOSTILE if " " not in word]
    return "\n".join(lines).encode()


def _settings() -> list[bytes]:
    whole = RunConfig(source="a.csv", target="b.csv").as_dict()
    table = {
        "title": "x", "parts": [{"corpus": "marc", "languages": ["de"], "methods": ["zero-shot"],
        "metric": "accuracy"}], "seeds": 3, "preset": "paper", "claims": [],
    }  # fmt: skip
    own = (
        "source: a.csv\ntarget: b.csv\nrecipe: iwda\niwda:\n  n_critic: 4\n  learning_rate: 1e-5\n"
    )
    laughs = "a: &a [x, x]\nb: &b [*a, *a]\nc: &c [*b, *b]\nsource: *c\ntarget: *c\n"
    merged = "a: &a {x: 1}\nb: &b {<<: [*a, *a]}\nc: {<<: [*b, *b]}\n"
    tagged = "source: !!python/object/apply:os.system [true]\ntarget: !!binary aGk=\n"
    dated = "source: 2001-01-01 10:10:10\ntarget: 0x1f\nseed: 1:30\nbudget: .inf\n"
    return [
        yaml.safe_dump(whole, sort_keys=False).encode(),
        yaml.safe_dump(table).encode(),
        *(text.encode() for text in (own, laughs, merged, tagged, dated)),
    ]


SEEDS: dict[str, list[bytes]] = {
    "csv": [_delimited(",", "\n"), _delimited(",", "\r\n"), _delimited(",", "\r")],
    "tsv": [_delimited("\t", "\n"), _delimited("\t", "\r")],
    "jsonl": [_json(), b'[{"text": "a"}]', b'{"text": "\\ud800"}\n', b"[" * 200],
    "conll": [_conll("\t"), _conll(" "), b"one\nword\n\na\nline\n"],
    "config": _settings(),
    "offline": [packed_bytes()],
}

_COMMON = [
    b"\xef\xbb\xbf",
    b"\0",
    b"\r",
    b"\r\n",
    b"\n\n",
    b"\t",
    b'"',
    b'""',
    b"\xff",
    b"\xed\xa0\x80",
]
_JSON = [
    b"{}",
    b"[]",
    b"null",
    b"true",
    b"-1e999",
    b"NaN",
    b"\\ud83d",
    b"\\udc00",
    b'"text":',
    b"9" * 30,
]
_YAML = [
    b"&a ",
    b"*a",
    b"<<: ",
    b"!!int ",
    b"!!timestamp ",
    b"!!binary ",
    b"!!set ",
    b"!!omap ",
    b"? ",
]
_YAML += [
    b"!!python/name:os.system ",
    b"0x",
    b"0b",
    b"1:2:3",
    b"2001-99-99",
    b".nan",
    b"|\n",
    b"---\n",
]
_YAML += [f"{name}: ".encode() for name in RunConfig.__dataclass_fields__]
WORDS: dict[str, list[bytes]] = {
    "csv": _COMMON,
    "tsv": _COMMON,
    "jsonl": _COMMON + _JSON,
    "conll": [*_COMMON, b"-DOCSTART-", b"# a = b"],
    "config": _COMMON + _YAML,
    "offline": [b"\xff\xff\xff\xff", b"\x7f\xff\xff\xff", b"\0\0\0\0", b"\xff" * 8],
}
