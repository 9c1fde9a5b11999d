"""Corpora: the paper's four and a stand-in; where files of them lie, their labels and licences."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from isogloss.data.columns import Kind

# The names that each split goes by in files.
SPLITS = {
    "train": ("train",),
    "validation": ("validation", "dev", "valid"),
    "test": ("test",),
}


@dataclass(frozen=True, kw_only=True)
class Layout:
    """One form in which a corpus lies in a folder.

    Attributes:
        pattern: of the path within the folder, with `{language}` and `{split}`.
        format: as `isogloss.load` takes it.
        form: what has to be done before it can be loaded; a key of `reading.FORMS`.
        splits: split -> the names it goes by in files.
        languages: language -> the name it goes by in files; empty: its code.
        language_column: of a file that holds all languages.
    """

    pattern: str
    format: str
    form: str = "plain"
    splits: Mapping[str, tuple[str, ...]] = field(default_factory=lambda: SPLITS)
    languages: Mapping[str, str] = field(default_factory=dict)
    language_column: str | None = None


@dataclass(frozen=True, kw_only=True)
class HubPlace:
    """Where the hub has a language of a corpus.

    Attributes:
        id: `owner/name`.
        config: of the data set.
        revision: of the data set; None: its newest.
    """

    id: str
    config: str | None = None
    revision: str | None = None


@dataclass(frozen=True, kw_only=True)
class Corpus:
    """A corpus that several languages have.

    Attributes:
        title: its name in full.
        kind: of task.
        languages: codes, the source first.
        labels: of a text, in order; empty for tags.
        licence: in a sentence.
        columns: canonical column -> the names it goes by.
        same: other spellings of a label -> the label.
        layouts: where files may lie, best first.
        hub: language -> place.
    """

    title: str
    kind: Kind
    languages: tuple[str, ...]
    labels: tuple[str, ...]
    licence: str
    columns: Mapping[str, tuple[str, ...]]
    same: Mapping[str, str] = field(default_factory=dict)
    layouts: tuple[Layout, ...] = ()
    hub: Mapping[str, HubPlace] = field(default_factory=dict)


def usual(*endings: str, form: str = "plain") -> tuple[Layout, ...]:
    """`<language>.<split>` with each of some endings."""
    formats = {"bio": "conll"}
    return tuple(
        Layout(pattern=f"{{language}}.{{split}}.{end}", format=formats.get(end, end), form=form)
        for end in endings
    )


MARC_LANGUAGES = ("en", "de", "es", "fr", "ja", "zh")
CONLL_LANGUAGES = ("en", "de", "es", "nl")
XNLI_LANGUAGES = (
    "en", "ar", "bg", "de", "el", "es", "fr", "hi", "ru", "sw", "th", "tr", "ur", "vi", "zh",
)  # fmt: skip
# The forty of XTREME (Hu et al. 2020).
WIKIANN_LANGUAGES = (
    "en", "af", "ar", "bg", "bn", "de", "el", "es", "et", "eu", "fa", "fi", "fr", "he",
    "hi", "hu", "id", "it", "ja", "jv", "ka", "kk", "ko", "ml", "mr", "ms", "my", "nl",
    "pt", "ru", "sw", "ta", "te", "th", "tl", "tr", "ur", "vi", "yo", "zh",
)  # fmt: skip
TWEETS = {
    "en": "english", "ar": "arabic", "de": "german", "es": "spanish", "fr": "french",
    "hi": "hindi", "it": "italian", "pt": "portuguese",
}  # fmt: skip
_PARQUET = "refs/convert/parquet"
_TAG_COLUMNS = {"tokens": ("tokens", "words"), "tags": ("tags", "ner_tags", "labels")}

CORPORA = {
    "marc": Corpus(
        title="the Multilingual Amazon Reviews Corpus (Keung et al. 2020)",
        kind="sequence",
        languages=MARC_LANGUAGES,
        labels=("1", "2", "3", "4", "5"),
        licence="Amazon's own licence, for academic research only",
        columns={"text": ("text", "review_body"), "label": ("label", "stars")},
        layouts=(
            *usual("csv", "tsv", form="maybe-headerless"),
            *usual("jsonl", "parquet"),
            *(
                Layout(
                    pattern=f"{folder}dataset_{{language}}_{{split}}.json",
                    format="jsonl",
                    splits={**SPLITS, "validation": ("dev",)},
                )
                for folder in ("", "{split}/", "json/{split}/")
            ),
            *(
                Layout(pattern=f"{{split}}.{end}", format=end, language_column="language")
                for end in ("csv", "jsonl")
            ),
        ),
    ),
    "conll": Corpus(
        title="CoNLL-2002 and CoNLL-2003 (Tjong Kim Sang 2002, Tjong Kim Sang & De Meulder 2003)",
        kind="token",
        languages=CONLL_LANGUAGES,
        labels=(),
        licence="research only: English is Reuters text (agreement with NIST), German the "
        "Frankfurter Rundschau of the ECI corpus, Spanish of EFE, Dutch of De Morgen",
        columns=_TAG_COLUMNS,
        layouts=(
            *usual("conll", "bio"),
            *usual("jsonl", "parquet"),
            *(
                Layout(
                    pattern=f"{{language}}.{{split}}{ending}",
                    format="conll",
                    form="maybe-latin-1",
                    splits={"train": ("train",), "validation": ("testa",), "test": ("testb",)},
                    languages={"en": "eng", "de": "deu", "es": "esp", "nl": "ned"},
                )
                for ending in ("", ".txt")
            ),
        ),
        hub={
            "en": HubPlace(id="eriktks/conll2003", revision=_PARQUET),
            "es": HubPlace(id="eriktks/conll2002", config="es", revision=_PARQUET),
            "nl": HubPlace(id="eriktks/conll2002", config="nl", revision=_PARQUET),
        },
    ),
    "wikiann": Corpus(
        title="WikiANN (Pan et al. 2017) in the splits of Rahimi et al. 2019",
        kind="token",
        languages=WIKIANN_LANGUAGES,
        labels=(),
        licence="text of Wikipedia, CC BY-SA; none is stated for the annotation",
        columns=_TAG_COLUMNS,
        layouts=(
            *usual("conll", "bio"),
            *usual("jsonl", "parquet"),
            *(
                Layout(
                    pattern=f"{folder}{{split}}-{{language}}.tsv",
                    format="conll",
                    form="words",
                    splits=SPLITS,
                )
                for folder in ("", "panx/")
            ),
            *(
                Layout(
                    pattern=f"{folder}{{language}}/{{split}}",
                    format="conll",
                    form="words",
                    splits=SPLITS,
                )
                for folder in ("", "panx_dataset/")
            ),
        ),
        hub={code: HubPlace(id="unimelb-nlp/wikiann", config=code) for code in WIKIANN_LANGUAGES},
    ),
    "xnli": Corpus(
        title="XNLI (Conneau et al. 2018)",
        kind="pair",
        languages=XNLI_LANGUAGES,
        labels=("entailment", "neutral", "contradiction"),
        licence="CC BY-NC 4.0; the training rows are MultiNLI's, under the licences of its sources",
        columns={
            "text": ("text", "premise", "sentence1"),
            "text_pair": ("text_pair", "hypothesis", "hypo", "sentence2"),
            "label": ("label", "gold_label"),
        },
        same={
            "contradictory": "contradiction",
            "0": "entailment",
            "1": "neutral",
            "2": "contradiction",
        },
        layouts=(
            *usual("csv", "tsv", form="maybe-headerless"),
            *usual("jsonl", "parquet"),
            *(
                Layout(pattern=pattern, format="tsv", form="unquoted", splits={"train": ("train",)})
                for pattern in (
                    "multinli.train.{language}.tsv",
                    "multinli/multinli.train.{language}.tsv",
                    "XNLI-MT-1.0/multinli/multinli.train.{language}.tsv",
                )
            ),
            *(
                Layout(
                    pattern=f"{folder}xnli.{{split}}.tsv",
                    format="tsv",
                    form="unquoted",
                    splits={"validation": ("dev",), "test": ("test",)},
                    language_column="language",
                )
                for folder in ("", "XNLI-1.0/")
            ),
            *(
                Layout(
                    pattern=f"{folder}{{split}}-{{language}}.tsv",
                    format="tsv",
                    form="unquoted",
                    splits={**SPLITS, "validation": ("dev",)},
                )
                for folder in ("", "xnli/")
            ),
            *(
                Layout(
                    pattern=f"{folder}translate-train/en-{{language}}-translated.tsv",
                    format="tsv",
                    form="unquoted",
                    splits={"train": ("train",)},
                )
                for folder in ("", "xnli/")
            ),
        ),
        hub={code: HubPlace(id="facebook/xnli", config=code) for code in XNLI_LANGUAGES},
    ),
    # Not the paper's: single texts in balance, for its studies of shift without MARC.
    "tweets": Corpus(
        title="UMSAB, sentiment of tweets (Barbieri et al. 2022)",
        kind="sequence",
        languages=tuple(TWEETS),
        labels=("negative", "neutral", "positive"),
        licence="the tweets' own corpora, for research",
        columns={"text": ("text",), "label": ("label",)},
        same={"0": "negative", "1": "neutral", "2": "positive"},
        layouts=(
            *usual("csv", "tsv", form="maybe-headerless"),
            *usual("jsonl", "parquet"),
        ),
        hub={
            code: HubPlace(
                id="cardiffnlp/tweet_sentiment_multilingual", config=name, revision=_PARQUET
            )
            for code, name in TWEETS.items()
        },
    ),
}


@dataclass(frozen=True, kw_only=True)
class PaperModel:
    """An encoder of the paper.

    Attributes:
        id: on the hub.
        rate: what its learning rates are of mBERT's.
    """

    id: str
    rate: float = 1.0


# Xian, Ji & Zhao, ICLR 2022, appendix C.2: XLM-R's learning rate is half of mBERT's.
MODELS = {
    "mbert": PaperModel(id="google-bert/bert-base-multilingual-cased"),
    "xlm-r-large": PaperModel(id="FacebookAI/xlm-roberta-large", rate=0.5),
}
