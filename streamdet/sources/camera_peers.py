"""Finds out whom FFmpeg has called: of RTSP it follows redirects, and cannot be told not to.

So an RTSP camera that redirects has another machine asked (OPTIONS to PLAY) before that is seen;
then the connection is closed, and none of its images is decoded.
"""

from __future__ import annotations

import os
import socket
import stat
from collections.abc import Collection, Iterator
from contextlib import closing, suppress
from pathlib import Path

from streamdet.errors import CameraRefusedError
from streamdet.system.networks import Networks


def open_descriptors() -> set[int]:
    """List the open descriptors of this process."""
    return {int(path.name) for path in Path("/proc/self/fd").iterdir()}


def refuse_peers(descriptors: set[int], own: Collection[str], networks: Networks) -> None:
    """Refuse a camera that has led on to an address that may not be called.

    Args:
        descriptors: among them its connections.
        own: its own addresses.
        networks: where else its connections may lead.

    Raises:
        CameraRefusedError: it has.
    """
    for address in _peers(descriptors):
        if address not in own and (refusal := networks.refusal(address)):
            raise CameraRefusedError(f"it redirects: {refusal}")


def is_own_end(address: object) -> bool:
    """Whether a connection's address, as `getsockname` gives it, belongs to this process."""
    return any(one.getsockname() == address for one in _connections(open_descriptors()))


def _peers(descriptors: set[int]) -> Iterator[str]:
    for one in _connections(descriptors):
        with suppress(OSError):  # it has no other end
            yield str(one.getpeername()[0])


def _connections(descriptors: set[int]) -> Iterator[socket.socket]:
    for number in descriptors:
        with suppress(OSError):  # it is closed by now
            if stat.S_ISSOCK(os.fstat(number).st_mode):
                with closing(socket.socket(fileno=os.dup(number))) as one:
                    if one.family in (socket.AF_INET, socket.AF_INET6):
                        yield one
