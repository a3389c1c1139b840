"""Who may do what: tokens, sessions of browsers, and requests that another site made them send.

Without tokens everybody who reaches the server is an operator; it then listens on this machine only
(commands/serve.py) and answers only to names of this machine, lest a web page that had its own name
point here (DNS rebinding) read what it serves.
"""

from __future__ import annotations

import hmac
import os
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal

from pydantic import Field, SecretStr

from streamdet.config.options import Options
from streamdet.config.validation import checked
from streamdet.config.yaml_loader import read_yaml
from streamdet.errors import ConfigError

Role = Literal["viewer", "operator"]

COOKIE: Final = "streamdet"
SESSION_S: Final = 7 * 86_400.0
MAX_SESSIONS: Final = 1_000
_LOCAL: Final = frozenset({"localhost", "127.0.0.1", "[::1]", "::1"})
_ENVIRONMENT: Final = {
    "viewer": "STREAMDET_VIEWER_TOKEN",
    "operator": "STREAMDET_OPERATOR_TOKEN",
}

Token = Field(None, min_length=12, description="At least 12 characters.")


class Tokens(Options):
    """The file of `--tokens`."""

    viewer: SecretStr | None = Token
    operator: SecretStr | None = Token

    def __bool__(self) -> bool:
        """Whether there is one."""
        return self.viewer is not None or self.operator is not None

    def role_of(self, token: str) -> Role | None:
        """What the bearer of a token is; None for a token that is none of these."""
        roles: tuple[Role, ...] = ("operator", "viewer")
        for role in roles:
            stated: SecretStr | None = getattr(self, role)
            if stated is not None and hmac.compare_digest(
                stated.get_secret_value().encode(), token.encode(errors="replace")
            ):
                return role
        return None


def load_tokens(path: Path | None, environ: Mapping[str, str] = os.environ) -> Tokens:
    """Read tokens from a YAML file (viewer: ..., operator: ...), else from the environment.

    Raises:
        ConfigError: the file is wrong, or others may read it.
    """
    if path is None:
        stated = {role: environ[name] for role, name in _ENVIRONMENT.items() if environ.get(name)}
        for role, token in stated.items():
            if len(token) < 12:
                raise ConfigError(f"{_ENVIRONMENT[role]}: must have at least 12 characters")
        return Tokens.model_validate(stated)
    text = read_yaml(path, environ)
    if path.stat().st_mode & 0o077:
        raise ConfigError(f"{path}: other users may read it: chmod 600 {path}")
    if not isinstance(text.values, dict):
        raise ConfigError(f"{path}: must hold viewer: TOKEN and operator: TOKEN, or one of them")
    return checked(Tokens, text, (), text.values)


@dataclass(slots=True)
class Sessions:
    """The browsers that have signed in."""

    _known: dict[str, tuple[Role, float]] = field(default_factory=dict)

    def open(self, role: Role) -> str:
        """Begin a session; returns what its cookie says."""
        now_s = time.monotonic()
        self._known = {key: each for key, each in self._known.items() if each[1] > now_s}
        while len(self._known) >= MAX_SESSIONS:
            del self._known[next(iter(self._known))]
        key = secrets.token_urlsafe(32)
        self._known[key] = role, now_s + SESSION_S
        return key

    def role_of(self, key: str) -> Role | None:
        """What a session's user is; None for one that has ended."""
        role, ends_s = self._known.get(key, (None, 0.0))
        return role if ends_s > time.monotonic() else None

    def close(self, key: str) -> None:
        """End a session."""
        self._known.pop(key, None)


class Throttle:
    """Lets a client try a wrong token so often a minute.

    Args:
        most: tries in a minute.
    """

    def __init__(self, most: int = 10) -> None:
        self._most = most
        self._minute = 0
        self._tries: dict[str, int] = {}

    def is_over(self, client: str) -> bool:
        """Whether a client has used up its tries."""
        self._turn()
        return self._tries.get(client, 0) >= self._most

    def count(self, client: str) -> None:
        """Count a wrong token."""
        self._turn()
        self._tries[client] = self._tries.get(client, 0) + 1

    def _turn(self) -> None:
        minute = int(time.monotonic() / 60)
        if minute != self._minute:
            self._minute, self._tries = minute, {}


def is_local(host: str) -> bool:
    """Whether a Host header, or an address to listen at, is this machine's own."""
    name = host if host.count(":") > 1 and not host.startswith("[") else _without_port(host)
    return name.lower() in _LOCAL


def is_same_origin(origin: str, host: str) -> bool:
    """Whether an Origin header names the server that a request came to."""
    return origin.partition("://")[2] == host


def _without_port(host: str) -> str:
    head, _, port = host.rpartition(":")
    return head if head and port.isdigit() else host
