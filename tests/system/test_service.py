"""What a service manager is told, through a real socket."""

from __future__ import annotations

import secrets
import socket
from pathlib import Path

import pytest

from streamdet.system.service import notify


@pytest.mark.parametrize("is_abstract", [False, True])
def test_lines_come_in_one_datagram(short_folder: Path, is_abstract: bool) -> None:
    name = f"sd-test-{secrets.token_hex(4)}"
    path = str(short_folder / name)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(f"\0{name}" if is_abstract else path)
        manager.settimeout(5)
        place = f"@{name}" if is_abstract else path
        notify("READY=1", "STATUS=two\nlines", environ={"NOTIFY_SOCKET": place})
        assert manager.recv(1000) == b"READY=1\nSTATUS=two lines"


@pytest.mark.parametrize(
    "environ", [{}, {"NOTIFY_SOCKET": ""}, {"NOTIFY_SOCKET": "vsock:2:1"}, {"NOTIFY_SOCKET": "/no"}]
)
def test_nothing_happens_without_a_manager(environ: dict[str, str]) -> None:
    notify("READY=1", environ=environ)


def test_a_manager_that_does_not_read_is_not_waited_for(short_folder: Path) -> None:
    path = str(short_folder / "busy")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(path)
        for _ in range(2000):
            notify("STATUS=more than it can hold", environ={"NOTIFY_SOCKET": path})
        assert manager.recv(1000) == b"STATUS=more than it can hold"
