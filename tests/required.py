"""What a test needs and a machine may lack."""

from __future__ import annotations

import os
from typing import NoReturn

import pytest


def skip_for_want_of(what: str, reason: str) -> NoReturn:
    """Skips the test; fails it where STREAMDET_REQUIRE, a list with commas, names what lacks."""
    if what in os.environ.get("STREAMDET_REQUIRE", "").split(","):
        pytest.fail(reason)
    pytest.skip(reason)
