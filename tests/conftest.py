"""Fixtures that every test may use."""

from __future__ import annotations

import os
import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.emulation.emulated import (
    cuda_context,
    emulated_cuda,
    emulated_gpu,
    emulated_module,
)
from tests.redis_server import RedisServer
from tests.required import skip_for_want_of

if TYPE_CHECKING:
    from tests.s3_server import S3Server

__all__ = ["cuda_context", "emulated_cuda", "emulated_gpu", "emulated_module"]

ROOT = Path(__file__).parent.parent


def pytest_configure() -> None:
    """Take SIGINT as at a terminal.

    A shell starts with SIGINT ignored what it starts in the background (`pytest &`); every process
    that a test starts would inherit that, and a stop by Ctrl-C would do nothing.
    """
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def data() -> Path:
    """The developers' test material; skips (fails in CI) where it is absent."""
    folder = Path(os.environ.get("STREAMDET_TEST_DATA", ROOT.parent / "shared" / "data"))
    if not folder.is_dir():
        skip_for_want_of("data", f"no test data at {folder}: set STREAMDET_TEST_DATA")
    return folder.resolve()


@pytest.fixture(scope="session")
def redis_server() -> Iterator[RedisServer]:
    """A real Redis server that lives as long as the tests."""
    # The path of a unix socket may have 107 characters: tmp_path is too long for it.
    server = RedisServer(Path(tempfile.mkdtemp(prefix="sd-redis-")))
    yield server
    server.stop()


@pytest.fixture(scope="session")
def s3() -> Iterator[S3Server]:
    """A real S3 server that lives as long as the tests."""
    from tests.s3_server import S3Server  # here: the tests of `make parity` have no moto

    server = S3Server()
    yield server
    server.stop()


@pytest.fixture
def short_folder() -> Iterator[Path]:
    """A folder whose path leaves room for a unix socket's name (107 bytes in all)."""
    with tempfile.TemporaryDirectory(prefix="sd-") as folder:
        yield Path(folder)
