"""Cameras of a trial: each is reached by way of a proxy that breaks its connections."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Final

from streamdet.chaos.fault_proxy import FaultProxy
from streamdet.sources.live_address import is_live_address, parse_live

PROXIED: Final = {"rtsp": 554, "http": 80}
"""Scheme -> usual port. Those with TLS would not take the proxy for the camera."""


@contextmanager
def behind_proxies(sources: Sequence[str]) -> Iterator[tuple[list[str], list[FaultProxy]]]:
    """Put a proxy before each network camera, until the block ends.

    Args:
        sources: as `--source` has them.

    Returns:
        The sources with the proxies' addresses, and the proxies.

    Raises:
        ConfigError: an address is wrong.
    """
    with ExitStack() as stack:
        addresses, proxies = [], []
        for source in sources:
            address = parse_live(source) if is_live_address(source) else None
            if address is None or address.scheme not in PROXIED:
                addresses.append(source)
                continue
            proxy = FaultProxy(address.port or PROXIED[address.scheme], address.host)
            stack.callback(proxy.close)
            proxies.append(proxy)
            addresses.append(proxy.url(source))
        yield addresses, proxies


def source_of(proxy: FaultProxy) -> str:
    """How the ids of the sources begin that are reached through a proxy."""
    return f"127.0.0.1-{proxy.port}"
