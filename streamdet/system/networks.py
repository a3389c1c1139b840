"""Which addresses may be called: a name is looked up once, and the address that was checked called.

Who can have this program call an address could make it ask things of machines that only this one
reaches: of this machine itself, of its local network, of a cloud's metadata service.
"""

from __future__ import annotations

import socket
from collections.abc import Sequence
from dataclasses import dataclass, replace
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address, ip_network
from threading import Thread
from typing import Final

from streamdet.errors import StreamdetError

THIS_MACHINE: Final = ("127.0.0.0/8", "::1/128", "0.0.0.0/8", "::/128")
LINK_LOCAL: Final = (
    *("169.254.0.0/16", "fe80::/10"),
    # Metadata services of clouds outside of these: AWS, Alibaba, Azure, Oracle.
    *("fd00:ec2::254/128", "100.100.100.200/32", "168.63.129.16/32", "192.0.0.192/32"),
)
_NAT64: Final = IPv6Network("64:ff9b::/96")
"""An IPv4 address stands in the last 32 bits (RFC 6052)."""


class UnknownHostError(StreamdetError):
    """A name has no address, for now."""


class SlowLookupError(UnknownHostError):
    """Nobody has said in time which addresses a name has."""


@dataclass(frozen=True, slots=True)
class Networks:
    """Which addresses may be called.

    Attributes:
        allow: if there are any, all others are refused, such as "10.0.0.0/8".
        deny: these are refused in any case.
        deny_unless_allowed: these are refused where `allow` is empty.
    """

    allow: tuple[str, ...] = ()
    deny: tuple[str, ...] = ()
    deny_unless_allowed: tuple[str, ...] = ()

    @property
    def may_refuse(self) -> bool:
        """Whether there is any address that is refused."""
        return bool(self.allow or self.deny or self.deny_unless_allowed)

    @property
    def led_on(self) -> Networks:
        """What may be called because somebody who was called says so."""
        return replace(self, deny_unless_allowed=(*THIS_MACHINE, *LINK_LOCAL))

    def refusal(self, address: str) -> str:
        """Say in a sentence why an address, in numbers, is not called; "" where it is."""
        plain = plain_address(address)
        if network := _found(plain, self.deny):
            return f"{address} is not called: deny_networks of the deploy file has {network}"
        if self.allow:
            is_in = _found(plain, self.allow)
            return "" if is_in else f"{address} is not called: it is not in allow_networks"
        if network := _found(plain, self.deny_unless_allowed):
            return (
                f"{address} is not called: a camera that was added, or led to by another, may be in"
                f" {network} only if allow_networks of the deploy file has it"
            )
        return ""


EVERYWHERE: Final = Networks()


def look_up(host: str, port: int | None = None, limit_s: float | None = None) -> Sequence[str]:
    """Look up the addresses of a name, in numbers; those of numbers are themselves.

    Args:
        host: name or number.
        port: of the service.
        limit_s: longest wait, seconds; None: as long as the system waits.

    Raises:
        UnknownHostError: it has none.
    """
    found: list[Sequence[str] | UnknownHostError] = []

    def look() -> None:
        try:
            each = socket.getaddrinfo(host, port, proto=socket.IPPROTO_TCP)
            found.append(list(dict.fromkeys(str(one[4][0]) for one in each)))
        except (OSError, ValueError) as exc:
            found.append(UnknownHostError(getattr(exc, "strerror", None) or str(exc)))

    thread = Thread(target=look, daemon=True)
    thread.start()
    thread.join(limit_s)
    if not found:
        raise SlowLookupError(f"there was no answer within {limit_s:g} s")
    if isinstance(found[0], UnknownHostError):
        raise found[0]
    return found[0]


def is_number(host: str) -> bool:
    """Whether a host is an address in numbers."""
    try:
        plain_address(host)
    except ValueError:
        return False
    return True


def plain_address(address: str) -> IPv4Address | IPv6Address:
    """Read an address in numbers; of an IPv4 address that is written as IPv6, that."""
    parsed = ip_address(address.partition("%")[0])
    if isinstance(parsed, IPv6Address):
        if parsed in _NAT64:
            return IPv4Address(int(parsed) & 0xFFFFFFFF)
        return parsed.ipv4_mapped or parsed
    return parsed


def _found(address: IPv4Address | IPv6Address, networks: Sequence[str]) -> str | None:
    return next((network for network in networks if address in ip_network(network)), None)
