"""Posts each event to an HTTP address, signed as Standard Webhooks asks for.

https://www.standardwebhooks.com: `webhook-id` is the event's id, the same each time it is posted;
`webhook-signature` is `v1,` and the base64 of HMAC-SHA256 over "id.timestamp.body".
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import ssl
import time
from collections.abc import Sequence
from contextlib import suppress
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from socket import create_connection
from typing import Annotated, Final
from urllib.parse import SplitResult, urlsplit

from pydantic import AfterValidator, Field, SecretStr

from streamdet.errors import ConfigError
from streamdet.sinks.delivery import DeliveryOptions, DeliverySink
from streamdet.sinks.outbox import Letter
from streamdet.sinks.public_address import PrivateAddressError, addresses
from streamdet.sinks.sender import Courier, DeliveryError, RefusedLetterError
from streamdet.system.redaction import SecretUrl, short

_REFUSED: Final = frozenset({400, 413, 422})
"""Answers that speak of the event itself: it is not tried again."""

_SECRET_PREFIX: Final = "whsec_"  # noqa: S105  the standard's, no secret
_MAX_ANSWER: Final = 1 << 16


def _checked_url(url: SecretUrl) -> SecretUrl:
    try:
        parts = urlsplit(url.reveal())
        is_valid = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        is_valid = False
    if not is_valid:
        raise ValueError(f"must be an http:// or https:// address, got {short(str(url))!r}")
    return url


def _checked_secret(secret: SecretStr) -> SecretStr:
    if not signing_key(secret):
        raise ValueError("must be a text, or whsec_ and base64, and not empty")
    return secret


class WebhookOptions(DeliveryOptions):
    """Options of `webhook`."""

    url: Annotated[SecretUrl, AfterValidator(_checked_url)] = Field(
        description="Where to post, http:// or https://."
    )
    secret: Annotated[SecretStr, AfterValidator(_checked_secret)] | None = Field(
        None,
        description="Signs each request (Standard Webhooks); text, or whsec_ and base64. Put it in"
        " the environment: ${WEBHOOK_SECRET}.",
    )
    allow_private: bool = Field(
        False, description="Whether the address may lead to this machine or the local network."
    )


class WebhookSink(DeliverySink):
    """Posts each event as JSON, in order, at least once; tries until the receiver answers 2xx."""

    Options: type[DeliveryOptions] = WebhookOptions

    def courier(self) -> Courier:
        """Make what posts; a private address is refused at once."""
        poster = Poster(self._options)
        poster.check()
        return poster


class Poster:
    """Posts letters over one connection, which is opened again when it breaks."""

    def __init__(self, options: WebhookOptions) -> None:
        """Remember where to post; connects at the first letter."""
        self._options = options
        self._parts: SplitResult = urlsplit(options.url.reveal())
        self._connection: HTTPConnection | None = None
        self.name = f"webhook {self._parts.hostname}"

    def check(self) -> None:
        """Refuse an address that leads into the local network; see public_address.py.

        Raises:
            ConfigError: it does.
        """
        try:
            self._addresses()
        except PrivateAddressError as exc:
            raise ConfigError(str(exc)) from exc
        except DeliveryError:
            return  # the name may be known later

    def deliver(self, letter: Letter) -> None:
        """Post a letter: see sender.Courier."""
        try:
            status = self._post(letter)
        except (OSError, HTTPException) as exc:
            self.close()
            raise DeliveryError(_reason(exc)) from exc
        if 200 <= status < 300:
            return
        if status in _REFUSED:
            raise RefusedLetterError(f"HTTP {status}")
        raise DeliveryError(f"HTTP {status}{' (not followed)' if 300 <= status < 400 else ''}")

    def rest(self) -> None:
        """Do nothing: an idle connection is opened again when it is needed."""

    def close(self) -> None:
        """Close the connection."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _post(self, letter: Letter) -> int:
        is_fresh = self._connection is None
        connection = self._connection = self._connection or self._connected()
        try:
            answer = self._asked(connection, letter)
        except (OSError, HTTPException):
            if is_fresh:
                raise
            self.close()  # the receiver has closed a connection that was idle: open another
            connection = self._connection = self._connected()
            answer = self._asked(connection, letter)
        read = answer.read(_MAX_ANSWER)
        if answer.will_close or len(read) == _MAX_ANSWER:
            self.close()
        return answer.status

    def _asked(self, connection: HTTPConnection, letter: Letter) -> HTTPResponse:
        target = self._parts.path or "/"
        if self._parts.query:
            target += f"?{self._parts.query}"
        connection.request("POST", target, letter.body, self._headers(letter))
        return connection.getresponse()

    def _headers(self, letter: Letter) -> dict[str, str]:
        timestamp = str(int(time.time()))
        headers = {
            "Content-Type": "application/json",
            "User-Agent": "streamdet",
            "Idempotency-Key": letter.id,
            "webhook-id": letter.id,
            "webhook-timestamp": timestamp,
        }
        if self._options.secret is not None:
            key = signing_key(self._options.secret)
            headers["webhook-signature"] = signature(key, letter.id, timestamp, letter.body)
        if self._parts.username:
            login = f"{self._parts.username}:{self._parts.password or ''}".encode()
            headers["Authorization"] = f"Basic {base64.b64encode(login).decode()}"
        return headers

    def _connected(self) -> HTTPConnection:
        """Connect to an address that was checked."""
        host, port, timeout_s = self._parts.hostname or "", self._port, self._options.timeout_s
        problem: OSError | None = None
        for address in self._addresses():
            try:
                sock = create_connection((address, port), timeout_s)
            except OSError as exc:
                problem = exc
                continue
            if self._parts.scheme == "https":
                sock = ssl.create_default_context().wrap_socket(sock, server_hostname=host)
            kind = HTTPSConnection if self._parts.scheme == "https" else HTTPConnection
            connection = kind(host, port, timeout=timeout_s)
            connection.sock = sock
            connection.auto_open = 0  # it would look the name up again
            return connection
        raise problem or OSError("no address")

    @property
    def _port(self) -> int:
        return self._parts.port or (443 if self._parts.scheme == "https" else 80)

    def _addresses(self) -> Sequence[str]:
        host = self._parts.hostname or ""
        return addresses(host, self._port, allow_private=self._options.allow_private)


def signing_key(secret: SecretStr) -> bytes:
    """Return the bytes that sign: the base64 behind whsec_, else the text; b"" for neither."""
    text = secret.get_secret_value()
    if text.startswith(_SECRET_PREFIX):
        with suppress(binascii.Error, ValueError):
            return base64.b64decode(text.removeprefix(_SECRET_PREFIX), validate=True)
        return b""
    return text.encode()


def signature(key: bytes, letter_id: str, timestamp: str, body: bytes) -> str:
    """Sign a letter as Standard Webhooks does: "v1," and base64."""
    digest = hmac.new(key, f"{letter_id}.{timestamp}.".encode() + body, hashlib.sha256).digest()
    return f"v1,{base64.b64encode(digest).decode()}"


def _reason(exc: OSError | HTTPException) -> str:
    if isinstance(exc, TimeoutError):
        return "no answer in time"
    text = exc.strerror if isinstance(exc, OSError) and exc.strerror else str(exc)
    return text or type(exc).__name__
