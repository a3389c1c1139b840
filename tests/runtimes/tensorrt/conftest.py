"""The TensorRT library of this venv, and kernels' PTX; engines are built here, never executed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from streamdet.errors import EngineError
from streamdet.kernels.ptx import find_nvcc
from streamdet.runtimes.tensorrt.library import installed_library
from tests.required import skip_for_want_of


@pytest.fixture(scope="session")
def tensorrt() -> str:
    """The name of the library; skips where there is none (`make test-tensorrt` installs it)."""
    try:
        name = installed_library()
    except EngineError as exc:
        skip_for_want_of("tensorrt", str(exc))
    if find_nvcc() is None:
        skip_for_want_of("tensorrt", "engines with plugins need nvcc, which compiles our kernels")
    return name


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty cache folder for what is built."""
    monkeypatch.setenv("STREAMDET_MODELS", str(tmp_path / "models"))
    yield tmp_path / "models"
