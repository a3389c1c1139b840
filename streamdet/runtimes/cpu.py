"""What the CPU can compute with, as the kernel tells; nothing is imported to look at it."""

from __future__ import annotations

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


def _flags() -> frozenset[str]:
    return frozenset(Path("/proc/cpuinfo").read_text().split())
