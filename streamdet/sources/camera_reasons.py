"""Why a camera cannot be read: FFmpeg's errors in one short sentence each, without the address."""

from __future__ import annotations

import errno
from typing import Final

from streamdet.errors import CameraLostError, CameraRefusedError, SourceError

UNREADABLE: Final = "it hung up, or what it sends is not video that can be read"
BROKEN_OFF: Final = "the stream broke off"
_REFUSED: Final = {
    "HTTPUnauthorizedError": "the camera asks for another user name or password (401)",
    "HTTPForbiddenError": "the camera denies this user access (403)",
    "HTTPNotFoundError": "there is no such stream (404)",
    "HTTPBadRequestError": "the camera does not understand the request (400)",
    "HTTPOtherClientError": "the camera refuses (4xx): no video, too many viewers or no UDP",
    "DecoderNotFoundError": "its video codec is not supported",
    "ProtocolNotFoundError": "the FFmpeg of this PyAV cannot speak this kind of address",
    "PatchWelcomeError": "FFmpeg does not know this variant of its format",
    "PermissionError": "this user may not open it",
}
_LOST: Final = {
    "HTTPServerError": "the camera reports an internal error (5xx)",
    "HTTPTooManyRequestsError": "the camera has too many requests (429)",
    "EOFError": "the stream ended",
}
_ERRNO: Final = {
    errno.ECONNREFUSED: "nothing answers at that address and port",
    errno.EHOSTUNREACH: "that address cannot be reached",
    errno.ENETUNREACH: "that address cannot be reached",
    errno.ETIMEDOUT: "nothing answers at that address",
    errno.ECONNRESET: "the connection was closed",
    errno.EPIPE: "the connection was closed",
    errno.ECONNABORTED: "the connection was closed",
    errno.ENOENT: "there is no such device",
    errno.ENODEV: "there is no such device",
    errno.ENXIO: "there is no such device",
    errno.EBUSY: "another program uses it",
}


def explained(exc: Exception, otherwise: str) -> SourceError:
    """Turn what PyAV raised into a camera's error.

    Args:
        exc: FFmpeg's error, or another that bad data causes in PyAV.
        otherwise: what to say of bad data, which is also what is left when a connection ends.
    """
    name = type(exc).__name__
    if name in _REFUSED:
        return CameraRefusedError(_REFUSED[name])
    if name in _LOST:
        return CameraLostError(_LOST[name])
    number = exc.errno if isinstance(exc, OSError) else None
    if number in _ERRNO:
        return CameraLostError(_ERRNO[number])
    return CameraLostError(otherwise)


def unreachable(exc: OSError | None) -> CameraLostError:
    """Say why nothing could be connected to."""
    number = None if exc is None else exc.errno
    return CameraLostError(_ERRNO.get(number or 0, "nothing answers at that address"))
