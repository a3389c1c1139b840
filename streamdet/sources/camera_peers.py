"""Finds out whom FFmpeg has called: of RTSP it follows redirects, and cannot be told not to.

So an RTSP camera that redirects has another machine asked (OPTIONS to PLAY) before that is seen;
then the connection is closed, and none of its images is decoded.
"""

from __future__ import annotations

import os
import socket
import stat
from collections.abc import Collection, Iterable, Iterator
from contextlib import closing, suppress
from pathlib import Path

from streamdet.system.networks import Networks


def open_sockets() -> dict[int, int]:
    """Map the sockets of this process, by inode, to their descriptors.

    A descriptor's number is soon another's; an inode's is not.
    """
    found = {}
    for path in Path("/proc/self/fd").iterdir():
        with suppress(OSError):  # it is closed by now
            status = os.fstat(int(path.name))
            if stat.S_ISSOCK(status.st_mode):
                found[status.st_ino] = int(path.name)
    return found


def refused_peers(
    before: Collection[int], own: Collection[str], networks: Networks
) -> dict[int, str]:
    """Find new connections that lead to an address that may not be called.

    They are the camera's, or of something else in this process that has connected meanwhile.

    Args:
        before: inodes of the sockets that there were before the camera was opened.
        own: its own addresses.
        networks: where else its connections may lead.

    Returns:
        Inode -> why it is refused.
    """
    found = {}
    for inode, number in open_sockets().items():
        for address in _peers([number]) if inode not in before else ():
            if address not in own and (refusal := networks.refusal(address)):
                found[inode] = refusal
    return found


def is_own_end(address: object) -> bool:
    """Whether a connection's address, as `getsockname` gives it, belongs to this process."""
    return any(one.getsockname() == address for one in _connections(open_sockets().values()))


def _peers(descriptors: Iterable[int]) -> Iterator[str]:
    for one in _connections(descriptors):
        with suppress(OSError):  # it has no other end
            yield str(one.getpeername()[0])


def _connections(descriptors: Iterable[int]) -> Iterator[socket.socket]:
    for number in descriptors:
        with suppress(OSError):
            copy = os.dup(number)
            try:
                one = socket.socket(fileno=copy)
            except OSError:  # the number is that of something else by now
                os.close(copy)
                continue
            with closing(one):
                if one.family in (socket.AF_INET, socket.AF_INET6):
                    yield one
