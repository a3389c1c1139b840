"""What a Redis server's refusals mean, and what to do about them."""

from __future__ import annotations

import re
from typing import Final

import redis

from streamdet.system.redaction import redacted

_COMMAND: Final = re.compile(r"user( \S+)? has no permissions to run the '([^']+)'", re.I)
_SCRIPT: Final = "executing the script can't run this command"  # what Redis 6.2 says of it
_NO_MULTI: Final = "EXEC without MULTI"  # MULTI was denied before it
_KEY: Final = re.compile(
    r"no permissions to access (a|one of the) key|at least one of the keys", re.I
)
_UNKNOWN: Final = re.compile(r"unknown (redis )?command", re.I)
IS_CLUSTER: Final = (
    "is a Redis Cluster, and a run changes its own keys and its public streams in one step, which a"
    " cluster does not do: use a server that is no cluster, or --redis embedded"
)
_MEANINGS: Final = {
    **dict.fromkeys(
        ("CROSSSLOT", "hash to the same slot", "MOVED", "CLUSTERDOWN"), f"it {IS_CLUSTER}"
    ),
    "used memory > 'maxmemory'": "its memory is full: raise maxmemory, or delete keys",
    "Authentication required": (
        "it wants a password: put it into the address, redis://USER:PASSWORD@HOST:PORT, in"
        " STREAMDET_REDIS, which other users do not see"
    ),
}


def is_not_allowed(exc: Exception) -> bool:
    """Whether a server knows who we are, but does not give us the command: denied or taken away."""
    if isinstance(exc, redis.exceptions.NoPermissionError):
        return True
    return isinstance(exc, redis.ResponseError) and _UNKNOWN.search(str(exc)) is not None


def explained(text: str) -> str:
    """Say what a refusal means to whoever has to do something about it.

    Args:
        text: the server's words.
    """
    found = _COMMAND.search(text)
    if found or _NO_MULTI in text:
        user = ((found and found[1]) or "USER").strip()
        command = found[2].lower() if found else "multi"
        return f"its user may not run {command.upper()}: allow it, ACL SETUSER {user} +{command}"
    if _SCRIPT in text:
        return (
            "its user may not run a command of a script: ACL SETUSER USER +@read +@write +@stream"
        )
    if _KEY.search(text):
        return (
            "its user may not use all keys of a run: allow them, ACL SETUSER USER ~streamdet:*"
            " and ~NAME for each public stream (~detections)"
        )
    if _UNKNOWN.search(text):
        return f"it lacks a command of Redis 6.2, or has another name for it ({text.strip()})"
    meanings = (meaning for words, meaning in _MEANINGS.items() if words in text)
    return next(meanings, text.removeprefix("REFUSED "))


def unanswered(url: str, exc: Exception) -> str:
    """Say why a server does not answer, and what to try where that can be told.

    Args:
        url: its address.
        exc: what the attempt came to.
    """
    reason = redacted(str(exc)).rstrip(".") or type(exc).__name__
    return f"does not answer ({reason}){_tls_hint(url, reason)}"


def _tls_hint(url: str, reason: str) -> str:
    if "CERTIFICATE_VERIFY_FAILED" in reason:
        return "; if you trust it, name the authority's certificate: ?ssl_ca_certs=FILE"
    if url.startswith("rediss://") and re.search(r"time.*out|ssl|closed|reset", reason, re.I):
        return "; if it does not speak TLS, write redis:// in place of rediss://"
    if url.startswith("redis://") and re.search(r"protocol|closed|reset", reason, re.I):
        return "; if it wants TLS, write rediss:// in place of redis://"
    return ""
