"""Joins the routes to the web application that a server runs."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from fastapi import Depends, FastAPI, HTTPException, Request, Response
from fastapi.responses import FileResponse
from fastapi.staticfiles import StaticFiles
from pydantic import BaseModel, Field

from streamdet import __version__
from streamdet.server import changes, metrics, place_routes, record_routes, routes
from streamdet.server.access import COOKIE, SESSION_S, Tokens
from streamdet.server.answers import EVERY, READING, Health, Session, SignedIn, media, refusals
from streamdet.server.guard import OWN_HEADER, Guard, GuardMiddleware, needs_viewer
from streamdet.server.problems import tell_problems
from streamdet.server.service import Service

PAGE: Final = Path(__file__).parent / "page"
_ABOUT: Final = (
    "With tokens, send `Authorization: Bearer TOKEN`. Without, this machine alone is answered, and"
    f" changes need the header `{OWN_HEADER}: 1`. A refusal says why in `detail`, a sentence."
)


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
        description=_ABOUT,
        version=__version__,
        openapi_url="/api/v1/openapi.json",
        docs_url=None,  # they load scripts from elsewhere
        redoc_url=None,
        generate_unique_id_function=lambda route: route.name,
    )
    guard = Guard(tokens)
    app.state.service = service
    app.add_middleware(GuardMiddleware, guard=guard)
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

    tell_problems(app)
    return app


def _add_sessions(app: FastAPI, guard: Guard) -> None:
    """Let browsers, which cannot keep a token in a header, sign in."""

    @app.get("/api/v1/session", summary="Who you are", responses=EVERY)
    def read_session(request: Request) -> Session:
        return Session(role=request.state.role, needs_token=bool(guard.tokens))

    signing_in = EVERY | refusals(400, 401, 422, 429)

    @app.post("/api/v1/session", summary="Sign in with a token", responses=signing_in)
    def sign_in(request: Request, response: Response, body: SignIn) -> SignedIn:
        role, key = guard.signed_in(request, body.token)
        response.set_cookie(
            COOKIE,
            key,
            max_age=int(SESSION_S),
            httponly=True,
            samesite="strict",
            secure=request.url.scheme == "https",
        )
        return SignedIn(role=role)

    @app.delete("/api/v1/session", summary="Sign out", status_code=204, responses=EVERY)
    def sign_out(request: Request, response: Response) -> None:
        guard.sessions.close(request.cookies.get(COOKIE, ""))
        response.delete_cookie(COOKIE)


def _add_health(app: FastAPI, service: Service) -> None:
    """Add what orchestrators and Prometheus ask."""

    @app.get("/livez", summary="Whether this server answers", responses=EVERY)
    def read_alive() -> Health:
        return Health(status="alive")

    @app.get("/readyz", summary="Whether the run is under way", responses=EVERY | refusals(503))
    def read_ready() -> Health:
        if not service.is_ready:
            raise HTTPException(503, service.status.problem or "the run has ended")
        return Health(status="ready")

    @app.get(
        "/metrics",
        summary="Metrics for Prometheus",
        dependencies=[Depends(needs_viewer)],
        response_class=Response,
        responses=READING | media(metrics.CONTENT_TYPE),
    )
    def read_metrics() -> Response:
        return Response(metrics.metrics_text(service.status), media_type=metrics.CONTENT_TYPE)
