"""Proxies that break connections."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing

import pytest

from streamdet.chaos.fault_proxy import FaultProxy


@pytest.fixture
def start_fault_proxy() -> Iterator[Callable[[int], FaultProxy]]:
    """Starts proxies before servers on these ports, closed when the test ends."""
    with ExitStack() as proxies:

        def start(server_port: int) -> FaultProxy:
            return proxies.enter_context(closing(FaultProxy(server_port)))

        yield start
