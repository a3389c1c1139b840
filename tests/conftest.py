"""Fixtures that every test may use."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="session")
def data() -> Path:
    """The developers' test material; skips (fails in CI) where it is absent."""
    folder = Path(os.environ.get("STREAMDET_TEST_DATA", ROOT.parent / "shared" / "data"))
    if not folder.is_dir():
        reason = f"no test data at {folder}: set STREAMDET_TEST_DATA"
        if "data" in os.environ.get("STREAMDET_REQUIRE", "").split(","):
            pytest.fail(reason)
        pytest.skip(reason)
    return folder.resolve()
