"""What a model folder may not make isogloss do."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import isogloss
from isogloss.errors import IsoglossError
from isogloss.models.sources import locate
from isogloss.recipes import serving
from tests.helpers.models import save_tiny

ROOT = Path(isogloss.__file__).parent


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    save_tiny(tmp_path / "model", "bert")
    (tmp_path / "model" / "model.safetensors").unlink()
    return tmp_path / "model"


def refused(folder: Path) -> str:
    with pytest.raises(IsoglossError) as caught:
        locate(folder)
    return str(caught.value)


@pytest.mark.parametrize(
    "name", ["pytorch_model.bin", "pytorch_model-00001-of-00002.bin", "model.pt", "a.ckpt", "a.pkl"]
)
def test_pickles_are_refused_by_name(folder: Path, name: str) -> None:
    (folder / name).write_bytes(b"cos\nsystem\n(S'true'\ntR.")
    assert refused(folder).startswith("E313")
    assert name in refused(folder)


@pytest.mark.parametrize(
    "part",
    ["pytorch_model.bin", "../a.safetensors", "/a.safetensors", "x/a.safetensors", "", None, 3],
)
def test_an_index_of_weights_names_safetensors_beside_it(folder: Path, part: Any) -> None:
    index = folder / "model.safetensors.index.json"
    index.write_text(json.dumps({"weight_map": {"a": part}}), "utf-8")
    assert refused(folder).startswith("E360")
    index.write_text(json.dumps({"weight_map": {"a": "model-1-of-2.safetensors"}}), "utf-8")
    assert locate(folder).is_local


@pytest.mark.parametrize(("text", "code"), [("[", "E326"), ("[]", "E360"), ("[" * 9999, "E326")])
def test_a_damaged_index(folder: Path, text: str, code: str) -> None:
    (folder / "model.safetensors.index.json").write_text(text, "utf-8")
    assert refused(folder).startswith(code)


@pytest.mark.parametrize("trusted", [False, True])
def test_trust_in_code_is_passed_on_as_told(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, trusted: bool
) -> None:
    settings = dict.fromkeys(serving.NEEDED) | {"task": "sequence", "labels": ["a", "b"]}
    settings |= {"text": "text", "label": "label", "trust_remote_code": True}
    (tmp_path / "config.json").write_text(json.dumps({"isogloss": settings}), "utf-8")
    seen: list[bool] = []

    def load(*_: Any, trust_remote_code: bool, **__: Any) -> None:
        seen.append(trust_remote_code)
        raise IsoglossError("E311", name="x")

    monkeypatch.setattr(serving, "load_backbone", load)
    for options in ({}, {"trust_remote_code": trusted}):
        with pytest.raises(IsoglossError):
            serving.open_served(tmp_path, **options)
    assert seen == [False, trusted]


@pytest.mark.parametrize("text", ["[", "[]", "3", '{"isogloss": []}', '{"isogloss": {}}'])
def test_a_damaged_configuration_is_named(tmp_path: Path, text: str) -> None:
    (tmp_path / "config.json").write_text(text, "utf-8")
    with pytest.raises(IsoglossError, match=r"E321|E526"):
        serving.open_served(tmp_path)


def test_no_archive_is_unpacked_and_no_pickle_read() -> None:
    """Packages' files are read where pip put them, so there is no path in an archive to check."""
    for path in ROOT.rglob("*.py"):
        text = path.read_text("utf-8")
        for word in ("zipfile", "tarfile", "unpack_archive", "import pickle", "torch.load("):
            assert word not in text, path
