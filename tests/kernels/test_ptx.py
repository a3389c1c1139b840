"""PTX is compiled once, for what its sources are, and a failure is one sentence."""

from __future__ import annotations

from pathlib import Path

import pytest

from streamdet.errors import EngineError
from streamdet.kernels import ptx
from tests.required import skip_for_want_of

KERNEL = 'extern "C" __global__ void one(int* at) { *at = VALUE; }\n'


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Sources of a kernel of our own, and an empty cache."""
    if ptx.find_nvcc() is None:
        skip_for_want_of("nvcc", "no nvcc here")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    sources = tmp_path / "sources"
    sources.mkdir()
    (sources / "one.cu").write_text('#include "value.cuh"\n' + KERNEL)
    (sources / "value.cuh").write_text("constexpr int VALUE = 1;\n")
    (sources / "other.cuh").write_text("constexpr int OTHER = 1;\n")
    return sources


def cached(tmp_path: Path) -> list[str]:
    return sorted(path.name for path in tmp_path.glob("cache/streamdet/kernels/*"))


def test_ptx_is_compiled_once_and_kept(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = ptx.ptx("one", folder)
    assert b".target sm_75" in text
    assert b".visible .entry one(" in text
    assert len(cached(tmp_path)) == 1
    monkeypatch.setenv("PATH", "")
    assert ptx.ptx("one", folder) == text


def test_a_header_that_is_included_makes_other_ptx_and_no_other_does(folder: Path) -> None:
    digest = ptx.digest("one", folder)
    (folder / "other.cuh").write_text("constexpr int OTHER = 2;\n")
    assert ptx.digest("one", folder) == digest
    (folder / "value.cuh").write_text("constexpr int VALUE = 2;\n")
    assert ptx.digest("one", folder) != digest


def test_what_cannot_be_compiled_is_one_sentence_and_leaves_nothing(
    folder: Path, tmp_path: Path
) -> None:
    (folder / "value.cuh").write_text("")
    with pytest.raises(EngineError, match=r"one\.cu: .*VALUE.*undefined") as caught:
        ptx.ptx("one", folder)
    assert "\n" not in str(caught.value)
    assert cached(tmp_path) == []


def test_an_unknown_kernel_is_told_which_there_are() -> None:
    with pytest.raises(EngineError, match="no kernel 'nmss', only draw, nms, nv12, prepare"):
        ptx.ptx("nmss")
