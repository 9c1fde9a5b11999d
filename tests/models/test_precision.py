"""Detection of bfloat16 hardware."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from isogloss.errors import IsoglossError
from isogloss.models import precision as module
from isogloss.models.precision import ProcessorFeatures, choose_precision, processor_features

NOTHING = ProcessorFeatures(amx=False, avx512_bf16=False, arm_bf16=False)


def _cpu_info(folder: Path, line: str) -> Path:
    path = folder / "cpuinfo"
    path.write_text(f"processor\t: 0\nmodel name\t: avx512_bf16 bf16\n{line}\n", encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("flags\t\t: fpu sse avx2 avx512f avx512_vnni", []),
        ("flags\t\t: fpu avx512f avx512_bf16", ["avx512_bf16"]),
        ("flags\t\t: avx512_bf16 amx_bf16 amx_tile amx_int8", ["amx", "avx512_bf16"]),
        ("flags\t\t: amx_tile amx_int8", []),
        ("Features\t: fp asimd bf16 i8mm", ["arm_bf16"]),
        ("", []),
    ],
)
def test_reads_the_processor_description(tmp_path: Path, line: str, found: list[str]) -> None:
    features = processor_features(_cpu_info(tmp_path, line))
    assert [name for name, there in vars(features).items() if there] == found
    assert features.bf16 is bool(found)


def test_without_a_description_torch_decides(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cpu, "_is_amx_tile_supported", lambda: True, raising=False)
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: False, raising=False)
    features = processor_features(tmp_path / "nothing")
    assert features == ProcessorFeatures(amx=True, avx512_bf16=False, arm_bf16=False)
    monkeypatch.delattr(torch.cpu, "_is_amx_tile_supported")
    assert processor_features(tmp_path / "nothing") == NOTHING


@pytest.mark.parametrize("there", [True, False])
def test_auto_follows_the_processor(monkeypatch: pytest.MonkeyPatch, there: bool) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    features = ProcessorFeatures(amx=False, avx512_bf16=there, arm_bf16=False)
    monkeypatch.setattr(module, "processor_features", lambda: features)
    assert choose_precision() == ("bf16" if there else "fp32")


@pytest.mark.parametrize("there", [True, False])
def test_auto_follows_the_accelerator_where_there_is_one(
    monkeypatch: pytest.MonkeyPatch, there: bool
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation: there)
    features = ProcessorFeatures(amx=not there, avx512_bf16=False, arm_bf16=False)
    monkeypatch.setattr(module, "processor_features", lambda: features)
    assert choose_precision("auto") == ("bf16" if there else "fp32")


def test_a_given_precision_is_taken() -> None:
    assert choose_precision("bf16") == "bf16"
    assert choose_precision("fp32") == "fp32"


def test_unknown_precision() -> None:
    with pytest.raises(IsoglossError, match=r"E350: .*'fp16'.*auto, bf16 or fp32"):
        choose_precision("fp16")
