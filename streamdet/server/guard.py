"""Checks every request before any route sees it, and says in every answer what a page may do."""

from __future__ import annotations

from typing import Annotated, Final

from fastapi import Depends, HTTPException, Request
from fastapi.responses import JSONResponse
from fastapi.security import HTTPBearer
from fastapi.security.http import HTTPAuthorizationCredentials
from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

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


class Guard:
    """Says whether a request may pass, and who asks.

    Args:
        tokens: who may do what; without any, everybody on this machine may do everything.
    """

    def __init__(self, tokens: Tokens) -> None:
        self.tokens = tokens
        self.sessions = Sessions()
        self.throttle = Throttle()

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

    def refusal(self, request: Request) -> tuple[int, str] | None:
        """Say why a request is refused, code and sentence; None for one that may pass."""
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

    def role(self, request: Request) -> Role | None:
        """Say who asks; None for a stranger."""
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


class GuardMiddleware:
    """Refuses requests, or passes them on with `request.state.role` set.

    Args:
        app: the application.
        guard: knows who may.
    """

    def __init__(self, app: ASGIApp, guard: Guard) -> None:
        self._app = app
        self._guard = guard

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers.update(_HEADERS)
                if scope["path"].startswith("/api/"):
                    headers.setdefault("Cache-Control", "no-store")
            await send(message)

        request, answer = Request(scope), self._app
        if refusal := self._guard.refusal(request):
            answer = JSONResponse({"detail": refusal[1]}, status_code=refusal[0])
        else:
            request.state.role = self._guard.role(request)
        await answer(scope, receive, send_guarded)


_Bearer = Annotated[
    HTTPAuthorizationCredentials | None,
    Depends(HTTPBearer(auto_error=False, description="Only where the server has tokens.")),
]
"""Has the published schema say how to send a token; the guard has checked it before."""


def needs_viewer(request: Request, bearer: _Bearer = None) -> None:
    """Let only viewers and operators pass.

    Raises:
        HTTPException: 401.
    """
    if request.state.role is None:
        raise HTTPException(401, "wanted a token: Authorization: Bearer TOKEN, or sign in")


def needs_operator(request: Request, bearer: _Bearer = None) -> None:
    """Let only operators pass.

    Raises:
        HTTPException: 401 or 403.
    """
    needs_viewer(request)
    if request.state.role != "operator":
        raise HTTPException(403, "only an operator may do that")
