"""Checks every request before any route sees it, and says in every answer what a page may do."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final

from fastapi import HTTPException, Request, Response
from fastapi.responses import JSONResponse

from streamdet.server.access import (
    COOKIE,
    Role,
    Sessions,
    Throttle,
    Tokens,
    is_local,
    is_same_origin,
)

OWN_HEADER: Final = "x-streamdet"
"""Changes that a browser asks for must carry it: no form of another site can."""
MAX_BODY: Final = 1 << 20
_HEADERS: Final = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self';"
    " img-src 'self' blob:; connect-src 'self'; form-action 'none'; base-uri 'none';"
    " frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
}
_CHANGES: Final = frozenset({"POST", "PUT", "PATCH", "DELETE"})
_Next = Callable[[Request], Awaitable[Response]]


class Guard:
    """The middleware of the app.

    Args:
        tokens: who may do what; without any, everybody on this machine may do everything.
    """

    def __init__(self, tokens: Tokens) -> None:
        self.tokens = tokens
        self.sessions = Sessions()
        self.throttle = Throttle()

    async def __call__(self, request: Request, call_next: _Next) -> Response:
        """Refuse a request, or pass it on with `request.state.role` set."""
        refusal = self._refusal(request)
        if refusal is not None:
            response: Response = JSONResponse({"detail": refusal[1]}, status_code=refusal[0])
        else:
            request.state.role = self._role(request)
            response = await call_next(request)
        response.headers.update(_HEADERS)
        if request.url.path.startswith("/api/"):
            response.headers.setdefault("Cache-Control", "no-store")
        return response

    def signed_in(self, request: Request, token: str) -> tuple[Role, str]:
        """Open a session for the bearer of a token; returns its role and what its cookie says.

        Raises:
            HTTPException: 401 for a wrong token, 429 for too many of them.
        """
        client = request.client.host if request.client else ""
        if self.throttle.is_over(client):
            raise HTTPException(429, "too many wrong tokens: wait a minute")
        role = self.tokens.role_of(token)
        if role is None:
            self.throttle.count(client)
            raise HTTPException(401, "that is not a token of this server")
        return role, self.sessions.open(role)

    def _refusal(self, request: Request) -> tuple[int, str] | None:
        host = request.headers.get("host", "")
        if not self.tokens and not is_local(host):
            return 403, "without tokens this server answers to localhost and 127.0.0.1 only"
        length = request.headers.get("content-length", "0")
        is_chunked = "transfer-encoding" in request.headers
        if is_chunked or not length.isdigit() or int(length) > MAX_BODY:
            return 413, f"a request may have {MAX_BODY} bytes, with their number stated"
        if request.method in _CHANGES and not self._is_own(request, host):
            return 403, f"a change needs the header `{OWN_HEADER}: 1`, and no foreign Origin"
        return None

    def _is_own(self, request: Request, host: str) -> bool:
        """Whether a change comes from a program, or from a page of this server."""
        if "authorization" in request.headers:
            return True  # a browser adds this only where a page of this server told it to
        origin = request.headers.get("origin")
        is_foreign = origin is not None and not is_same_origin(origin, host)
        return OWN_HEADER in request.headers and not is_foreign

    def _role(self, request: Request) -> Role | None:
        if not self.tokens:
            return "operator"
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer":
            client = request.client.host if request.client else ""
            role = None if self.throttle.is_over(client) else self.tokens.role_of(token)
            if role is None:
                self.throttle.count(client)
            return role
        return self.sessions.role_of(request.cookies.get(COOKIE, ""))


def needs_viewer(request: Request) -> None:
    """Let only viewers and operators pass.

    Raises:
        HTTPException: 401.
    """
    if request.state.role is None:
        raise HTTPException(401, "wanted a token: Authorization: Bearer TOKEN, or sign in")


def needs_operator(request: Request) -> None:
    """Let only operators pass.

    Raises:
        HTTPException: 401 or 403.
    """
    needs_viewer(request)
    if request.state.role != "operator":
        raise HTTPException(403, "only an operator may do that")
