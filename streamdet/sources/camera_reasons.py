"""Why a camera cannot be read: FFmpeg's errors in one short sentence each, without the address."""

from __future__ import annotations

import errno
from typing import Final

from streamdet.errors import CameraLostError, CameraRefusedError, CameraSilentError, SourceError

_HTTP: Final = {
    "HTTPUnauthorizedError": "the camera asks for another user name or password (401)",
    "HTTPForbiddenError": "the camera denies this user access (403)",
    "HTTPNotFoundError": "there is no such stream (404)",
    "HTTPBadRequestError": "the camera does not understand the request (400)",
    "HTTPOtherClientError": "the camera refuses the request (4xx)",
    "DecoderNotFoundError": "its video codec is not supported",
    "ProtocolNotFoundError": "the FFmpeg of this PyAV cannot speak this kind of address",
    "PatchWelcomeError": "FFmpeg does not know this variant of its format",
    "PermissionError": "this user may not open it",
}
_BUSY: Final = {
    "HTTPServerError": "the camera reports an internal error (5xx)",
    "HTTPTooManyRequestsError": "the camera has too many requests (429)",
    "EOFError": "the stream ended",
    "InvalidDataError": "what it sends is not video that can be read",
}
_NETWORK: Final = {
    errno.ECONNREFUSED: "nothing answers at that address and port",
    errno.EHOSTUNREACH: "that address cannot be reached",
    errno.ENETUNREACH: "that address cannot be reached",
    errno.ECONNRESET: "the connection was closed",
    errno.EPIPE: "the connection was closed",
    errno.ECONNABORTED: "the connection was closed",
    errno.ENOENT: "there is no such device",
    errno.ENODEV: "there is no such device",
    errno.ENXIO: "there is no such device",
    errno.EBUSY: "another program uses it",
}


def explained(exc: Exception, waited: str) -> SourceError:
    """Turn what PyAV raised into a camera's error.

    Args:
        exc: FFmpeg's error, or another that PyAV raises on bad data.
        waited: the sentence for a time limit that has passed.
    """
    name = type(exc).__name__
    if name in _HTTP:
        return CameraRefusedError(_HTTP[name])
    if name in _BUSY:
        return CameraLostError(_BUSY[name])
    number = exc.errno if isinstance(exc, OSError) else None
    if name in ("ExitError", "TimeoutError") or number in (errno.ETIMEDOUT, errno.EAGAIN):
        return CameraSilentError(waited)
    if number in _NETWORK:
        return CameraLostError(_NETWORK[number])
    if number == errno.EIO:
        return CameraLostError("the connection failed")
    return CameraLostError("what it sends cannot be read")
