"""Tiny fast tokenizers of the kinds that real encoders come with."""

from __future__ import annotations

from collections.abc import Iterable

from tokenizers import (
    Tokenizer,
    decoders,
    models,
    normalizers,
    pre_tokenizers,
    processors,
    trainers,
)
from transformers import PreTrainedTokenizerFast

SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]"]

TEXTS = (
    "Anna lives in Berlin near the old river .",
    "The Acme Corporation of New York makes good books and fine food .",
    "Peter und Anna wohnen in der alten Stadt Hamburg .",
    "a good book , a bad film , and the food was not very good .",
)


def wordpiece_tokenizer(texts: Iterable[str] = TEXTS) -> PreTrainedTokenizerFast:
    """BERT's kind: lower case, control characters dropped, token types for pairs."""
    words = sorted({word for text in texts for word in text.lower().split()})
    letters = sorted({letter for word in words for letter in word})
    pieces = [*SPECIAL, *letters, *("##" + letter for letter in letters), *words]
    vocabulary = {piece: index for index, piece in enumerate(dict.fromkeys(pieces))}
    tokenizer = Tokenizer(models.WordPiece(vocabulary, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    return _finished(tokenizer, ["input_ids", "token_type_ids", "attention_mask"])


def unigram_tokenizer(texts: Iterable[str] = TEXTS) -> PreTrainedTokenizerFast:
    """XLM-R's kind: SentencePiece pieces, every word marked by its leading `▁`."""
    tokenizer = Tokenizer(models.Unigram())
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer.decoder = decoders.Metaspace()
    trainer = trainers.UnigramTrainer(
        vocab_size=120, special_tokens=SPECIAL, unk_token="[UNK]", show_progress=False
    )
    tokenizer.train_from_iterator(texts, trainer)
    return _finished(tokenizer)


def byte_level_tokenizer(
    texts: Iterable[str] = TEXTS, *, add_prefix_space: bool = False
) -> PreTrainedTokenizerFast:
    """RoBERTa's and ModernBERT's kind: bytes merged to pieces that hold the space before them."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.normalizer = normalizers.NFC()
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=add_prefix_space)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=400,
        special_tokens=SPECIAL,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    return _finished(tokenizer)


def space_marking_tokenizer(texts: Iterable[str] = TEXTS) -> PreTrainedTokenizerFast:
    """Gemma's and mmBERT's kind: the normaliser writes spaces as `▁`, none at the beginning."""
    tokenizer = Tokenizer(models.BPE(unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.Replace(" ", "▁")
    tokenizer.pre_tokenizer = pre_tokenizers.Split(" ", "merged_with_previous")
    # Without a split between words, merges would run across them while training.
    words = [" " + word for text in texts for word in text.split()]
    trainer = trainers.BpeTrainer(vocab_size=200, special_tokens=SPECIAL, show_progress=False)
    tokenizer.train_from_iterator(words, trainer)
    return _finished(tokenizer)


def _finished(
    tokenizer: Tokenizer, inputs: Iterable[str] = ("input_ids", "attention_mask")
) -> PreTrainedTokenizerFast:
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]",
        pair="[CLS] $A [SEP] $B:1 [SEP]:1",
        special_tokens=[(name, tokenizer.token_to_id(name)) for name in ("[CLS]", "[SEP]")],
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        model_input_names=list(inputs),
        model_max_length=512,
        pad_token="[PAD]",
        unk_token="[UNK]",
        cls_token="[CLS]",
        sep_token="[SEP]",
    )
