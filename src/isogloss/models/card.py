"""The README.md of an exported model: Markdown whose every user text is inert."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from typing import Any

import yaml
from jinja2 import Environment, StrictUndefined
from markupsafe import Markup

FACTS = (
    "name",
    "base_model",
    "task",
    "recipe",
    "preset",
    "labels",
    "source",
    "target",
    "languages",
    "prior",
    "metrics",
    "pooling",
    "licence",
    "notes",
    "refitted_on",
)
# The shares of a prior report that the card shows, with their headings.
_SHARES = {
    "source": "Source",
    "predicted": "Target, as predicted",
    "estimate": "Target, estimated",
    "true": "Target, true",
}

# What the name "offline" stands for.
OFFLINE_BASE = "intfloat/multilingual-e5-small"

_HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*/[\w.-]+", re.ASCII)
_LANGUAGE = re.compile(r"[a-z]{2,3}(-[A-Za-z0-9]{2,8})*")
_ENTITIES = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}
_INERT = {ord(mark): "\\" + mark for mark in "\\`*_{}[]()#+!|~:@$^=."} | {
    ord(mark): entity for mark, entity in _ENTITIES.items()
}

_BODY = """\
# {{ name }}

A {{ task_name }} model, fine-tuned from {{ base_model }} by isogloss\
{% if recipe %} (recipe {{ recipe }}){% endif %}: \
{% if recipe == "supervised" %}trained on labelled data in the target language\
{% elif recipe == "bilingual" %}trained on labelled data in a source and in the target language\
{% else %}trained on labelled data in a source language, for a target language whose \
data had no labels in training{% if recipe == "iwda-oracle" %}, but told of its class balance\
{% endif %}{% endif %}\
{% if refitted_on %}, but for {{ refitted_on }} rows \
on which the last layer was refitted{% endif %}.

| | |
| --- | --- |
| Base model | {{ base_model }} |
| Task | {{ task_name }} |
{% if source %}| Source | {{ source }} |
{% endif %}{% if target %}| Target | {{ target }} |
{% endif %}{% if preset %}| Preset | {{ preset }} |
{% endif %}{% if pooling %}| Pooling | {{ pooling }} |
{% endif %}| Labels ({{ labels | length }}) | {{ labels | join_inert }} |
{% if prior %}
## Class priors

The share of each class{% if level %}; the estimate with its \
{{ "%.0f" | format(100 * level) }} % interval{% endif %}.

| Label |{% for heading in shares %} {{ heading }} |{% endfor +%}
| --- |{% for heading in shares %} ---: |{% endfor +%}
{% for label in labels %}{% set row = loop.index0 %}| {{ label }} |\
{% for column in shares.values() %} {{ column[row] | safe }} |{% endfor +%}
{% endfor %}{% if sentences %}
{% for sentence in sentences %}{{ sentence }}{% if not loop.last %} {% endif %}{% endfor +%}
{% endif %}{% endif %}{% if metrics %}
## Results

| Stage | Data | Measure | Value |
| --- | --- | --- | ---: |
{% for stage, sets in metrics.items() %}{% for data, measures in sets.items() %}\
{% for measure, value in measures.items() %}\
| {{ stage }} | {{ data }} | {{ measure }} | {{ "%.4f" | format(value) | safe }} |
{% endfor %}{% endfor %}{% endfor %}{% endif %}
## Use

```python
from transformers import pipeline

{{ example }}
```

The folder is a plain transformers model: nothing of isogloss is needed to run it.
{% if pooling == "mean" %}
The head reads the mean over the tokens. Where the architecture has no such pooling of its own, \
the last encoder layer computes it; it is one layer more than the base model has, with weights \
chosen for that.
{% endif %}{% if notes %}
## Notes

{% for note in notes %}* {{ note }}
{% endfor %}{% endif %}
## Licence

{% if licence %}{{ licence }}

{% endif %}The weights derive from {{ base_model }} and from the training data; the terms of both \
apply to this model.
"""

EXAMPLES = {
    "sequence": """\
classify = pipeline("text-classification", model="path/to/this/folder")
classify("A text to classify.", truncation=True)""",
    "pair": """\
classify = pipeline("text-classification", model="path/to/this/folder")
classify({"text": "The first text.", "text_pair": "The second text."}, truncation=True)""",
    "token": """\
tag = pipeline(
    "token-classification", model="path/to/this/folder", aggregation_strategy="first"
)
tag("A sentence to tag.")""",
}
_TASKS = {
    "sequence": "text classification",
    "pair": "text pair classification",
    "token": "token classification",
}


def model_card(facts: Mapping[str, Any]) -> str:
    """The model card of an exported model.

    Args:
        facts: what is known, under the names in `FACTS`. Needed are `base_model` (str), `task`
            ("sequence", "pair" or "token") and `labels` (k strings). The rest may be left out:
            `name`, `recipe`, `preset`, `source`, `target`, `pooling`, `licence` (str);
            `languages` (codes such as "de"); `notes` (strings); `refitted_on`, how many labelled
            target rows the last layer was refitted on; `metrics` (by stage, then by data set,
            then by measure: a number); `prior` with, each of k shares in 0..1 in the order of
            the labels, any of `source`, `predicted`, `estimate` and `true`, and `interval` (k
            pairs) at `level` in 0..1; and `sentences` that say what the estimate is worth.

    Returns:
        Markdown with YAML front matter. No text among the facts can be taken for markup.

    Raises:
        ValueError: for a fact of another name.
    """
    unknown = sorted(set(facts) - set(FACTS))
    if unknown:
        raise ValueError(f"no such facts in a model card: {', '.join(unknown)}")
    if facts["base_model"] == "offline":
        facts = dict(facts) | {"base_model": OFFLINE_BASE}
    values = dict.fromkeys(FACTS) | {"name": "Fine-tuned classifier"} | dict(facts)
    task, prior = facts["task"], facts.get("prior") or {}
    text = (
        _environment()
        .from_string(_BODY)
        .render(
            values,
            task_name=_TASKS[task],
            # A constant.
            example=Markup(EXAMPLES[task]),  # nosec B704
            shares=_shares(prior),
            level=prior.get("level"),
            sentences=prior.get("sentences"),
        )
    )
    return f"---\n{_front_matter(facts)}---\n\n{text}"


def inert(text: str) -> str:
    """The text on one line, with nothing in it that Markdown or HTML would act on."""
    visible = "".join(" " if is_control(mark) else mark for mark in text)
    return " ".join(visible.split()).translate(_INERT)


def is_control(mark: str) -> bool:
    """Whether a character acts on what shows it.

    Control characters, line separators, and those that turn the writing direction around.
    """
    turning = "\u202a" <= mark <= "\u202e" or "\u2066" <= mark <= "\u2069"
    return turning or unicodedata.category(mark) in ("Cc", "Zl", "Zp", "Cs")


def _environment() -> Environment:
    environment = Environment(
        autoescape=True, undefined=StrictUndefined, finalize=_finalize, keep_trailing_newline=True
    )
    environment.filters["join_inert"] = _join
    return environment


def _finalize(value: Any) -> Any:
    # Made inert for Markdown and HTML first, which autoescape alone would not do.
    return value if isinstance(value, Markup) else Markup(inert(str(value)))  # nosec B704


def _join(labels: Sequence[str]) -> Markup:
    return Markup(", ".join(inert(label) for label in labels))  # nosec B704


def _shares(prior: Mapping[str, Any]) -> dict[str, list[str]]:
    """Heading -> the k shares as text, the estimate with its interval."""
    columns = {
        heading: [f"{share:.3f}" for share in prior[key]]
        for key, heading in _SHARES.items()
        if key in prior
    }
    if "estimate" in prior and "interval" in prior:
        heading = _SHARES["estimate"]
        columns[heading] = [
            f"{share:.3f} ({low:.3f} to {high:.3f})"
            for share, (low, high) in zip(prior["estimate"], prior["interval"], strict=True)
        ]
    return columns


def _front_matter(facts: Mapping[str, Any]) -> str:
    """The YAML between the rules, with only what the hub's fields allow."""
    tagging = facts["task"] == "token"
    front: dict[str, Any] = {
        "library_name": "transformers",
        "pipeline_tag": "token-classification" if tagging else "text-classification",
        "tags": ["isogloss", "cross-lingual-transfer"],
    }
    if _HUB_ID.fullmatch(facts["base_model"]):
        front["base_model"] = facts["base_model"]
    languages = [code for code in facts.get("languages") or () if _LANGUAGE.fullmatch(code)]
    if languages:
        front["language"] = languages
    return yaml.safe_dump(front, sort_keys=False, allow_unicode=True)
