"""Which arithmetic this machine does in hardware."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import torch

from isogloss.errors import IsoglossError

Precision = Literal["bf16", "fp32"]

_CPU_INFO = Path("/proc/cpuinfo")


@dataclass(frozen=True, kw_only=True)
class ProcessorFeatures:
    """What the processor multiplies bfloat16 with.

    Attributes:
        amx: x86 matrix tiles (AMX-BF16).
        avx512_bf16: x86 vector instructions.
        arm_bf16: the bfloat16 extension of ARMv8.
    """

    amx: bool
    avx512_bf16: bool
    arm_bf16: bool

    @property
    def bf16(self) -> bool:
        """Whether any of them is there."""
        return self.amx or self.avx512_bf16 or self.arm_bf16


def processor_features(cpu_info: Path = _CPU_INFO) -> ProcessorFeatures:
    """Read the processor's features from the system, or else ask torch.

    Args:
        cpu_info: Linux's description of the processor; where there is none, torch's own detection
            counts.
    """
    if not cpu_info.is_file():
        return ProcessorFeatures(
            amx=_torch_detects("_is_amx_tile_supported"),
            avx512_bf16=_torch_detects("_is_avx512_bf16_supported"),
            arm_bf16=False,
        )
    flags: set[str] = set()
    for line in cpu_info.read_text(encoding="utf-8", errors="replace").splitlines():
        key, _, value = line.partition(":")
        # x86 calls the list "flags", ARM calls it "Features".
        if key.strip() in ("flags", "Features"):
            flags.update(value.split())
    return ProcessorFeatures(
        amx={"amx_tile", "amx_bf16"} <= flags,
        avx512_bf16="avx512_bf16" in flags,
        arm_bf16="bf16" in flags,
    )


def choose_precision(precision: str = "auto") -> Precision:
    """The precision to compute in.

    Args:
        precision: "bf16" or "fp32" are taken as they are; "auto" takes bfloat16 where the
            accelerator, or without one the processor, has it in hardware.

    Returns:
        "bf16" for mixed precision in bfloat16, "fp32" for single precision throughout.

    Raises:
        IsoglossError: E350 for anything else.
    """
    if precision == "bf16":
        return "bf16"
    if precision == "fp32":
        return "fp32"
    if precision != "auto":
        raise IsoglossError("E350", precision=precision)
    if torch.cuda.is_available():
        has_bf16 = torch.cuda.is_bf16_supported(including_emulation=False)
    else:
        has_bf16 = processor_features().bf16
    return "bf16" if has_bf16 else "fp32"


def _torch_detects(name: str) -> bool:
    # These are private to torch and come and go between versions.
    detect = getattr(torch.cpu, name, None)
    return bool(detect is not None and detect())
