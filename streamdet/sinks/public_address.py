"""Looks up a name whose addresses must be public ones, so that nobody is asked things by proxy.

An address that leads into the local network could make this program ask things of other machines
there on behalf of whoever wrote the graph. So every address that a name has must be public, unless
that is allowed, and who connects connects to the very address that was looked at.
"""

from __future__ import annotations

from collections.abc import Sequence

from streamdet.sinks.sender import DeliveryError
from streamdet.system.networks import UnknownHostError, look_up, plain_address


class PrivateAddressError(DeliveryError):
    """A name leads into the local network."""


def addresses(host: str, port: int, *, allow_private: bool) -> Sequence[str]:
    """Look up the addresses of a name.

    Raises:
        PrivateAddressError: one of them is not public.
        DeliveryError: it has none, for now.
    """
    try:
        listed = look_up(host, port)
    except UnknownHostError as exc:
        raise DeliveryError(f"{host} has no address: {exc}") from exc
    private = [each for each in listed if not plain_address(each).is_global]
    if private and not allow_private:
        raise PrivateAddressError(
            f"webhook: {host} leads to {private[0]}, which is not public: state"
            " `allow_private: true` at the node if this machine or your own network is meant"
        )
    return listed
