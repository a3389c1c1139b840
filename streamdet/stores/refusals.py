"""Why a store did not do what was asked, in our own words, and whether asking again may help.

No text of a store or of its library gets into a message: it may hold a key, a token or a signed
address. Only what is listed here, the store's error code or an exception's class is told.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final

MISSING: Final = "it does not exist"
EXPIRED: Final = "the credentials have expired: get new ones and give the same command again"
_NONE: Final = "no credentials were found: see docs/stores.md"
_KEYS: Final = "the access key or the secret key is wrong"
_DENIED: Final = "access is denied to these credentials"
_NO_BUCKET: Final = "there is no such bucket"
_INVALID: Final = "that is not a valid bucket or key"
_BUSY: Final = "the store is busy"
_BROKEN: Final = "the connection broke off"
_AWAY: Final = "the store does not answer"

_PASSING: Final = {
    "ExpiredToken": EXPIRED,
    "ExpiredTokenException": EXPIRED,
    "TokenRefreshRequired": EXPIRED,
    "RequestExpired": EXPIRED,
    "SlowDown": _BUSY,
    "ServiceUnavailable": _BUSY,
    "ServerBusy": _BUSY,
    "408": _AWAY,
    "409": _BUSY,
    "429": _BUSY,
    "500": _BUSY,
    "502": _BUSY,
    "503": _BUSY,
    "504": _AWAY,
    "ClientPayloadError": _BROKEN,
    "ResponseStreamingError": _BROKEN,
    "ConnectionClosedError": _BROKEN,
    "HTTPClientError": _BROKEN,
    "IncompleteRead": _BROKEN,
    "EndpointConnectionError": _AWAY,
    "ConnectTimeoutError": _AWAY,
    "ReadTimeoutError": _AWAY,
    "FSTimeoutError": _AWAY,
    "TimeoutError": _AWAY,
    "ClientConnectorError": _AWAY,
    "ServiceRequestError": _AWAY,
    "gaierror": _AWAY,
    "ConnectionResetError": _BROKEN,
    "ConnectionError": _AWAY,
}
"""Error code, HTTP status or class of an exception -> what it means; asking again may help."""

_LASTING: Final = {
    "NoSuchKey": MISSING,
    "NoSuchBucket": _NO_BUCKET,
    "FileNotFoundError": MISSING,
    "404": MISSING,
    "AccessDenied": _DENIED,
    "PermissionError": _DENIED,
    "401": _DENIED,
    "403": _DENIED,
    "InvalidAccessKeyId": _KEYS,
    "SignatureDoesNotMatch": _KEYS,
    "InvalidSecurity": _KEYS,
    "NoCredentialsError": _NONE,
    "PartialCredentialsError": _NONE,
    "TokenRetrievalError": EXPIRED,
    "DefaultCredentialsError": _NONE,
    "ProfileNotFound": "the profile that AWS_PROFILE names does not exist",
    "RequestTimeTooSkewed": "this machine's clock is wrong",
    "PermanentRedirect": "the bucket is in another region: set AWS_DEFAULT_REGION",
    "ParamValidationError": _INVALID,
    "InvalidBucketName": _INVALID,
}
"""The same of what asking again does not help."""

OF_ONE_OBJECT: Final = (_DENIED, _INVALID, _NO_BUCKET)
"""Reasons that may hold for one object only."""

_PLAIN: Final = re.compile(r"[A-Za-z0-9_]{1,40}")


def refusal(exc: BaseException) -> tuple[str, bool]:
    """Say why a store refused, and whether it may do it when it is asked again."""
    names = list(_names(exc))
    for name in names:
        if name in _PASSING:
            return _PASSING[name], True
        if name in _LASTING:
            return _LASTING[name], False
    known = next((name for name in names if _PLAIN.fullmatch(name)), "unknown")
    return f"the store or its library failed: {known}", not re.fullmatch("4..", known)


def _names(exc: BaseException) -> Iterator[str]:
    """List what tells an error, the plainest first: its codes, then its classes, to the causes."""
    chain = list(_chain(exc))
    for error in chain:
        yield from _codes(error)
    for error in reversed(chain):
        yield from (cls.__name__ for cls in type(error).__mro__ if cls not in _GENERAL)


_GENERAL: Final = (Exception, BaseException, object, OSError)


def _chain(exc: BaseException | None) -> Iterator[BaseException]:
    seen = 0
    while exc is not None and seen < 10:
        yield exc
        exc, seen = exc.__cause__ or exc.__context__, seen + 1


def _codes(error: Any) -> Iterator[str]:
    """Read the codes of botocore, gcsfs and Azure, each where it keeps them."""
    response = getattr(error, "response", None)
    if isinstance(response, dict):
        yield str(response.get("Error", {}).get("Code", ""))
        yield str(response.get("ResponseMetadata", {}).get("HTTPStatusCode", ""))
    for name in ("error_code", "code", "status_code", "status"):
        if isinstance(code := getattr(error, name, None), str | int):
            yield str(code)
