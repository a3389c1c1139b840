"""What the CPU can compute with, as the kernel tells; nothing is imported to look at it."""

from __future__ import annotations

import hashlib
from pathlib import Path


def has_bf16() -> bool:
    """Whether the CPU computes in bf16 (AVX-512 BF16 or AMX)."""
    flags = _flags()
    return "avx512_bf16" in flags or "amx_bf16" in flags


def has_int8() -> bool:
    """Whether the CPU sums products of 8 bits in 32 bits (VNNI or AMX).

    Others sum pairs of them in 16, where large ones saturate: a layer of OpenVINO's whose inputs
    and weights were all between half and one was wrong by 54 % (AVX-512 without VNNI).
    """
    flags = _flags()
    return "avx512_vnni" in flags or "avx_vnni" in flags or "amx_int8" in flags


def cpu_model() -> str:
    """The CPU's model as the kernel names it; "unknown" where it does not."""
    return next(iter(_values("model name")), "unknown")


def flags_digest() -> str:
    """A digest of what the CPU can do, in an order of its own."""
    return hashlib.sha256(" ".join(sorted(_flags())).encode()).hexdigest()[:16]


def _flags() -> frozenset[str]:
    return frozenset(word for value in _values("flags", "Features") for word in value.split())


def _values(*keys: str) -> list[str]:
    """What the kernel states under a key, once for each core."""
    rows = (line.partition(":") for line in Path("/proc/cpuinfo").read_text().splitlines())
    return [value.strip() for name, _, value in rows if name.strip() in keys]
