from __future__ import annotations

import socket
from typing import Any

import pytest

from streamdet.system.networks import (
    EVERYWHERE,
    LINK_LOCAL,
    THIS_MACHINE,
    Networks,
    UnknownHostError,
    is_number,
    look_up,
)

ADDED = Networks(deny_unless_allowed=(*THIS_MACHINE, *LINK_LOCAL))


@pytest.mark.parametrize(
    "address",
    [
        *("127.0.0.1", "127.255.0.9", "::1", "0.0.0.0", "::"),
        *("169.254.169.254", "169.254.0.1", "fe80::1", "fe80::1%eth0"),
        *("fd00:ec2::254", "100.100.100.200", "168.63.129.16", "192.0.0.192"),
        # The same, written as IPv6: mapped, and as NAT64 translates it.
        *("::ffff:127.0.0.1", "::ffff:a9fe:a9fe", "64:ff9b::a9fe:a9fe"),
    ],
)
def test_this_machine_and_metadata_services_are_refused_however_they_are_written(
    address: str,
) -> None:
    assert ADDED.refusal(address)
    assert EVERYWHERE.refusal(address) == ""
    assert EVERYWHERE.led_on.refusal(address)


@pytest.mark.parametrize(
    "address", ["10.0.0.7", "192.168.1.9", "8.8.8.8", "fd00::7", "2001:db8::1"]
)
def test_cameras_in_private_networks_are_called(address: str) -> None:
    assert ADDED.refusal(address) == ""


def test_stated_networks_take_the_place_of_the_defaults() -> None:
    networks = Networks(allow=("127.0.0.0/8", "10.0.0.0/8"), deny=("10.9.0.0/16",))
    assert networks.led_on.refusal("127.0.0.1") == ""
    assert networks.refusal("10.8.0.1") == ""
    assert "deny_networks of the deploy file has 10.9.0.0/16" in networks.refusal("10.9.0.1")
    assert "it is not in allow_networks" in networks.refusal("11.0.0.1")
    assert networks.refusal("fd00::7")


@pytest.mark.parametrize(
    ("host", "expected"),
    [("10.0.0.7", True), ("::1", True), ("door.example", False), ("127.1", False), ("", False)],
)
def test_numbers_are_told_from_names(host: str, expected: bool) -> None:
    assert is_number(host) is expected


def test_short_forms_of_a_number_are_looked_up_like_names() -> None:
    assert [*look_up("127.1")] == ["127.0.0.1"]
    assert [*look_up("0x7f000001")] == ["127.0.0.1"]


def test_a_name_that_is_not_known_or_never_found_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UnknownHostError):
        look_up("no-such-host.invalid")

    def never(*arguments: Any, **options: Any) -> Any:
        import time

        time.sleep(2)
        return []

    monkeypatch.setattr(socket, "getaddrinfo", never)
    with pytest.raises(UnknownHostError, match=r"no answer within 0\.1 s"):
        look_up("slow.invalid", limit_s=0.1)
