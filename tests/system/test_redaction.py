from __future__ import annotations

import pytest
from pydantic import TypeAdapter

from streamdet.config.environment import is_secret
from streamdet.system.redaction import SecretUrl, is_utf8, redacted, short


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("redis://u:pw@h:6379/0", "redis://u:***@h:6379/0"),
        ("rediss://:p@s/s:w@h", "rediss://:***@h"),
        ("redis://h?password=pw&db=1", "redis://h?password=***&db=1"),
        ("https://h/?api_key=k#x", "https://h/?api_key=***#x"),
        ("rtsp://TOKEN@cam/x", "rtsp://***@cam/x"),
        ("http://cam/x?user=u&pwd=p&channel=1", "http://cam/x?user=***&pwd=***&channel=1"),
        ("http://cam/x?login=u;sig=p;n=1", "http://cam/x?login=***"),
        ("udp://@239.0.0.1:5000", "udp://@239.0.0.1:5000"),
        ("at 'redis://u:pw@h' it failed", "at 'redis://u:***@h' it failed"),
        ("rtsp:/u:pw@cam/x", "rtsp:/u:***@cam/x"),
        ("rtsp://cam/user=u_password=pw_channel=1.sdp", "rtsp://cam/user=***"),
        ("rtsp://cam/live/users/door.sdp", "rtsp://cam/live/users/door.sdp"),
        ("redis://h:6379", "redis://h:6379"),
        ("mail a:b@c", "mail a:b@c"),
    ],
)
def test_redacted_hides_passwords_and_nothing_else(text: str, shown: str) -> None:
    assert redacted(text) == shown


def test_a_secret_url_shows_its_password_only_on_request() -> None:
    url = SecretUrl("redis://u:pw@h")
    adapter = TypeAdapter(SecretUrl)
    assert url.reveal() == "redis://u:pw@h"
    assert [str(url), repr(url)] == ["redis://u:***@h", "SecretUrl('redis://u:***@h')"]
    assert adapter.dump_json(url) == b'"redis://u:***@h"'
    assert adapter.validate_python("redis://u:pw@h") == url


def test_secret_urls_are_equal_when_their_addresses_are() -> None:
    assert len({SecretUrl("a"), SecretUrl("a"), SecretUrl("b")}) == 2
    assert SecretUrl("a") != "a"


@pytest.mark.parametrize(
    ("name", "value", "is_one"),
    [
        ("DB_PASSWORD", "x", True),
        ("API_KEY", "x", True),
        ("URL", "redis://u:pw@h", True),
        ("X", "ghp0123456789abcdefABCDEF", True),
        ("STREAMDET_SOURCE", "/archive/cam-2026-11-01_120000.mp4", False),
        ("REPLICAS", "4", False),
    ],
)
def test_a_secret_is_told_by_its_name_or_its_look(name: str, value: str, is_one: bool) -> None:
    assert is_secret(name, value) is is_one


def test_what_a_user_gave_is_shown_short_on_one_line() -> None:
    assert short("a\nb") == "a\\nb"
    assert short("redis://u:pw@h") == "redis://u:***@h"
    assert short("rtsp://u:p w@h/x y") == "rtsp://u:***@h/x y"
    assert short("x" * 100) == "x" * 77 + "..."
    assert (is_utf8("ü"), is_utf8("\udcff")) == (True, False)
