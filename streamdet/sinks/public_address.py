"""Looks up a name whose addresses must be public ones, so that nobody is asked things by proxy.

An address that leads into the local network could make this program ask things of other machines
there on behalf of whoever wrote the graph. So every address that a name has must be public, unless
that is allowed, and who connects connects to the very address that was looked at.
"""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import IPv6Address, ip_address
from socket import IPPROTO_TCP, getaddrinfo

from streamdet.sinks.sender import DeliveryError


class PrivateAddressError(DeliveryError):
    """A name leads into the local network."""


def addresses(host: str, port: int, *, allow_private: bool) -> Sequence[str]:
    """Look up the addresses of a name.

    Raises:
        PrivateAddressError: one of them is not public.
        DeliveryError: it has none, for now.
    """
    try:
        found = getaddrinfo(host, port, proto=IPPROTO_TCP)
    except (OSError, UnicodeError) as exc:
        reason = getattr(exc, "strerror", None) or str(exc)
        raise DeliveryError(f"{host} has no address: {reason}") from exc
    listed = list(dict.fromkeys(str(each[4][0]) for each in found))
    private = [each for each in listed if not _is_public(each)]
    if private and not allow_private:
        raise PrivateAddressError(
            f"webhook: {host} leads to {private[0]}, which is not public: state"
            " `allow_private: true` at the node if this machine or your own network is meant"
        )
    return listed


def _is_public(address: str) -> bool:
    """Whether an address leads to the internet; IPv4 may be written as IPv6."""
    parsed = ip_address(address.partition("%")[0])
    return ((isinstance(parsed, IPv6Address) and parsed.ipv4_mapped) or parsed).is_global
