"""Places and servers that a fault test may ruin."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.place import Place
from tests.redis_server import RedisServer


@pytest.fixture
def place() -> Iterator[Place]:
    made = Place()
    yield made
    made.remove()


@pytest.fixture
def server() -> Iterator[RedisServer]:
    """An external server of this test's own."""
    made = RedisServer(Path(tempfile.mkdtemp(prefix="sd-redis-")))
    yield made
    made.stop()
