"""What systemd is told of a service of Type=notify (man 3 sd_notify)."""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping
from typing import Final

_VARIABLE: Final = "NOTIFY_SOCKET"


def notify(*lines: str, environ: Mapping[str, str] = os.environ) -> None:
    """Send lines such as READY=1 or STATUS=text; without a service manager nothing happens.

    A manager that has gone away or is busy is no reason to end, nor to wait.

    Args:
        lines: assignments; line breaks in a value become blanks.
        environ: where the manager's socket is named.
    """
    place = environ.get(_VARIABLE, "")
    if not place.startswith(("/", "@")):
        return
    address = f"\0{place[1:]}" if place.startswith("@") else place
    text = "\n".join(line.replace("\n", " ") for line in lines)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sender:
        sender.setblocking(False)
        try:
            sender.sendto(text.encode(errors="replace"), address)
        except OSError:
            return
