"""The model card: complete, and inert whatever the user's texts hold."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from isogloss.models.card import FACTS, inert, model_card

FULL: dict[str, Any] = {
    "name": "Reviews, German",
    "base_model": "intfloat/multilingual-e5-small",
    "task": "sequence",
    "recipe": "iwda",
    "preset": "default",
    "labels": ["bad", "good"],
    "source": "reviews-en.csv",
    "target": "reviews-de.csv",
    "languages": ["en", "de"],
    "prior": {
        "labels": ["bad", "good"],
        "source": [0.25, 0.75],
        "estimate": [0.5, 0.5],
        "interval": [[0.4, 0.625], [0.375, 0.6]],
        "level": 0.95,
        "shift": 0.25,
        "sentences": ["It differs, by 3 %.", "Class <b> too."],
    },
    "metrics": {"zero-shot": {"test": {"macro_f1": 0.87654}}},
    "pooling": "mean",
    "licence": "MIT",
    "notes": ["A first note", "A second note"],
    "refitted_on": 240,
}
# Facts that are not text of the user's.
FIXED = ("task", "languages", "prior", "refitted_on")
NASTY = (
    "<script>alert(1)</script> | [x](http://a.b) **b** `c` {{ 7*7 }} {% raw %}"
    "\n# H\n---\n&amp;\u202e"
)


def _parts(card: str) -> tuple[dict[str, Any], str]:
    _, front, body = card.split("---\n", 2)
    return yaml.safe_load(front), body


def test_every_fact_is_in_the_card() -> None:
    assert set(FULL) == set(FACTS)
    front, body = _parts(model_card(FULL))
    assert front == {
        "library_name": "transformers",
        "pipeline_tag": "text-classification",
        "tags": ["isogloss", "cross-lingual-transfer"],
        "base_model": "intfloat/multilingual-e5-small",
        "language": ["en", "de"],
    }
    for text in (
        "# Reviews, German",
        "| Source | reviews-en\\.csv |",
        "(recipe iwda)",
        "* A second",
        "had no labels in training, but for 240 rows on which the last layer was refitted.\n",
    ):
        assert text in body
    assert "| Labels (2) | bad, good |" in body
    assert (
        "its 95 % interval.\n\n| Label | Source | Target, estimated |\n| --- | ---: | ---: |\n"
        "| bad | 0.250 | 0.500 (0.400 to 0.625) |\n| good | 0.750 | 0.500 (0.375 to 0.600) |\n\n"
        "It differs, by 3 %\\. Class &lt;b&gt; too\\.\n\n## Results\n"
    ) in body
    assert "| zero-shot | test | macro\\_f1 | 0.8765 |\n" in body
    assert "The head reads the mean" in body
    assert "\nMIT\n" in body


@pytest.mark.parametrize(
    ("recipe", "told"),
    [
        ("supervised", "trained on labelled data in the target language."),
        ("bilingual", "trained on labelled data in a source and in the target language."),
        ("iwda-oracle", "had no labels in training, but told of its class balance."),
        ("iwda", "had no labels in training."),
    ],
)
def test_the_card_tells_which_labels_were_seen(recipe: str, told: str) -> None:
    _, body = _parts(model_card(FULL | {"recipe": recipe, "refitted_on": None}))
    opening = body.partition("\n\n|")[0]
    assert f"(recipe {inert(recipe)}): trained on" in opening
    assert opening.endswith(told)


def test_a_known_prior_has_its_own_column() -> None:
    prior = {"source": [0.25, 0.75], "predicted": [0.3, 0.7], "true": [0.1, 0.9]}
    _, body = _parts(model_card(FULL | {"prior": prior}))
    assert "| Label | Source | Target, as predicted | Target, true |" in body
    assert "| good | 0.750 | 0.700 | 0.900 |" in body
    assert "interval" not in body


def test_what_is_not_known_is_left_out() -> None:
    card = model_card({"base_model": "some/where/else", "task": "token", "labels": ["O", "B-LOC"]})
    front, body = _parts(card)
    assert front["pipeline_tag"] == "token-classification"
    assert "base_model" not in front
    assert "language" not in front
    for text in ("Source", "priors", "Results", "Notes", "None", "Pooling", "Preset"):
        assert text not in body


@pytest.mark.parametrize("kind", ["sequence", "pair", "token"])
def test_the_example_is_python(kind: str) -> None:
    card = model_card({"base_model": "b", "task": kind, "labels": ["a", "b"]})
    code = card.split("```python\n")[1].split("```")[0]
    compile(code, "example", "exec")
    assert "text_pair" in code if kind == "pair" else "text_pair" not in code


@pytest.mark.parametrize("fact", [name for name in FACTS if name not in FIXED])
def test_user_texts_are_inert(fact: str) -> None:
    shapes: dict[str, Any] = {
        "labels": [NASTY, "good"],
        "notes": [NASTY],
        "metrics": {NASTY: {NASTY: {NASTY: 0.5}}},
    }
    card = model_card(FULL | {fact: shapes.get(fact, NASTY)})
    front, body = _parts(card)
    assert set(front) <= {"library_name", "pipeline_tag", "tags", "base_model", "language"}
    assert inert(NASTY) in body
    for raw in ("<script>", "[x](", "**b**", "`c`", "{{ 7", "49", "\n# H", "\u202e"):
        assert raw not in body
    # Nothing of it opened a table cell or a line of its own.
    plain = model_card(FULL | {fact: shapes.get(fact, NASTY)} | {"notes": None})
    rows = [line for line in plain.splitlines() if line.startswith("| Labels")]
    assert len(rows) == 1
    assert rows[0].replace("\\|", "").count("|") == 3


def test_front_matter_takes_only_what_fits_its_fields() -> None:
    card = model_card(
        FULL | {"base_model": "a/b\nlicense: x", "languages": ["de", "x: y", "en-GB"]}
    )
    front, _ = _parts(card)
    assert "base_model" not in front
    assert "license" not in front
    assert front["language"] == ["de", "en-GB"]


def test_the_offline_encoder_goes_by_its_published_name() -> None:
    front, body = _parts(model_card(FULL | {"base_model": "offline"}))
    assert front["base_model"] == "intfloat/multilingual-e5-small"
    assert "offline" not in body


def test_inert_keeps_writing_systems_whole() -> None:
    text = "Größe, 很好, می‌خواهم, it's 50%"
    assert inert(text) == text


def test_inert_joins_lines_and_drops_control_characters() -> None:
    assert inert("a\n\nb\x00c\u2028d\te") == "a b c d e"


def test_a_fact_of_another_name_is_a_mistake() -> None:
    with pytest.raises(ValueError, match="metric"):
        model_card(FULL | {"metric": {}})
