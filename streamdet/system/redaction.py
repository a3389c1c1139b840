"""Addresses as they may be shown: without the secrets in them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from streamdet.errors import legible

if TYPE_CHECKING:  # the command's first lines read this module: it must load at once
    from pydantic import GetCoreSchemaHandler
    from pydantic_core import CoreSchema

_PASSWORD: Final = re.compile(r"(:/{1,2}(?!/)[^/?#\s:]*):\S*@")
_LONE_USER: Final = re.compile(r"(?<=://)[^/?#\s:@]+@")
_PARAMETER: Final = re.compile(
    r"([?&;][^=&;#\s]*(?:pass|pwd|pw|user|usr|login|secret|token|key|auth|cred|sig)[^=&;#\s]*=)"
    r"[^&#\s]*",
    re.I,
)
_IN_PATH: Final = re.compile(r"(://\S*?/(?:user|usr|login|pass|pwd)[^=/?#\s]*=)[^?#\s]*", re.I)

_BLANKS: Final = {ord(blank): 0xE000 + ord(blank) for blank in " \t\n\r"}
_SHOWN_BLANKS: Final = {private: blank for blank, private in _BLANKS.items()}


def redacted(text: str) -> str:
    """Put *** in place of passwords in every address of a text.

    A password is what stands between `user:` and `@` before the host, a user without one (it may be
    a token), and the value of a query parameter whose name speaks of a user, password, secret,
    token, key or authentication. Some cameras have such parameters in the path,
    `/user=NAME_password=PW_channel=1.sdp`: all after the first is hidden.
    """
    text = _LONE_USER.sub("***@", _PASSWORD.sub(r"\1:***@", text))
    return _IN_PATH.sub(r"\1***", _PARAMETER.sub(r"\1***", text))


def redacted_value(text: str) -> str:
    """Redact a text that is one value: a blank in an address is a part of it."""
    return redacted(text.translate(_BLANKS)).translate(_SHOWN_BLANKS)


def short(text: str, limit: int = 80) -> str:
    """Make what a user gave fit for an error: redacted, on one line, cut where it is long."""
    shown = "".join(
        char if char.isprintable() else char.encode("unicode_escape").decode()
        for char in legible(redacted_value(text))
    )
    return shown if len(shown) <= limit else f"{shown[: limit - 3]}..."


def is_utf8(text: str) -> bool:
    """Say whether an argument of the command line was UTF-8: other bytes arrive as surrogates."""
    return not any("\ud800" <= char <= "\udfff" for char in text)


class SecretUrl:
    """An address that shows its password only to `reveal`: not in repr, str, errors or dumps."""

    __slots__ = ("_url",)

    def __init__(self, url: str) -> None:
        """Hide `url`."""
        self._url = url

    def reveal(self) -> str:
        """Return the address as it is, password and all."""
        return self._url

    def __str__(self) -> str:
        return redacted(self._url)

    def __repr__(self) -> str:
        return f"SecretUrl({redacted(self._url)!r})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, SecretUrl) and other._url == self._url

    def __hash__(self) -> int:
        return hash(self._url)

    @classmethod
    def __get_pydantic_core_schema__(cls, _: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """Let pydantic read it from text and dump it redacted."""
        from pydantic_core import core_schema

        return core_schema.no_info_after_validator_function(
            cls, handler(str), serialization=core_schema.to_string_ser_schema()
        )
