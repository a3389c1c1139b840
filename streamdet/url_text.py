"""Addresses as they may be shown: without the secrets in them."""

from __future__ import annotations

import re
from typing import Final

_PASSWORD: Final = re.compile(r"(?<=://)([^/?#\s]*?):\S*@")
_PARAMETER: Final = re.compile(
    r"([?&][^=&#\s]*(?:pass|secret|token|key|auth)[^=&#\s]*=)[^&#\s]*", re.I
)


def redacted(text: str) -> str:
    """Put *** in place of passwords in every address of a text.

    A password is what stands between `user:` and `@` before the host, and the value of a query
    parameter whose name speaks of a password, secret, token, key or authentication.
    """
    return _PARAMETER.sub(r"\1***", _PASSWORD.sub(r"\1:***@", text))
