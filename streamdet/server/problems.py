"""Turns errors into refusals: a code, and a sentence under `detail`."""

from __future__ import annotations

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse

from streamdet.errors import ConfigError, StreamdetError
from streamdet.system.redaction import redacted, short


def tell_problems(app: FastAPI) -> None:
    """Have an application answer our errors, and requests of a wrong form, with a sentence."""

    @app.exception_handler(StreamdetError)
    async def tell(request: Request, exc: StreamdetError) -> JSONResponse:
        code = 400 if isinstance(exc, ConfigError) else 503
        return _refusal(code, redacted(str(exc)))

    @app.exception_handler(RequestValidationError)
    async def tell_form(request: Request, exc: RequestValidationError) -> JSONResponse:
        return _refusal(422, form_problem(exc))


def form_problem(exc: RequestValidationError) -> str:
    """Say what is wrong with a request; what was sent is not repeated, it may be a secret."""
    faults = []
    for error in exc.errors():
        where = short(".".join(map(str, error["loc"][1:])) or "the body")
        faults.append(f"{where}: {error['msg'][:1].lower()}{error['msg'][1:]}")
    return "; ".join(dict.fromkeys(faults))


def _refusal(code: int, detail: str) -> JSONResponse:
    return JSONResponse({"detail": detail}, status_code=code)
