"""Joins the routes to the web application that a server runs."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from fastapi import Depends, FastAPI, HTTPException, Request, Response
from fastapi.responses import FileResponse, JSONResponse
from fastapi.staticfiles import StaticFiles
from pydantic import BaseModel, Field

from streamdet import __version__
from streamdet.errors import ConfigError, StreamdetError
from streamdet.server import changes, metrics, place_routes, record_routes, routes
from streamdet.server.access import COOKIE, SESSION_S, Tokens
from streamdet.server.guard import Guard, needs_viewer
from streamdet.server.service import Service
from streamdet.system.redaction import redacted

PAGE: Final = Path(__file__).parent / "page"


class SignIn(BaseModel):
    """What a browser sends to sign in."""

    token: str = Field(max_length=1000)


def create_app(service: Service, tokens: Tokens) -> FastAPI:
    """Make the application.

    Args:
        service: the run to serve.
        tokens: who may do what.
    """
    app = FastAPI(
        title="streamdet",
        version=__version__,
        openapi_url="/api/v1/openapi.json",
        docs_url=None,  # they load scripts from elsewhere
        redoc_url=None,
    )
    guard = Guard(tokens)
    app.state.service = service
    app.middleware("http")(guard)
    app.include_router(routes.router)
    app.include_router(changes.router)
    app.include_router(place_routes.router)
    app.include_router(record_routes.router)
    _add_sessions(app, guard)
    _add_health(app, service)
    app.mount("/page", StaticFiles(directory=PAGE), name="page")

    @app.get("/", include_in_schema=False)
    def read_page() -> FileResponse:
        return FileResponse(PAGE / "index.html")

    @app.exception_handler(StreamdetError)
    async def tell(request: Request, exc: StreamdetError) -> JSONResponse:
        code = 400 if isinstance(exc, ConfigError) else 503
        return JSONResponse({"detail": redacted(str(exc))}, status_code=code)

    return app


def _add_sessions(app: FastAPI, guard: Guard) -> None:
    """Let browsers, which cannot keep a token in a header, sign in."""

    @app.get("/api/v1/session", summary="Who you are")
    def read_session(request: Request) -> dict[str, str | bool | None]:
        return {"role": request.state.role, "needs_token": bool(guard.tokens)}

    @app.post("/api/v1/session", summary="Sign in with a token")
    def sign_in(request: Request, response: Response, body: SignIn) -> dict[str, str]:
        role, key = guard.signed_in(request, body.token)
        response.set_cookie(
            COOKIE,
            key,
            max_age=int(SESSION_S),
            httponly=True,
            samesite="strict",
            secure=request.url.scheme == "https",
        )
        return {"role": role}

    @app.delete("/api/v1/session", summary="Sign out", status_code=204)
    def sign_out(request: Request, response: Response) -> None:
        guard.sessions.close(request.cookies.get(COOKIE, ""))
        response.delete_cookie(COOKIE)


def _add_health(app: FastAPI, service: Service) -> None:
    """Add what orchestrators and Prometheus ask."""

    @app.get("/livez", summary="Whether this server answers")
    def read_alive() -> dict[str, str]:
        return {"status": "alive"}

    @app.get("/readyz", summary="Whether the run is under way")
    def read_ready() -> dict[str, str]:
        if not service.is_ready:
            raise HTTPException(503, service.status.problem or "the run has ended")
        return {"status": "ready"}

    @app.get(
        "/metrics",
        summary="Metrics for Prometheus",
        dependencies=[Depends(needs_viewer)],
        response_class=Response,
    )
    def read_metrics() -> Response:
        return Response(metrics.metrics_text(service.status), media_type=metrics.CONTENT_TYPE)
